//! [`GridFit`]: whether the clicks of a banner, as a whole, are distributed like those of good
//! banners of its grid.
//!
//! It has five scores, all relative to a [`super::Reference`] of banners that are taken for good:
//!
//! * `neighbor_fit`: the mean distance to the ten most similar reference banners, between square
//!   roots of smoothed shares. Neighbours are used instead of one mean map, because a grid shows
//!   several layouts and because products are not equally popular on all banners.
//! * `pile_up`: the largest excess share of clicks in one spot, beyond what the fifteen most
//!   similar reference banners have there. It also sees clicks that pile up where good banners have
//!   some (a close button, a single product), which a likelihood ratio takes for very good.
//! * `pattern_fit`: how much better one of the known [`Pattern`](crate::defect::Pattern)s, mixed
//!   with a layout of the grid, explains the clicks than any layout alone (a generalised likelihood
//!   ratio, as in [`KnownDefects`], over all layouts).
//! * `set_network`: the log odds of a network that compares the banner with others of its grid; it
//!   was trained on generated layouts to tell broken banners from good ones
//!   ([`super::SetNetwork`]).
//! * `like_broken`, only where banners are known to be broken: how much nearer the banner lies to
//!   the most similar of those than to the ten most similar ones of the reference. Only labels can
//!   say that a rare layout is foreign.
//!
//! A banner that belongs to the reference itself is left out of it when it is scored.

use super::smoothed_shares::{SmoothedShares, distances, nearest, roots};
use super::{
    BannerMaps, ClickMap, KnownDefects, SetNetwork, SetScore, likelihood_ratio::weighted_sum,
};
use crate::{Heatmap, Result};

/// Names of the scores of fit, in the order of [`FitScores`].
pub const FIT_PARTS: [&str; 5] =
    ["neighbor_fit", "pile_up", "pattern_fit", "set_network", "like_broken"];

/// Name of the score of the network, which is in log odds.
pub const NETWORK_PART: &str = FIT_PARTS[3];

/// Name of the score that needs labels.
pub(super) const LABELLED_PART: &str = FIT_PARTS[4];

/// Number of leading scores that a reference is chosen by: those that need neither labels nor the
/// network, which takes far longer.
pub(super) const HAND_MADE: usize = 3;

/// The scores of fit of one banner in the order of [`FIT_PARTS`]; `None` where one is missing.
pub type FitScores = [Option<f64>; FIT_PARTS.len()];

/// Number of most similar reference banners whose distance is averaged.
const NEIGHBORS: usize = 10;
/// Number of most similar reference banners whose mean is the expected distribution of clicks.
const LOCAL: usize = 15;
/// Share of the uniform map in the expected distribution.
const EVEN: f64 = 0.1;

/// The scores of fit of one grid, fitted to its reference.
#[derive(Debug, Clone)]
pub struct GridFit {
    smoothing: SmoothedShares,
    /// Square roots of the smoothed shares of the reference banners.
    reference: Vec<Vec<f32>>,
    layouts: Vec<FittedLayout>,
    /// `None` while the reference is being chosen, or where the network is not used.
    network: Option<SetScore>,
    /// Square roots of the smoothed shares of the banners that are known to be broken.
    broken: Vec<Vec<f32>>,
}

/// What is precomputed for one layout of the grid.
#[derive(Debug, Clone)]
struct FittedLayout {
    /// Log probability of each bin.
    log_map: Vec<f32>,
    defects: KnownDefects,
}

/// The place where a banner has the largest excess of clicks over similar banners of its grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PileUp {
    /// The place, in fractions of the banner's width and height.
    pub place: (f64, f64),
    /// Excess share of the clicks; at most 1, for clicks that all fall into one bin.
    pub share: f64,
}

impl GridFit {
    /// Fits to the smoothed shares of the reference banners and the map of each layout of the grid.
    pub(super) fn new(
        smoothing: SmoothedShares,
        reference: &[&[f32]],
        layouts: &[ClickMap],
    ) -> Self {
        let fitted = |map: &ClickMap| FittedLayout {
            log_map: map.probabilities().iter().map(|p| p.ln() as f32).collect(),
            defects: KnownDefects::new("pattern_fit", map),
        };
        Self {
            smoothing,
            reference: reference.iter().map(|shares| roots(shares)).collect(),
            layouts: layouts.iter().map(fitted).collect(),
            network: None,
            broken: Vec::new(),
        }
    }

