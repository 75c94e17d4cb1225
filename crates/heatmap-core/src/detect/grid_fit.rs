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

use super::smoothed_shares::{SmoothedShares, distance, roots};
use super::{BannerMaps, ClickMap, KnownDefects, SetNetwork, SetScore, likelihood_ratio::weighted_sum};
use crate::{Heatmap, Result};

/// Names of the scores, in order.
pub const FIT_PARTS: [&str; 5] = ["neighbor_fit", "pile_up", "pattern_fit", "set_network", "like_broken"];

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
    pub(super) fn new(smoothing: SmoothedShares, reference: &[&[f32]], layouts: &[ClickMap]) -> Self {
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
    pub(super) fn parts_of(&self, heatmap: &Heatmap, shares: &[f32], itself: Option<usize>) -> Result<FitScores> {
        let pattern_fit = self.pattern_fit(heatmap)?;
        let network = self.network.as_ref().map(|network| network.logit(heatmap, itself)).transpose()?;
        let nearest = self.nearest(shares, itself);
        let neighbors = &nearest[..nearest.len().min(NEIGHBORS)];
        if neighbors.is_empty() {
            return Ok([None, None, Some(pattern_fit), network, None]);
        }
        let fit = neighbors.iter().map(|(distance, _)| distance).sum::<f64>() / neighbors.len() as f64;
        let pile_up = self.pile_up_against(shares, &self.expected(&nearest)).share;
        // A banner that is among the known ones is not held against itself.
        let to_broken =
            distances(&self.broken, shares).into_iter().filter(|distance| *distance > 0.0).min_by(f64::total_cmp);
        Ok([Some(fit), Some(pile_up), Some(pattern_fit), network, to_broken.map(|distance| fit - distance)])
    }

    /// The most alike reference banners, nearest first.
    fn nearest(&self, shares: &[f32], itself: Option<usize>) -> Vec<(f64, usize)> {
        let mut all: Vec<(f64, usize)> = distances(&self.reference, shares).into_iter().zip(0..).collect();
        match itself {
            Some(at) => _ = all.swap_remove(at),
            None => {
                if let Some(at) = all.iter().position(|(distance, _)| *distance == 0.0) {
                    all.swap_remove(at);
                }
            }
        }
        let by_distance = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let wanted = LOCAL.max(NEIGHBORS).min(all.len());
        if wanted > 0 {
            all.select_nth_unstable_by(wanted - 1, by_distance);
        }
        all.truncate(wanted);
        all.sort_by(by_distance);
        all
    }

    /// The shares that like banners have.
    fn expected(&self, nearest: &[(f64, usize)]) -> Vec<f32> {
        let local = &nearest[..nearest.len().min(LOCAL)];
        let mut expected = vec![0.0_f32; self.smoothing.len()];
        for &(_, at) in local {
            expected.iter_mut().zip(&self.reference[at]).for_each(|(sum, root)| *sum += root * root);
        }
        let (own, even) = ((1.0 - EVEN) / local.len().max(1) as f64, EVEN / self.smoothing.len() as f64);
        expected.iter_mut().for_each(|share| *share = (own * f64::from(*share) + even) as f32);
        expected
    }

    fn pile_up_against(&self, shares: &[f32], expected: &[f32]) -> PileUp {
        let more = shares.iter().zip(expected).map(|(own, expected)| f64::from(own - expected));
        let (point, most) = more
            .enumerate()
            .fold((0, f64::NEG_INFINITY), |best, (point, more)| if more > best.1 { (point, more) } else { best });
        PileUp { place: self.smoothing.place(point), share: most / self.smoothing.peak_of_a_point_mass() }
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

/// How far these shares lie from each of the roots in `rows`.
fn distances(rows: &[Vec<f32>], shares: &[f32]) -> Vec<f64> {
    // Compiled for the vectors of the processor at hand.
    pulp::Arch::new().dispatch(Distances { rows, own: roots(shares) })
}

struct Distances<'a> {
    rows: &'a [Vec<f32>],
    own: Vec<f32>,
}

impl pulp::NullaryFnOnce for Distances<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.rows.iter().map(|row| distance(row, &self.own)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;
    use crate::detect::Smoothing;
    use crate::synth::{Layout, Population, Span};

    struct World {
        fit: GridFit,
        reference: Vec<Heatmap>,
        fresh: Vec<Heatmap>,
        broken: Vec<Heatmap>,
    }

    fn world() -> World {
        let good = Population { prevalence: 0.0, ..Default::default() };
        let bad = Population { prevalence: 1.0, severity: Span::only(0.8), ..Default::default() };
        let layout = Layout::draw(11, 2);
        let draw = |population: &Population, from: u64, count: u64| -> Vec<Heatmap> {
            (from..from + count).map(|at| population.banner(&layout, 7, at, 300).heatmap).collect()
        };
        let (reference, fresh, broken) = (draw(&good, 0, 80), draw(&good, 80, 60), draw(&bad, 200, 60));
        let smoothing = SmoothedShares::for_clicks(Grid::MEDIUM_RECTANGLE, 300.0, &Smoothing::default());
        let shares: Vec<Vec<f32>> = reference.iter().map(|heatmap| smoothing.of(heatmap).unwrap()).collect();
        let rows: Vec<&[f32]> = shares.iter().map(Vec::as_slice).collect();
        let map = ClickMap::of(&reference, &Smoothing::default()).unwrap();
        let heatmaps: Vec<&Heatmap> = reference.iter().collect();
        let fit = GridFit::new(smoothing, &rows, &[map]).with_network(&heatmaps).unwrap();
        World { fit, reference, fresh, broken }
    }

    #[test]
    fn broken_banners_fit_worse_by_each_score() {
        let World { fit, fresh, broken, .. } = world();
        for (part, least) in [(0, 0.95), (1, 0.75), (2, 0.9), (3, 0.97)] {
            let of = |heatmaps: &[Heatmap]| -> Vec<f64> {
                heatmaps.iter().map(|heatmap| fit.parts(heatmap).unwrap()[part].unwrap()).collect()
            };
            let scores = [of(&fresh), of(&broken)].concat();
            let truth: Vec<bool> = (0..scores.len()).map(|at| at >= fresh.len()).collect();
            let area = crate::detect::evaluation::auroc(&scores, &truth).unwrap();
            assert!(area > least, "{}: {area}", FIT_PARTS[part]);
        }
    }

    #[test]
    fn a_reference_banner_is_scored_as_if_it_were_not_in_the_reference() {
        let World { fit, reference, .. } = world();
        for at in [0, 40, 79] {
            let without: Vec<Vec<f32>> = reference
                .iter()
                .map(|h| fit.smoothing.of(h).unwrap())
                .enumerate()
                .filter(|r| r.0 != at)
                .map(|r| r.1)
                .collect();
            let rows: Vec<&[f32]> = without.iter().map(Vec::as_slice).collect();
            let heatmaps: Vec<&Heatmap> = (0..80).filter(|&other| other != at).map(|other| &reference[other]).collect();
            let other = GridFit { reference: GridFit::new(fit.smoothing.clone(), &rows, &[]).reference, ..fit.clone() };
            let other = other.with_network(&heatmaps).unwrap();
            let (with, without) = (fit.parts(&reference[at]).unwrap(), other.parts(&reference[at]).unwrap());
            for (a, b) in with.iter().zip(without).take(4) {
                assert!((a.unwrap() - b.unwrap()).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_layout_of_which_a_label_says_that_it_is_foreign_is_told_from_the_others() {
        let World { fit, fresh, .. } = world();
        let foreign = Layout::draw(11, 3);
        let good = Population { prevalence: 0.0, ..Default::default() };
        let foreign: Vec<Heatmap> = (0..20).map(|at| good.banner(&foreign, 9, at, 300).heatmap).collect();
        let shares = fit.smoothing.of(&foreign[0]).unwrap();
        let fit = fit.with_broken([shares.as_slice()].into_iter());
        let of = |heatmap: &Heatmap| fit.parts(heatmap).unwrap()[4];
        // It is not held against itself, and there is no other.
        assert_eq!(of(&foreign[0]), None);
        let least = foreign[1..].iter().map(|heatmap| of(heatmap).unwrap()).fold(f64::INFINITY, f64::min);
        let most = fresh.iter().map(|heatmap| of(heatmap).unwrap()).fold(f64::NEG_INFINITY, f64::max);
        assert!(least > 0.0 && most < -0.2, "{least} {most}");
    }

    #[test]
    fn all_clicks_on_one_spot_pile_up_there() {
        let World { fit, .. } = world();
        let mut values = vec![0.0; Grid::MEDIUM_RECTANGLE.len()];
        values[48 * 60 + 3] = 100.0;
        let heatmap = Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap();
        let shares = fit.smoothing.of(&heatmap).unwrap();
        let pile = fit.pile_up_against(&shares, &fit.expected(&fit.nearest(&shares, None)));
        assert!(pile.share > 0.85 && pile.place.0 < 0.1 && pile.place.1 > 0.9, "{pile:?}");
    }

    #[test]
    fn without_another_banner_or_a_click_nothing_is_said() {
        let World { fit, .. } = world();
        let alone = GridFit::new(fit.smoothing.clone(), &[], &[]);
        let empty = Heatmap::zeros(Grid::MEDIUM_RECTANGLE);
        assert_eq!(alone.parts(&empty).unwrap(), [None, None, Some(0.0), None, None]);
        let alone = alone.with_network(&[]).unwrap().parts(&empty).unwrap();
        assert!(alone[3].is_some_and(f64::is_finite));
        assert!(fit.parts(&empty).unwrap()[..4].iter().all(|part| part.unwrap().is_finite()));
        assert!(fit.parts(&Heatmap::zeros(Grid { rows: 2, columns: 2, bin_size_px: 5.0 })).is_err());
    }
}
