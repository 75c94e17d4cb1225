//! The content of a [`Report`]: plain data that the caller fills in.

use crate::{BannerSize, Error, Heatmap, Result};

/// Everything that the report page shows. All texts are plain text and may hold any character.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// One line below the heading: what the report is about, and from which files.
    pub subtitle: String,
    /// When and by which program the report was made (the report itself reads no clock). Nothing is
    /// shown if it is empty.
    pub generated: String,
    /// The numbers at the top of the page.
    pub summary: Vec<Fact>,
    /// Reasons to doubt that the files mean what was read from them, each a sentence or two; they
    /// are shown above everything else.
    pub warnings: Vec<String>,
    /// Questions that only a person can answer, each a sentence or two; they are shown above
    /// the results.
    pub questions: Vec<String>,
    /// The rule by which banners are flagged, with its false-alarm rate, in words.
    pub rule: String,
    /// The score above which banners are flagged, if there is one for all. The histogram marks it.
    pub threshold: Option<f64>,
    /// The parts of the score, in the order of [`ReportBanner::parts`].
    pub columns: Vec<ReportColumn>,
    /// All banners, most broken first. The table shows the first 5,000, the histogram all.
    pub banners: Vec<ReportBanner>,
    /// The anchors that banners were compared with, and groups of banners that look alike.
    pub anchors: Vec<ReportAnchor>,
    /// How the files were read, where they are not as described: a sentence each.
    pub assumptions: Vec<String>,
    /// Which rows of the input were left out or mended, and why.
    pub quality: Vec<QualityLine>,
    /// Paragraphs on the method and its limits.
    pub notes: Vec<String>,
}

/// A number at the top of the page, with its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fact {
    /// What the number counts.
    pub name: String,
    /// The number, formatted.
    pub value: String,
    /// A few words below the number; may be empty.
    pub note: String,
}

/// A column of the ranking: a part of the score, or another number that each banner has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportColumn {
    /// Name as in `scores.csv`.
    pub name: String,
    /// Short heading of the column.
    pub title: String,
    /// One sentence that says what it measures.
    pub help: String,
}

/// A banner with its score, its explanation and its pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportBanner {
    /// Position in the ranking, counted from 1.
    pub rank: usize,
    /// Site or app that shows the banner.
    pub domain: String,
    /// Layout id of its grid.
    pub grid_id: String,
    /// Display size of the banner, in px.
    pub display: BannerSize,
    /// Number of clicks that were scored.
    pub clicks: u64,
    /// The score: higher means more likely broken.
    pub score: f64,
    /// Whether the rule flags it as broken.
    pub flagged: bool,
    /// What has changed since an earlier run, in a word or two; `None` where nothing has.
    pub change: Option<&'static str>,
    /// Whether it is labelled broken, if it has a label.
    pub label: Option<bool>,
    /// One plain sentence on why it has its score.
    pub reason: String,
    /// One number for each of [`Report::columns`]; `None` where it is missing.
    pub parts: Vec<Option<f64>>,
    /// Its pictures, if they were kept.
    pub pictures: Option<BannerPictures>,
}

/// The data that the pictures of a banner are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct BannerPictures {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// For each bin, row-major: how many clicks more (above 0) or fewer (below 0) the banner has
    /// than a good one would.
    pub drivers: Vec<f32>,
    /// How much each ninth of the banner, row by row from the top left, adds to the network's log
    /// odds of broken; `None` where the network was not used.
    pub network: Option<[f64; 9]>,
    /// Index in [`Report::anchors`] of the anchor that the banner was compared with.
    pub anchor: Option<usize>,
}

/// A mean map to show: the anchor of a grid, or a group of banners that look alike.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportAnchor {
    /// Layout id of its grid.
    pub grid_id: String,
    /// Heading, such as "anchor" or "12 banners look like this".
    pub title: String,
    /// Display size of its banners, in px.
    pub display: BannerSize,
    /// How its banners were chosen, in words.
    pub description: String,
    /// Number of banners that it is the mean of.
    pub banners: usize,
    /// Number of clicks on all these banners.
    pub clicks: f64,
    /// Clicks per bin, in any unit.
    pub heatmap: Heatmap,
}

/// A line on rows of the input that were left out or mended for one reason.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QualityLine {
    /// Why the rows were left out or mended.
    pub reason: String,
    /// Number of rows.
    pub rows: u64,
    /// Clicks in these rows.
    pub clicks: u64,
    /// One such row; may be empty.
    pub example: String,
}

impl Report {
    /// Checks that all numbers are finite and that lengths and indices fit together.
    ///
    /// # Errors
    /// When something does not fit; the error names the banner or anchor and what is wrong with it.
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
    /// What is wrong with the banner, if anything is.
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
