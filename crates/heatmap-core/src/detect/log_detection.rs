//! [`LogDetectionConfig`]: scores and flags all banners of a click log, in bounded memory.
//!
//! The log yields its banners grid by grid, and two readers run over it, one grid apart: the first
//! takes a sample of the grid, to which the anchor and the scores are fitted; the second scores all
//! banners of the grid, batch by batch on all cores. What stays in memory is the good map of each
//! grid, and 84 bytes for each banner and for each row of a reference (its banners and their
//! samples with fewer clicks). In the end all banners are decided on together.
//!
//! So a run has two steps: what concerns one grid alone ([`GridSink`] takes it), and what concerns
//! all banners ([`ScoredLog::decide`]). The first can be split over several processes.

mod explained;
mod fitted_grid;
mod grid_scores;
mod scored_log;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{
    Anchor, AnchorChoice, BannerFacts, ClickMap, Decision, DecisionConfig, DetectedGroup,
    DetectorConfig, PartsTable, ReferenceConfig, Smoothing,
};
pub use explained::ExplainedBanner;
pub(super) use grid_scores::{GridSink, ScoredBanner, going_on, groups, score_next};
pub(super) use scored_log::{Evidence, ScoredLog, few_banners};

use crate::table::{BannerEntry, ClickLog};
use crate::{BannerSize, Error, Result};

/// Settings of the detection of broken banners in a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogDetectionConfig {
    /// How the anchor of each grid is chosen; by default by landing rate where there are such, and
    /// else as the bulk. If no banner of a grid qualifies, its bulk is used; if it is too small for
    /// that, the step-uniform map. [`DetectedLayout::fell_back`] tells.
    pub anchor: Option<AnchorChoice>,
    /// How clicks are smoothed into maps.
    pub smoothing: Smoothing,
    /// How the banners that are taken for good are chosen.
    pub reference: ReferenceConfig,
    /// Settings of the scores.
    pub detector: DetectorConfig,
    /// How scores are fused and banners are flagged.
    pub decision: DecisionConfig,
    /// Seed of samples and random draws.
    pub seed: u64,
}

/// One grid in one size, with what was fitted to it.
#[derive(Debug, Clone)]
pub struct DetectedLayout {
    /// Layout id of the grid.
    pub grid_id: String,
    /// Display size of its banners, in px.
    pub display: BannerSize,
    /// Position of its first banner in the log; the others follow it.
    pub first: usize,
    /// Number of its banners.
    pub banners: usize,
    /// Its anchor: the mean map of good banners, and how these were chosen.
    pub anchor: Anchor,
    /// Whether the requested kind of anchor was not available.
    pub fell_back: bool,
    /// The banners that the network compares others with, as ascending positions relative to
    /// `first`; empty where the network was not used.
    pub compared: Vec<u32>,
    /// The map of each layout, if the grid shows several; see [`DetectedLayout::maps`].
    pub layouts: Vec<ClickMap>,
    /// Groups of banners that look alike, largest first.
    pub groups: Vec<DetectedGroup>,
    /// The question to a person where two large groups differ and nothing says which of them works.
    pub undecided: Option<String>,
}

/// The result of a detection: parts, scores and flags of all banners, in the order of the log.
#[derive(Debug, Clone)]
pub struct LogDetection {
    /// The grids, in the order of the log.
    pub grids: Vec<DetectedLayout>,
    /// The parts of every banner, before they are fused.
    pub parts: PartsTable,
    /// The label of each banner: whether it is broken, if that is known.
    pub labels: Vec<Option<bool>>,
    /// Whether the label of a banner made it part of an anchor, or alone decided on its group. Such
    /// labels are not learned from and are not used to evaluate scores.
    pub in_anchor: Vec<bool>,
    /// Scores, flags, and the rule that they follow.
    pub decision: Decision,
}

impl LogDetectionConfig {
    /// Scores and flags the banners of `log`. `progress` is called with the number of banners
    /// scored so far, and stops the run by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When a setting cannot be used, the log was read as a shard, a temporary file of the log
    /// cannot be read, or `progress` returns [`ControlFlow::Break`].
    pub fn run(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<LogDetection> {
        self.decision.check()?;
        whole(log)?;
        let mut scored = ScoredLog::default();
        self.score_grids(log, known, &mut scored, progress)?;
        let of_banner = |BannerEntry { banner, display, .. }| {
            (known.label(&banner, display), known.is_good(&banner, display))
        };
        let (labels, good) = log.keys().map(of_banner).unzip();
        let metrics = |banner: usize| known.metrics(&log.entry_at(banner).banner);
        scored.decide(&self.decision, Evidence { labels, good, metrics: &metrics })
    }
}

/// Refuses a log that holds the clicks of one shard alone.
pub(super) fn whole(log: &ClickLog) -> Result<()> {
    match log.shard() {
        None => Ok(()),
        Some(shard) => Err(Error::Data(format!(
            "the log holds the clicks of shard {shard} alone, and this needs those of all grids"
        ))),
    }
}

impl DetectedLayout {
    /// Returns the map of each layout of the grid; that of the anchor if there is only one layout.
    pub fn maps(&self) -> &[ClickMap] {
        if self.layouts.is_empty() { std::slice::from_ref(&self.anchor.map) } else { &self.layouts }
    }
}

impl LogDetection {
    /// Returns the index in `grids` of the grid of a banner.
    ///
    /// # Panics
    /// When the log has no banner.
    pub fn grid_of(&self, banner: usize) -> usize {
        self.grids.partition_point(|grid| grid.first <= banner) - 1
    }

    /// Returns the number of flagged banners.
    pub fn flagged(&self) -> usize {
        self.decision.flagged.iter().filter(|flag| **flag).count()
    }

    /// Returns the positions of all banners, the most broken first; ties are in the order of the
    /// log.
    pub fn ranking(&self) -> Vec<usize> {
        let scores = &self.decision.scores;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        order
    }
}

#[cfg(test)]
mod tests;
