//! [`Report`]: scored banners as one HTML file that opens with a double click and loads nothing
//! from elsewhere.
//!
//! The page shows the most important numbers, the rule that flags banners with a histogram of the
//! scores, a card for each flagged banner (its clicks, the bins that drive its score, the anchor of
//! its grid, one sentence), the ranking as a table, the anchors, the quality of the data, and
//! notes. The ranking, the sentences and the strongest bins are plain HTML; only pictures, sorting
//! and filtering need the script. The page works in light and dark mode, on a telephone, by
//! keyboard and on paper.
//!
//! Decisions:
//! - Names of domains and grids come from logs and may be hostile. They reach the page only through
//!   one type that escapes them (`text::Text`); the data of the script are numbers and base64,
//!   never text; the script sets text, never HTML; and a content security policy forbids every
//!   load.
//! - Heatmaps are stored as one byte per bin with run-length encoded empty bins (`packed.rs`), so a
//!   banner with 200 clicks takes half a kilobyte.
//! - The page has no clock and no random numbers: the same report gives the same bytes.

mod cards;
mod data;
#[cfg(feature = "analysis")]
mod detection;
mod histogram;
mod packed;
mod page;
mod places;
mod ranking;
mod text;

pub use data::{
    BannerPictures, Fact, QualityLine, Report, ReportAnchor, ReportBanner, ReportColumn,
};

#[cfg(test)]
mod tests;
