//! [`LogDetectionConfig`]: from a click log to a score for every banner, in bounded memory.
//!
//! The log gives its banners grid by grid. It is read twice, a grid apart: one reader takes a
//! sample of the grid, from which the anchor and the scores are fitted; the other scores all
//! banners of the grid, a batch at a time on all cores. What stays is the good map of each grid and
//! 84 bytes for each banner, and for each of those that are taken for good and their samples. Then
//! all banners are decided on together.

mod explained;
mod fitted_grid;

use std::ops::ControlFlow;

use rand::seq::SliceRandom;
use rand::seq::index::sample;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Anchor, AnchorChoice, BannerFacts, Candidate, ClickMap, Decision, DecisionConfig,
    DecisionInputs, DetectedGroup, DetectorConfig, PARTS, PartsTable, Reference, ReferenceConfig,
    Smoothing,
};
pub use explained::ExplainedBanner;

use crate::table::{BannerEntry, BannerHeatmap, ClickLog};
use crate::{BannerSize, Error, Result, sample_rng};

/// Settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogDetectionConfig {
    /// How the anchor of each grid is chosen; by default by landing rate where there are such, and
    /// else from the bulk. A grid that has no such banner takes its bulk, and one that is too small
    /// for that the step-uniform map; [`DetectedLayout::fell_back`] says so.
    pub anchor: Option<AnchorChoice>,
    /// How clicks become maps.
    pub smoothing: Smoothing,
    /// How banners are chosen that stand for good ones.
    pub reference: ReferenceConfig,
    /// Settings of the scores.
    pub detector: DetectorConfig,
    /// How scores become flags.
    pub decision: DecisionConfig,
    /// Seed of samples and draws.
    pub seed: u64,
}

/// The banners of one grid in one size.
#[derive(Debug, Clone)]
pub struct DetectedLayout {
    /// Layout.
    pub grid_id: String,
    /// Size on the screen.
    pub display: BannerSize,
    /// Place of its first banner in the log; the others follow.
    pub first: usize,
    /// Number of its banners.
    pub banners: usize,
    /// Its good map, and how that was chosen.
    pub anchor: Anchor,
    /// Whether the anchor that was asked for could not be had.
    pub fell_back: bool,
    /// Banners that its others are compared with, by their places counted from the first,
    /// ascending; none where the network has no part.
    pub compared: Vec<u32>,
    /// A map of each layout, where it shows several; see [`DetectedLayout::maps`].
    pub layouts: Vec<ClickMap>,
    /// Groups of like banners, those of the most banners first.
    pub groups: Vec<DetectedGroup>,
    /// Where two large groups differ and nothing says which of them works: one sentence on both.
    pub undecided: Option<String>,
}

/// Scores and flags of all banners, in the order of the log.
#[derive(Debug, Clone)]
pub struct LogDetection {
    /// The grids, in the order of the log.
    pub grids: Vec<DetectedLayout>,
    /// The parts of every banner.
    pub parts: PartsTable,
    /// Labels, as far as known.
    pub labels: Vec<Option<bool>>,
    /// Banners whose label made them part of an anchor, or alone decided on a group that they are
    /// in. Their label was not learned from, and says nothing of what scores are worth.
    pub in_anchor: Vec<bool>,
    /// Scores, flags, and the rule behind them.
    pub decision: Decision,
}

/// Banners of a grid that anchor and scores are fitted to, at most.
const MAX_FITTED: usize = 2_000;
/// With fewer banners a grid knows too little of its rarer layouts for the stated rate.
const FEW_BANNERS: usize = 100;
/// Banners that are scored together.
const BATCH: usize = 1_024;

