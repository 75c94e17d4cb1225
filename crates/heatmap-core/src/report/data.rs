//! What a [`Report`] says: plain data that the caller fills in.

use crate::{BannerSize, Error, Heatmap, Result};

/// Everything on the page. All texts are plain text; they may hold any character.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// One line below it: of what, from which files.
    pub subtitle: String,
    /// When and by which program; the report has no clock of its own. Empty for nothing.
    pub generated: String,
    /// The numbers at the top.
    pub summary: Vec<Fact>,
    /// Questions that only a person can answer, each a sentence or two; they stand above everything
    /// else.
    pub questions: Vec<String>,
    /// How banners are flagged, and with which rate of false alarms.
    pub rule: String,
    /// The score from which on banners are flagged, where there is one for all; it is drawn into
    /// the histogram.
    pub threshold: Option<f64>,
    /// Names of the parts of a score, in the order of [`ReportBanner::parts`].
    pub columns: Vec<ReportColumn>,
    /// All banners, most broken first. The table has the first 5,000, the histogram all.
    pub banners: Vec<ReportBanner>,
    /// What banners were compared with, and groups of banners that look alike.
    pub anchors: Vec<ReportAnchor>,
    /// Which rows of the input were left out, and why.
    pub quality: Vec<QualityLine>,
    /// Paragraphs on the method and its limits.
    pub notes: Vec<String>,
}

/// A number at the top of the page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fact {
    /// What it counts.
    pub name: String,
    /// The number as text.
    pub value: String,
    /// A few words below it, or nothing.
    pub note: String,
}

/// A part of the score, or another number that each banner has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportColumn {
    /// Name as in `scores.csv`.
    pub name: String,
    /// Heading of the column, short.
    pub title: String,
    /// One sentence that says what it measures.
    pub help: String,
}

/// A banner and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportBanner {
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// Site or app.
    pub domain: String,
    /// Layout.
    pub grid_id: String,
    /// Size of the banner.
    pub display: BannerSize,
    /// Clicks that were scored.
    pub clicks: u64,
    /// The score: the higher, the more broken.
    pub score: f64,
    /// Whether the rule says broken.
    pub flagged: bool,
    /// Whether a person said broken, where one said anything.
    pub label: Option<bool>,
    /// One plain sentence that says why.
    pub reason: String,
    /// One number per column, where there is one.
    pub parts: Vec<Option<f64>>,
    /// What there is to see, where it was kept.
    pub pictures: Option<BannerPictures>,
}

/// The pictures of a banner.
#[derive(Debug, Clone, PartialEq)]
pub struct BannerPictures {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// For each bin, row-major, how many clicks it has more (above 0) or fewer (below 0) than is
    /// expected of a good banner.
    pub drivers: Vec<f32>,
    /// What each ninth of the banner, row by row from the top left, tells a network, in log odds of
    /// broken; none where none was asked.
    pub network: Option<[f64; 9]>,
    /// Place in [`Report::anchors`] of what the banner was compared with.
    pub anchor: Option<usize>,
}

/// What the banners of a grid were compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportAnchor {
    /// Layout.
    pub grid_id: String,
    /// Heading, such as "Anchor" or "Group of 12 banners".
    pub title: String,
    /// Size of its banners.
    pub display: BannerSize,
    /// How it was chosen, in words.
    pub description: String,
    /// Number of banners in it.
    pub banners: usize,
    /// Their clicks together.
    pub clicks: f64,
    /// Clicks per bin, in whatever unit.
    pub heatmap: Heatmap,
}

/// Rows of the input that were left out or mended for one reason.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QualityLine {
    /// Why.
    pub reason: String,
    /// Number of rows.
    pub rows: u64,
    /// Clicks in these rows.
    pub clicks: u64,
    /// One such row, or nothing.
    pub example: String,
}

impl Report {
    /// Checks that numbers are numbers and that lengths and places fit.
    ///
    /// # Errors
    /// Names the banner or anchor and what is wrong with it.
    pub fn check(&self) -> Result<()> {
        if self.threshold.is_some_and(|threshold| !threshold.is_finite()) {
            return Err(Error::Data(format!("report: the threshold is {:?}", self.threshold)));
        }
        for anchor in &self.anchors {
            let name = &anchor.grid_id;
            if !(anchor.clicks.is_finite() && anchor.clicks >= 0.0) {
                return Err(Error::Data(format!(
                    "report: the anchor of `{name}` has {} clicks",
                    anchor.clicks
                )));
            }
            if anchor.heatmap.grid().is_empty() {
                return Err(Error::Data(format!(
                    "report: the heatmap of the anchor of `{name}` has no bin"
                )));
            }
        }
        self.banners.iter().try_for_each(|banner| {
            let wrong = |what| {
                Error::Data(format!(
                    "report: banner `{}`, `{}`: {what}",
                    banner.domain, banner.grid_id
                ))
            };
            banner
                .wrong(self.columns.len(), self.anchors.len())
                .map_or(Ok(()), |what| Err(wrong(what)))
        })
    }
}

impl ReportBanner {
    /// What is wrong with it, if anything is.
    fn wrong(&self, columns: usize, anchors: usize) -> Option<String> {
        if !self.score.is_finite() {
            return Some(format!("its score is {}", self.score));
        }
        if self.parts.len() != columns {
            return Some(format!("it has {} parts for {columns} columns", self.parts.len()));
        }
        if let Some(part) = self.parts.iter().flatten().find(|part| !part.is_finite()) {
            return Some(format!("one of its parts is {part}"));
        }
        let pictures = self.pictures.as_ref()?;
        let bins = pictures.heatmap.grid().len();
        if bins == 0 {
            return Some("its heatmap has no bin".to_owned());
        }
        if pictures.drivers.len() != bins {
            return Some(format!("it has {} drivers for {bins} bins", pictures.drivers.len()));
        }
        if let Some(driver) = pictures.drivers.iter().find(|driver| !driver.is_finite()) {
            return Some(format!("one of its drivers is {driver}"));
        }
        if let Some(told) = pictures.network.iter().flatten().find(|told| !told.is_finite()) {
            return Some(format!("what one of its ninths tells the network is {told}"));
        }
        let anchor = pictures.anchor.filter(|&anchor| anchor >= anchors)?;
        Some(format!("its anchor is number {anchor} of {anchors}, counted from 0"))
    }
}
