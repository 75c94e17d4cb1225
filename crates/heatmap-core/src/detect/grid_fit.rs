//! [`GridFit`]: whether the clicks of a banner, as a whole, are distributed as those of good
//! banners of its grid.
//!
//! Scores, each two-sided or against stated defects, all relative to a [`super::Reference`]
//! of banners that are taken for good:
//!
//! * `neighbor_fit`: the mean distance to the ten most alike reference banners, in the space of
//!   roots of smoothed shares. Neighbours and not one mean map, because a grid shows several
//!   layouts, and because the weights of products differ from banner to banner.
//! * `pile_up`: the largest share of clicks in one spot, beyond what the fifteen most alike
//!   reference banners have there. It sees clicks that pile up where good banners have some too (a
//!   close button, one product alone), which a likelihood ratio takes for very good.
//! * `pattern_fit`: how much better one of the known [`super::Pattern`]s, mixed with a layout of
//!   the grid, explains the clicks than any layout alone (a generalised likelihood ratio, as
//!   [`KnownDefects`], over all layouts).
//!
//! * `set_network`: what a network says that was trained to tell broken banners from good ones
//!   beside others of their grid, on generated layouts ([`super::SetNetwork`]).
//!
//! Where banners are known to be broken, one more: `like_broken`, how much nearer a banner lies to
//! the most alike of those than to the ten most alike of the reference. Labels alone can say that a
//! rare layout is foreign.
//!
//! A banner that is in the reference itself is left out when it is scored.

use super::smoothed_shares::{SmoothedShares, distances, nearest, roots};
use super::{
    BannerMaps, ClickMap, KnownDefects, SetNetwork, SetScore, likelihood_ratio::weighted_sum,
};
use crate::{Heatmap, Result};

/// Names of the scores, in order.
pub const FIT_PARTS: [&str; 5] =
    ["neighbor_fit", "pile_up", "pattern_fit", "set_network", "like_broken"];

/// The one of them that is in log odds.
pub const NETWORK_PART: &str = FIT_PARTS[3];

/// The one of them that takes labels.
pub(super) const LABELLED_PART: &str = FIT_PARTS[4];

/// The first of them, which a reference is chosen by: all but the network, which takes far longer.
pub(super) const HAND_MADE: usize = 3;

/// The scores of a banner in the order of [`FIT_PARTS`].
pub type FitScores = [Option<f64>; FIT_PARTS.len()];

/// The most alike reference banners whose distance counts.
const NEIGHBORS: usize = 10;
/// The most alike reference banners whose mean says how many clicks belong where.
const LOCAL: usize = 15;
/// Share of even clicks in what is expected of a banner.
const EVEN: f64 = 0.1;

/// The scores of fit of one grid.
#[derive(Debug, Clone)]
pub struct GridFit {
    smoothing: SmoothedShares,
    /// Roots of the smoothed shares of the reference banners.
    reference: Vec<Vec<f32>>,
    layouts: Vec<FittedLayout>,
    /// None while the reference is being chosen.
    network: Option<SetScore>,
    /// Roots of the smoothed shares of the banners that are known to be broken.
    broken: Vec<Vec<f32>>,
}

/// One layout of the grid.
#[derive(Debug, Clone)]
struct FittedLayout {
    /// ln p of each bin.
    log_map: Vec<f32>,
    defects: KnownDefects,
}

/// Where a banner has most clicks beyond what like banners of its grid have there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PileUp {
    /// The place, in fractions of the banner's width and height.
    pub place: (f64, f64),
    /// Share of the clicks beyond what is expected; at most 1 for clicks that all fall into one
    /// bin.
    pub share: f64,
}

impl GridFit {
    /// From the smoothed shares of the reference banners and a map of each layout of the grid.
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

    /// With the smoothed shares of banners that are known to be broken.
    pub(super) fn with_broken<'a>(self, shares: impl Iterator<Item = &'a [f32]>) -> Self {
        Self { broken: shares.map(roots).collect(), ..self }
    }

    /// With the built-in network too; `reference` are the banners that [`GridFit::new`] was given
    /// the shares of.
    ///
    /// # Errors
    /// When a heatmap is on another grid.
    pub(super) fn with_network(self, reference: &[&Heatmap]) -> Result<Self> {
        let maps = BannerMaps::new(self.smoothing.grid());
        Ok(Self { network: Some(SetScore::new(SetNetwork::embedded(), maps, reference)?), ..self })
    }

    /// Whether the network is among the scores.
    pub(super) fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// The scores of a banner in the order of [`FIT_PARTS`]; the first two are missing when the
    /// reference holds no other banner.
    ///
    /// # Errors
    /// When the heatmap is on another grid.
    pub fn parts(&self, heatmap: &Heatmap) -> Result<FitScores> {
        self.parts_of(heatmap, &self.smoothing.of(heatmap)?, None)
    }

    /// The scores of a banner whose smoothed shares are at hand. `itself` is its place in the
    /// reference, if that is known; else a reference banner that equals it is taken for it.
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
        // A banner that is among the known ones is not held against itself.
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

    /// The reference banners most like the one with these roots, nearest first.
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

    /// The shares that like banners have.
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

    /// How much better a known pattern with a layout explains the clicks than any layout alone, in
    /// nats per click; 0 without a click.
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
