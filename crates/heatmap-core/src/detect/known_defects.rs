//! [`KnownDefects`]: how much better a known kind of defect explains the clicks than the good map
//! alone.
//!
//! The plain likelihood ratio asks whether all clicks are bad. But a banner that is broken for some
//! of its users mixes good clicks with bad ones, and the defects that logs have shown are of a few
//! kinds. So each kind k is tried with several shares s of the clicks: the score is the largest
//! mean over the clicks of ln(((1 - s) p_good + s p_k) / p_good), a generalised likelihood ratio.
//! The kinds are stated maps ([`Pattern`]), not fitted ones. No label is needed, and the best kind
//! is the explanation.

use super::click_map::check_grid;
use super::{ClickMap, Score};
use crate::defect::Pattern;
use crate::{Grid, Heatmap, Result};

/// Shares of the clicks that a defect is tried with.
const SHARES: [f64; 3] = [0.3, 0.6, 0.9];

/// A generalised likelihood ratio of all known kinds of defects against one good map.
#[derive(Debug, Clone)]
pub struct KnownDefects {
    name: &'static str,
    grid: Grid,
    /// All combinations of a kind and a share.
    hypotheses: Vec<(Pattern, f64)>,
    /// Log-likelihood ratio of one click, indexed `[bin][hypothesis]`.
    log_ratios: Vec<f32>,
}

/// The kind of defect that explains a heatmap best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DefectGuess {
    /// The pattern of the clicks that the defect takes.
    pub pattern: Pattern,
    /// Share of the clicks that it takes: the best one of those that are tried.
    pub share: f64,
    /// Mean log-likelihood ratio over the clicks, in nats; below 0 where the good map alone
    /// explains the clicks better.
    pub score: f64,
}

impl KnownDefects {
    /// Prepares all kinds and shares against the map `good`; `name` is the name of the score.
    pub fn new(name: &'static str, good: &ClickMap) -> Self {
        let grid = good.grid();
        let hypotheses: Vec<(Pattern, f64)> =
            Pattern::ALL.into_iter().flat_map(|kind| SHARES.map(|share| (kind, share))).collect();
        let mut log_ratios = vec![0.0; grid.len() * hypotheses.len()];
        for (at, &(kind, share)) in hypotheses.iter().enumerate() {
            let mixed = good.mixed_with(&ClickMap::of_pattern(grid, kind), share);
            let ratios = mixed
                .probabilities()
                .iter()
                .zip(good.probabilities())
                .map(|(mixed, good)| (mixed / good).ln());
            ratios
                .enumerate()
                .for_each(|(bin, ratio)| log_ratios[bin * hypotheses.len() + at] = ratio as f32);
        }
        Self { name, grid, hypotheses, log_ratios }
    }

    /// Returns the kind and share that explain `heatmap` best; the first of equals.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the good map.
    pub fn guess(&self, heatmap: &Heatmap) -> Result<DefectGuess> {
        check_grid(self.grid, heatmap)?;
        // Dispatched at run time to code compiled for the vector instructions of this processor.
        let (sums, clicks) = pulp::Arch::new().dispatch(Sums {
            values: heatmap.values(),
            log_ratios: &self.log_ratios,
            hypotheses: self.hypotheses.len(),
        });
        let mut best: Option<DefectGuess> = None;
        for ((kind, share), sum) in self.hypotheses.iter().zip(sums) {
            let score = if clicks > 0.0 { sum / clicks } else { 0.0 };
            if best.is_none_or(|best| score > best.score) {
                best = Some(DefectGuess { pattern: *kind, share: *share, score });
            }
        }
        Ok(best.expect("there are kinds"))
    }
}

/// Computes the sum of the log-likelihood ratios over all clicks under every hypothesis, and the
/// number of clicks. Most bins are empty, so the hypotheses of one bin lie next to each other and
/// are added together.
struct Sums<'a> {
    values: &'a [f32],
    log_ratios: &'a [f32],
    hypotheses: usize,
}

impl pulp::NullaryFnOnce for Sums<'_> {
    type Output = (Vec<f64>, f64);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let (mut sums, mut clicks) = (vec![0.0; self.hypotheses], 0.0);
        for (&value, ratios) in
            self.values.iter().zip(self.log_ratios.chunks_exact(self.hypotheses))
        {
            if value > 0.0 {
                let value = f64::from(value);
                clicks += value;
                sums.iter_mut()
                    .zip(ratios)
                    .for_each(|(sum, &ratio)| *sum += value * f64::from(ratio));
            }
        }
        (sums, clicks)
    }
}

impl Score<Heatmap> for KnownDefects {
    fn name(&self) -> &'static str {
        self.name
    }

    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        Ok(self.guess(heatmap)?.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Smoothing;
    use crate::synth::{Defect, Layout, Population, Span};

    #[test]
    fn the_kind_that_was_drawn_is_the_kind_that_is_guessed() {
        let layout = Layout::draw(1, 0);
        let good = Population { prevalence: 0.0, ..Default::default() };
        let anchor = good.banner(&layout, 1, 0, 20_000).heatmap;
        let known = KnownDefects::new(
            "known_defects",
            &ClickMap::of([&anchor], &Smoothing::default()).unwrap(),
        );
        let broken =
            Population { prevalence: 1.0, severity: Span::only(0.9), ..Default::default() };
        let (mut right, mut all) = (0, 0);
        for index in 0..200 {
            let banner = broken.banner(&layout, 2, index, 2_000);
            if let Some(Defect::Misplaced(kind)) = banner.defect {
                all += 1;
                right +=
                    usize::from(known.guess(&banner.heatmap).unwrap().pattern == kind.pattern());
            }
        }
        assert!(right * 10 > all * 9, "{right} of {all}");
    }

    #[test]
    fn sparse_and_dense_heatmaps_are_summed_alike() {
        let population = Population::default();
        let layout = Layout::draw(1, 0);
        let map =
            ClickMap::of([&population.banner(&layout, 1, 0, 5_000).heatmap], &Smoothing::default())
                .unwrap();
        let known = KnownDefects::new("known_defects", &map);
        for clicks in [20, 50_000] {
            let heatmap = population.banner(&layout, 1, 3, clicks).heatmap;
            let naive = (0..known.hypotheses.len()).map(|at| {
                let weights = known.log_ratios.iter().skip(at).step_by(known.hypotheses.len());
                let parts = heatmap
                    .values()
                    .iter()
                    .zip(weights)
                    .map(|(&v, &w)| f64::from(v) * f64::from(w));
                parts.sum::<f64>() / heatmap.total()
            });
            let largest = naive.fold(f64::NEG_INFINITY, f64::max);
            assert!((known.score(&heatmap).unwrap() - largest).abs() < 1e-12);
        }
    }

    #[test]
    fn a_good_banner_needs_no_defect() {
        let layout = Layout::draw(1, 0);
        let good = Population { prevalence: 0.0, ..Default::default() };
        let heatmaps: Vec<_> = (0..40).map(|i| good.banner(&layout, 1, i, 5_000).heatmap).collect();
        let known = KnownDefects::new(
            "known_defects",
            &ClickMap::of(&heatmaps[..20], &Smoothing::default()).unwrap(),
        );
        let negative = heatmaps[20..].iter().filter(|h| known.score(h).unwrap() < 0.05).count();
        assert!(negative >= 18, "{negative} of 20");
        assert_eq!(known.score(&Heatmap::zeros(Grid::MEDIUM_RECTANGLE)).unwrap(), 0.0);
    }
}
