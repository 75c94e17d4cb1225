//! [`LogDetectionConfig`]: scores and flags all banners of a click log, in bounded memory.
//!
//! The log yields its banners grid by grid, and two readers run over it, one grid apart: the first
//! takes a sample of the grid, to which the anchor and the scores are fitted; the second scores all
//! banners of the grid, batch by batch on all cores. What stays in memory is the good map of each
//! grid, and 84 bytes for each banner and for each row of a reference (its banners and their
//! samples with fewer clicks). In the end all banners are decided on together.

mod explained;
mod fitted_grid;

use std::ops::ControlFlow;

use rand::seq::SliceRandom;
use rand::seq::index::sample;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Anchor, AnchorChoice, BannerFacts, Candidate, ClickMap, Decision, DecisionConfig,
    DecisionInputs, DetectedGroup, DetectorConfig, LayoutDetector, PartsTable, Reference,
    ReferenceConfig, Smoothing,
};
pub use explained::ExplainedBanner;

use crate::table::{BannerEntry, BannerHeatmap, ClickLog};
use crate::{BannerSize, Error, Result, sample_rng};

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

/// Largest number of banners of a grid that the anchor and the scores are fitted to.
const MAX_FITTED: usize = 2_000;
/// With fewer banners than this a grid shows too little of its rarer layouts to keep the stated
/// false-alarm rate.
const FEW_BANNERS: usize = 100;
/// Number of banners that are scored in one batch.
const BATCH: usize = 1_024;

impl LogDetectionConfig {
    /// Scores and flags the banners of `log`. `progress` is called with the number of banners
    /// scored so far, and stops the run by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When a setting cannot be used, a temporary file of the log cannot be read, or `progress`
    /// returns [`ControlFlow::Break`].
    pub fn run(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<LogDetection> {
        self.decision.check()?;
        let mut parts = PartsTable::of_all_parts();
        let (mut ahead, mut behind) = (log.banners(), log.banners());
        let mut grids: Vec<DetectedLayout> = Vec::new();
        let mut in_anchor = vec![false; log.len()];
        for (first, banners) in groups(log) {
            let entry = log.entry_at(first);
            let display = log.config().common_size.unwrap_or(entry.display);
            let group = u32::try_from(grids.len())
                .map_err(|_| Error::Data("more than 2^32 grids".to_owned()))?;
            let (places, fitted) = self.sample(log, known, first, banners, &mut ahead)?;
            let grid = log.config().grid_of(display)?;
            let candidates = candidates(&fitted, known);
            let fitted = self.fit(
                &entry.banner.grid_id,
                grid,
                &candidates,
                self.seed.wrapping_add(group.into()),
            )?;
            fitted.withheld.iter().for_each(|&at| in_anchor[places[at]] = true);
            let mut of_reference = vec![false; banners];
            if let Some(reference) = &fitted.reference {
                reference.banners.iter().for_each(|&at| of_reference[places[at] - first] = true);
                parts.push_samples(reference, group);
            }
            let compared = compared(fitted.reference.as_ref(), |at| places[at] - first);
            let (detector, layout) = fitted.into_layout(entry, display, first, banners, compared);
            grids.push(layout);
            score_next(&detector, &mut behind, banners, &mut |banner, scored| {
                if of_reference[parts.len() - first] {
                    parts.push_reference(&scored, banner.clicks as f64, group);
                }
                parts.push(&scored, banner.clicks as f64, group);
                progress(parts.len())
            })?;
        }
        let of_banner = |BannerEntry { banner, display, .. }| {
            (known.label(&banner, display), known.is_good(&banner, display))
        };
        let (labels, good): (Vec<Option<bool>>, Vec<bool>) = log.keys().map(of_banner).unzip();
        // A banner that the anchor is made of fits it by construction, so its label would teach
        // just that.
        let learned: Vec<Option<bool>> = labels
            .iter()
            .zip(&in_anchor)
            .map(|(label, in_anchor)| label.filter(|_| !in_anchor))
            .collect();
        let metrics = |banner: usize| known.metrics(&log.entry_at(banner).banner);
        let mut decision = self.decision.decide(
            &parts,
            &DecisionInputs {
                labels: &learned,
                good: &good,
                metrics: &metrics,
                flaggable: parts.len(),
            },
        )?;
        decision.rule += &few_banners(grids.iter().map(|grid| grid.banners));
        Ok(LogDetection { grids, parts, labels, in_anchor, decision })
    }

    /// The banners of a grid that the scores are fitted to, with their positions in the log: all of
    /// them, or a sample of a large grid, which includes banners that the anchor may need.
    pub(super) fn sample(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        first: usize,
        banners: usize,
        ahead: &mut impl Iterator<Item = Result<BannerHeatmap>>,
    ) -> Result<(Vec<usize>, Vec<BannerHeatmap>)> {
        let wanted = |entry: BannerEntry| match &self.anchor {
            _ if known.example(&entry.banner).is_some() => true,
            Some(AnchorChoice::Domain(domain)) => *domain == entry.banner.domain,
            Some(AnchorChoice::MeanOfGood | AnchorChoice::TwoGood) => {
                known.label(&entry.banner, entry.display) == Some(false)
            }
            _ => false,
        };
        let mut chosen = vec![banners <= MAX_FITTED; banners];
        if banners > MAX_FITTED {
            let mut rng = sample_rng(self.seed, first as u64);
            // At most half of the sample, so that the other half represents the grid.
            let mut special: Vec<usize> =
                (0..banners).filter(|&at| wanted(log.entry_at(first + at))).collect();
            special.shuffle(&mut rng);
            let special = special.into_iter().take(MAX_FITTED / 2);
            special
                .chain(sample(&mut rng, banners, MAX_FITTED / 2))
                .for_each(|at| chosen[at] = true);
        }
        let (mut places, mut fitted) = (Vec::new(), Vec::new());
        for (at, chosen) in chosen.into_iter().enumerate() {
            let banner =
                ahead.next().ok_or_else(|| Error::Data("a log lost its banners".to_owned()))??;
            if chosen {
                places.push(first + at);
                fitted.push(banner);
            }
        }
        Ok((places, fitted))
    }
}

/// Scores the next `count` banners, batch by batch on all cores, and gives each to `take`, which
/// stops the work by returning [`ControlFlow::Break`].
pub(super) fn score_next(
    detector: &LayoutDetector,
    banners: &mut impl Iterator<Item = Result<BannerHeatmap>>,
    count: usize,
    take: &mut impl FnMut(&BannerHeatmap, Vec<Option<f64>>) -> ControlFlow<()>,
) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let batch: Vec<BannerHeatmap> =
            banners.by_ref().take(left.min(BATCH)).collect::<Result<_>>()?;
        let scored: Vec<_> = batch
            .par_iter()
            .map(|banner| detector.parts(&banner.heatmap))
            .collect::<Result<_>>()?;
        for (banner, scored) in batch.iter().zip(scored) {
            if take(banner, scored).is_break() {
                return Err(Error::Stopped);
            }
        }
        left -= batch.len();
    }
    Ok(())
}

