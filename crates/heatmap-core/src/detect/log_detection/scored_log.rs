//! [`ScoredLog`]: the parts of all banners of a log, and the decision on all of them together.

use super::{DetectedLayout, GridSink, LogDetection, ScoredBanner};
use crate::Result;
use crate::detect::{DecisionConfig, DecisionInputs, FitScores, PartsTable};
use crate::table::BannerHeatmap;

/// The parts of all banners and what was fitted to their grids, before any banner is decided on.
pub(in crate::detect) struct ScoredLog {
    grids: Vec<DetectedLayout>,
    parts: PartsTable,
    in_anchor: Vec<bool>,
}

/// What is known of the banners of a log besides their clicks, in the order of the log.
pub(in crate::detect) struct Evidence<'a> {
    /// Whether each banner is broken, as far as that is known.
    pub(in crate::detect) labels: Vec<Option<bool>>,
    /// Whether each banner is taken for good, by a label or by its landing rate.
    pub(in crate::detect) good: Vec<bool>,
    /// The metrics of a banner.
    pub(in crate::detect) metrics: &'a (dyn Fn(usize) -> Vec<Option<f64>> + Sync),
}

/// With fewer banners than this a grid shows too little of its rarer layouts to keep the stated
/// false-alarm rate.
const FEW_BANNERS: usize = 100;

impl Default for ScoredLog {
    fn default() -> Self {
        let parts = PartsTable::of_all_parts();
        Self { grids: Vec::new(), parts, in_anchor: Vec::new() }
    }
}

impl GridSink for ScoredLog {
    fn grid(
        &mut self,
        group: u32,
        layout: DetectedLayout,
        thinned: &[(FitScores, f64)],
    ) -> Result<()> {
        self.parts.push_samples(thinned, group);
        self.grids.push(layout);
        Ok(())
    }

    fn banner(&mut self, group: u32, banner: &BannerHeatmap, scored: &ScoredBanner) -> Result<()> {
        self.push(group, banner.clicks, scored);
        Ok(())
    }
}

impl ScoredLog {
    /// Adds the next banner of the log.
    pub(in crate::detect) fn push(&mut self, group: u32, clicks: u64, scored: &ScoredBanner) {
        if scored.of_reference {
            self.parts.push_reference(&scored.parts, clicks as f64, group);
        }
        self.parts.push(&scored.parts, clicks as f64, group);
        self.in_anchor.push(scored.in_anchor);
    }

    /// Scores and flags all banners: everything that needs more than one grid.
    pub(in crate::detect) fn decide(
        self,
        config: &DecisionConfig,
        evidence: Evidence<'_>,
    ) -> Result<LogDetection> {
        let Self { grids, parts, in_anchor } = self;
        let Evidence { labels, good, metrics } = evidence;
        // A banner that the anchor is made of fits it by construction, so its label would teach
        // just that.
        let learned: Vec<Option<bool>> = labels
            .iter()
            .zip(&in_anchor)
            .map(|(label, in_anchor)| label.filter(|_| !in_anchor))
            .collect();
        let inputs =
            DecisionInputs { labels: &learned, good: &good, metrics, flaggable: parts.len() };
        let mut decision = config.decide(&parts, &inputs)?;
        decision.rule += &few_banners(grids.iter().map(|grid| grid.banners));
        Ok(LogDetection { grids, parts, labels, in_anchor, decision })
    }
}

/// What is to be said of grids that were fitted to few banners; empty if there is none.
pub(in crate::detect) fn few_banners(fitted: impl Iterator<Item = usize>) -> String {
    let fitted: Vec<usize> = fitted.collect();
    let small = fitted.iter().filter(|&&banners| banners < FEW_BANNERS).count();
    if small == 0 {
        return String::new();
    }
    let (of, have) = (fitted.len(), if small == 1 { "grid has" } else { "grids have" });
    format!(
        " {small} {have} fewer than {FEW_BANNERS} banners, of {of}: a layout that few of them show \
         cannot be told from a defect there, and more good banners may be flagged than stated."
    )
}
