//! [`Report`]: scored banners as one HTML file that anyone opens with a double click, and that
//! loads nothing from elsewhere.
//!
//! What is on the page: the numbers that matter, the rule that flags banners beside a histogram of
//! the scores, a card for each flagged banner (its clicks, the bins that drive its score, the
//! anchor of its grid, one sentence), the ranking as a table, the anchors, what the data lacked,
//! notes. The ranking, the sentences and the strongest bins are plain HTML; only the pictures,
//! sorting and filtering need script. The page works in light and dark, on a telephone, by keyboard
//! and on paper.
//!
//! Decisions:
//! - Names of domains and grids come from logs and may be hostile. They reach the page through one
//!   type that escapes (`text::Text`); the script's data are numbers and base64, never text; the
//!   script sets text, never HTML; and a content security policy forbids every load.
//! - Heatmaps travel as one byte per bin with runs of empty bins (`packed.rs`), so a banner with
//!   200 clicks costs half a kilobyte.
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