/// What is to be said of grids that were fitted to few banners; empty if there is none.
pub(super) fn few_banners(fitted: impl Iterator<Item = usize>) -> String {
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

/// The banners of a grid with what is known of each.
fn candidates<'a>(fitted: &'a [BannerHeatmap], known: &BannerFacts) -> Vec<Candidate<'a>> {
    let of = |banner: &'a BannerHeatmap| Candidate {
        heatmap: &banner.heatmap,
        domain: &banner.banner.domain,
        broken: known.label(&banner.banner, banner.display),
        landing_rate: known.landing_rate(&banner.banner),
        example: known.example(&banner.banner),
    };
    fitted.iter().map(of).collect()
}

/// The positions, within their grid, of the banners that the network compares others with; empty
/// without a network.
fn compared(reference: Option<&Reference>, place: impl Fn(usize) -> usize) -> Vec<u32> {
    let with_network = reference.filter(|reference| reference.fit.has_network());
    // Positions beyond 2^32 are dropped; they are only used for pictures.
    let places = with_network.into_iter().flat_map(|reference| &reference.compared);
    places.filter_map(|&at| u32::try_from(place(at)).ok()).collect()
}

/// First banner and number of banners of every grid in one size (the common size, if one is set).
pub(super) fn groups(log: &ClickLog) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<(String, BannerSize)> = None;
    for (at, entry) in log.keys().enumerate() {
        let key = (entry.banner.grid_id, log.config().common_size.unwrap_or(entry.display));
        match groups.last_mut() {
            Some((_, banners)) if last.as_ref() == Some(&key) => *banners += 1,
            _ => groups.push((at, 1)),
        }
        last = Some(key);
    }
    groups
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