impl LogDetectionConfig {
    /// Scores and flags the banners of `log`. `progress` is told how many are scored, and may stop.
    ///
    /// # Errors
    /// When a setting cannot be used, a temporary file of the log cannot be read, or `progress`
    /// says [`ControlFlow::Break`].
    pub fn run(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<LogDetection> {
        self.decision.check()?;
        let names = PARTS.iter().map(|part| part.name.to_owned()).collect();
        let mut parts = PartsTable::new(names);
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
            let detector = fitted.detector;
            grids.push(DetectedLayout {
                grid_id: entry.banner.grid_id,
                display,
                first,
                banners,
                compared: compared(fitted.reference.as_ref(), |at| places[at] - first),
                layouts: layouts(fitted.reference.as_ref()),
                anchor: fitted.anchor,
                fell_back: fitted.fell_back,
                groups: fitted.groups,
                undecided: fitted.undecided,
            });
            let mut left = banners;
            while left > 0 {
                let batch: Vec<BannerHeatmap> =
                    behind.by_ref().take(left.min(BATCH)).collect::<Result<_>>()?;
                let scored: Vec<_> = batch
                    .par_iter()
                    .map(|banner| detector.parts(&banner.heatmap))
                    .collect::<Result<_>>()?;
                for (banner, scored) in batch.iter().zip(scored) {
                    if of_reference[parts.len() - first] {
                        parts.push_reference(&scored, banner.clicks as f64, group);
                    }
                    parts.push(&scored, banner.clicks as f64, group);
                }
                left -= batch.len();
                if progress(parts.len()).is_break() {
                    return Err(Error::Stopped);
                }
            }
        }
        let of_banner =
            |entry: BannerEntry| (known.label(&entry.banner), known.is_good(&entry.banner));
        let (labels, good): (Vec<Option<bool>>, Vec<bool>) = log.keys().map(of_banner).unzip();
        // A banner that the anchor is made of fits it by construction: what its label teaches would
        // be that.
        let learned: Vec<Option<bool>> = labels
            .iter()
            .zip(&in_anchor)
            .map(|(label, in_anchor)| label.filter(|_| !in_anchor))
            .collect();
        let metrics = |banner: usize| known.metrics(&log.entry_at(banner).banner);
        let mut decision = self
            .decision
            .decide(&parts, &DecisionInputs { labels: &learned, good: &good, metrics: &metrics })?;
        let small = grids.iter().filter(|grid| grid.banners < FEW_BANNERS).count();
        if small > 0 {
            let (of, have) = (grids.len(), if small == 1 { "grid has" } else { "grids have" });
            decision.rule += &format!(
                " {small} {have} fewer than {FEW_BANNERS} banners, of {of}: a layout that few of \
                 them show cannot be told from a defect there, and \
                 more good banners may be flagged than stated."
            );
        }
        Ok(LogDetection { grids, parts, labels, in_anchor, decision })
    }

    /// The banners of a grid that it is fitted to, with their places in the log: all, or a sample
    /// of a large grid in which those are that the anchor may need.
    fn sample(
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
                known.label(&entry.banner) == Some(false)
            }
            _ => false,
        };
        let mut chosen = vec![banners <= MAX_FITTED; banners];
        if banners > MAX_FITTED {
            let mut rng = sample_rng(self.seed, first as u64);
            // At most half of the sample, so that the rest stands for the grid.
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

/// The banners of a grid with what is known of them.
fn candidates<'a>(fitted: &'a [BannerHeatmap], known: &BannerFacts) -> Vec<Candidate<'a>> {
    let of = |banner: &'a BannerHeatmap| Candidate {
        heatmap: &banner.heatmap,
        domain: &banner.banner.domain,
        broken: known.label(&banner.banner),
        landing_rate: known.landing_rate(&banner.banner),
        example: known.example(&banner.banner),
    };
    fitted.iter().map(of).collect()
}

/// The maps of the layouts of a reference, where there are several.
fn layouts(reference: Option<&Reference>) -> Vec<ClickMap> {
    match reference {
        Some(reference) if reference.layouts.len() > 1 => reference.layouts.clone(),
        _ => Vec::new(),
    }
}

/// The places in their grid of the banners that a reference with a network compares with.
fn compared(reference: Option<&Reference>, place: impl Fn(usize) -> usize) -> Vec<u32> {
    let with_network = reference.filter(|reference| reference.fit.has_network());
    // A place beyond 2^32 has no picture anyway.
    let places = with_network.into_iter().flat_map(|reference| &reference.compared);
    places.filter_map(|&at| u32::try_from(place(at)).ok()).collect()
}

/// First banner and number of banners of every grid in one size, or in the common one.
fn groups(log: &ClickLog) -> Vec<(usize, usize)> {
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
    /// What its banners are explained by: a map of each layout.
    pub fn maps(&self) -> &[ClickMap] {
        if self.layouts.is_empty() { std::slice::from_ref(&self.anchor.map) } else { &self.layouts }
    }
}

impl LogDetection {
    /// The grid of a banner.
    ///
    /// # Panics
    /// When there is no such banner.
    pub fn grid_of(&self, banner: usize) -> usize {
        self.grids.partition_point(|grid| grid.first <= banner) - 1
    }

    /// Number of banners that are flagged.
    pub fn flagged(&self) -> usize {
        self.decision.flagged.iter().filter(|flag| **flag).count()
    }

    /// The banners, most broken first; of equals in the order of the log.
    pub fn ranking(&self) -> Vec<usize> {
        let scores = &self.decision.scores;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        order
    }
}

#[cfg(test)]
mod tests;
