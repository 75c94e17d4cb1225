//! [`GridSink`]: takes what comes of the grids of a log, one grid after another.

use std::ops::ControlFlow;

use rand::seq::SliceRandom;
use rand::seq::index::sample;
use rayon::prelude::*;

use super::{DetectedLayout, LogDetectionConfig};
use crate::detect::{AnchorChoice, BannerFacts, Candidate, FitScores, LayoutDetector, Reference};
use crate::table::{BannerEntry, BannerHeatmap, ClickLog};
use crate::{BannerSize, Error, Result, sample_rng};

/// Takes what comes of the grids of a log, each before its banners, which follow in their order.
pub(in crate::detect) trait GridSink {
    /// Takes a grid, which is number `group` of the log, and the scores of fit of its reference
    /// banners with fewer clicks.
    fn grid(
        &mut self,
        group: u32,
        layout: DetectedLayout,
        thinned: &[(FitScores, f64)],
    ) -> Result<()>;

    /// Takes the next banner of grid `group`.
    fn banner(&mut self, group: u32, banner: &BannerHeatmap, scored: &ScoredBanner) -> Result<()>;
}

/// What comes of one banner before all are decided on.
pub(in crate::detect) struct ScoredBanner {
    /// Its parts, in the order of [`PARTS`](crate::detect::PARTS).
    pub(in crate::detect) parts: Vec<Option<f64>>,
    /// Whether it is taken for good.
    pub(in crate::detect) of_reference: bool,
    /// Whether its label is not to be learned from; see
    /// [`LogDetection::in_anchor`](super::LogDetection::in_anchor).
    pub(in crate::detect) in_anchor: bool,
}

/// Largest number of banners of a grid that the anchor and the scores are fitted to.
const MAX_FITTED: usize = 2_000;
/// Number of banners that are scored in one batch.
const BATCH: usize = 1_024;

impl LogDetectionConfig {
    /// Fits and scores the grids of `log`, those of its shard if it was read as one, and gives
    /// `sink` what comes of them. Nothing here depends on another grid but for its number.
    /// `progress` is called with the number of banners scored so far.
    pub(in crate::detect) fn score_grids(
        &self,
        log: &ClickLog,
        known: &BannerFacts,
        sink: &mut dyn GridSink,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<()> {
        let (mut ahead, mut behind) = (log.banners(), log.banners());
        let mut done = 0;
        for (group, (first, banners)) in groups(log).into_iter().enumerate() {
            let entry = log.entry_at(first);
            let display = log.config().common_size.unwrap_or(entry.display);
            if log.shard().is_some_and(|shard| !shard.has(&entry.banner.grid_id, display)) {
                continue;
            }
            let group =
                u32::try_from(group).map_err(|_| Error::Data("more than 2^32 grids".to_owned()))?;
            let (places, fitted) = self.sample(log, known, first, banners, &mut ahead)?;
            let grid = log.config().grid_of(display)?;
            let candidates = candidates(&fitted, known);
            let mut fitted = self.fit(
                &entry.banner.grid_id,
                grid,
                &candidates,
                self.seed.wrapping_add(group.into()),
            )?;
            let mark = |at: &[usize]| {
                let mut marked = vec![false; banners];
                at.iter().for_each(|&at| marked[places[at] - first] = true);
                marked
            };
            let in_anchor = mark(&fitted.withheld);
            let (of_reference, thinned) = match &mut fitted.reference {
                Some(reference) => {
                    (mark(&reference.banners), std::mem::take(&mut reference.thinned))
                }
                None => (mark(&[]), Vec::new()),
            };
            let compared = compared(fitted.reference.as_ref(), |at| places[at] - first);
            let (detector, layout) = fitted.into_layout(entry, display, first, banners, compared);
            sink.grid(group, layout, &thinned)?;
            let mut marks = of_reference.into_iter().zip(in_anchor);
            score_next(&detector, &mut behind, banners, &mut |banner, parts| {
                let (of_reference, in_anchor) = marks.next().unwrap_or_default();
                sink.banner(group, banner, &ScoredBanner { parts, of_reference, in_anchor })?;
                done += 1;
                going_on(progress(done))
            })?;
        }
        Ok(())
    }

    /// The banners of a grid that the scores are fitted to, with their positions in the log: all of
    /// them, or a sample of a large grid, which includes banners that the anchor may need.
    pub(in crate::detect) fn sample(
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
            let banner = ahead.next().ok_or_else(lost)??;
            if chosen {
                places.push(first + at);
                fitted.push(banner);
            }
        }
        Ok((places, fitted))
    }
}

/// Takes a banner with its parts.
type TakeParts<'a> = dyn FnMut(&BannerHeatmap, Vec<Option<f64>>) -> Result<()> + 'a;

/// Scores the next `count` banners, batch by batch on all cores, and gives each to `take`.
pub(in crate::detect) fn score_next(
    detector: &LayoutDetector,
    banners: &mut impl Iterator<Item = Result<BannerHeatmap>>,
    count: usize,
    take: &mut TakeParts<'_>,
) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let batch: Vec<BannerHeatmap> =
            banners.by_ref().take(left.min(BATCH)).collect::<Result<_>>()?;
        if batch.is_empty() {
            return Err(lost());
        }
        let scored: Vec<_> = batch
            .par_iter()
            .map(|banner| detector.parts(&banner.heatmap))
            .collect::<Result<_>>()?;
        for (banner, scored) in batch.iter().zip(scored) {
            take(banner, scored)?;
        }
        left -= batch.len();
    }
    Ok(())
}

/// The error of a log that has fewer banners than it has names.
fn lost() -> Error {
    Error::Data("a log lost its banners".to_owned())
}

/// What a caller says of its progress, as a result.
pub(in crate::detect) fn going_on(flow: ControlFlow<()>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
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
pub(in crate::detect) fn groups(log: &ClickLog) -> Vec<(usize, usize)> {
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