    /// Adds the smoothed shares of banners that are known to be broken.
    pub(super) fn with_broken<'a>(self, shares: impl Iterator<Item = &'a [f32]>) -> Self {
        Self { broken: shares.map(roots).collect(), ..self }
    }

    /// Adds the built-in network. `reference` are the heatmaps of the same banners as in
    /// [`GridFit::new`].
    ///
    /// # Errors
    /// When heatmaps differ in their rows or columns of bins.
    pub(super) fn with_network(self, reference: &[&Heatmap]) -> Result<Self> {
        let maps = BannerMaps::new(self.smoothing.grid());
        Ok(Self { network: Some(SetScore::new(SetNetwork::embedded(), maps, reference)?), ..self })
    }

    /// Whether the network is one of the scores.
    pub(super) fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// Returns the scores of a banner in the order of [`FIT_PARTS`]. Only those of the pattern and
    /// the network are present when the reference holds no other banner.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the reference.
    pub fn parts(&self, heatmap: &Heatmap) -> Result<FitScores> {
        self.parts_of(heatmap, &self.smoothing.of(heatmap)?, None)
    }

    /// The scores of a banner whose smoothed `shares` are already known. `itself` is its position
    /// in the reference; if `None`, one identical reference banner (if there is one) is taken to be
    /// it.
    pub(super) fn parts_of(
        &self,
        heatmap: &Heatmap,
        shares: &[f32],
        itself: Option<usize>,
    ) -> Result<FitScores> {
        let pattern_fit = self.pattern_fit(heatmap)?;
        let network =
            self.network.as_ref().map(|network| network.logit(heatmap, itself)).transpose()?;
        let own = roots(shares);
        let nearest = self.nearest(&own, itself);
        let neighbors = &nearest[..nearest.len().min(NEIGHBORS)];
        if neighbors.is_empty() {
            return Ok([None, None, Some(pattern_fit), network, None]);
        }
        let fit =
            neighbors.iter().map(|(distance, _)| distance).sum::<f64>() / neighbors.len() as f64;
        let pile_up = self.pile_up_against(shares, &self.expected(&nearest)).share;
        // Distance 0 is the banner itself, if it is one of those that are known to be broken.
        let to_broken = distances(self.broken.iter().map(Vec::as_slice), &own).into_iter();
        let to_broken = to_broken.filter(|distance| *distance > 0.0).min_by(f64::total_cmp);
        Ok([
            Some(fit),
            Some(pile_up),
            Some(pattern_fit),
            network,
            to_broken.map(|distance| fit - distance),
        ])
    }

    /// The reference banners most similar to `own` (square roots of shares), as pairs of distance
    /// and position, nearest first.
    fn nearest(&self, own: &[f32], itself: Option<usize>) -> Vec<(f64, usize)> {
        let reference = self.reference.iter().map(Vec::as_slice);
        let mut all: Vec<(f64, usize)> = distances(reference, own).into_iter().zip(0..).collect();
        match itself {
            Some(at) => _ = all.swap_remove(at),
            None => {
                if let Some(at) = all.iter().position(|(distance, _)| *distance == 0.0) {
                    all.swap_remove(at);
                }
            }
        }
        nearest(all, LOCAL.max(NEIGHBORS))
    }

    /// The mean shares of the nearest banners, mixed with a share of the uniform map.
    fn expected(&self, nearest: &[(f64, usize)]) -> Vec<f32> {
        let local = &nearest[..nearest.len().min(LOCAL)];
        let mut expected = vec![0.0_f32; self.smoothing.len()];
        for &(_, at) in local {
            expected
                .iter_mut()
                .zip(&self.reference[at])
                .for_each(|(sum, root)| *sum += root * root);
        }
        let (own, even) =
            ((1.0 - EVEN) / local.len().max(1) as f64, EVEN / self.smoothing.len() as f64);
        expected.iter_mut().for_each(|share| *share = (own * f64::from(*share) + even) as f32);
        expected
    }

    fn pile_up_against(&self, shares: &[f32], expected: &[f32]) -> PileUp {
        let more = shares.iter().zip(expected).map(|(own, expected)| f64::from(own - expected));
        let (point, most) = more.enumerate().fold((0, f64::NEG_INFINITY), |best, (point, more)| {
            if more > best.1 { (point, more) } else { best }
        });
        PileUp {
            place: self.smoothing.place(point),
            share: most / self.smoothing.peak_of_a_point_mass(),
        }
    }

    /// How much better a known pattern mixed with a layout explains the clicks than any layout
    /// alone, in nats per click; 0 without a click.
    fn pattern_fit(&self, heatmap: &Heatmap) -> Result<f64> {
        let (mut with, mut without) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for layout in &self.layouts {
            let gain = layout.defects.guess(heatmap)?.score;
            let (sum, clicks) = weighted_sum(heatmap.values(), &layout.log_map);
            let fit = if clicks > 0.0 { sum / clicks } else { 0.0 };
            with = with.max(fit + gain);
            without = without.max(fit);
        }
        Ok(if self.layouts.is_empty() { 0.0 } else { with - without })
    }
}

#[cfg(test)]
mod tests;
