//! [`LikelihoodRatio`]: the plain test that every learned score has to beat.
//!
//! If clicks are independent draws from one of two maps, good or bad, the best test between the two
//! is by Neyman and Pearson the sum over the bins b, with n_b clicks each, of n_b ln(p_bad,b /
//! p_good,b). Here the sum is divided by the number of clicks, so that banners with different
//! traffic compare. (The research report behind this library scales to 1,000 clicks instead and has
//! the opposite sign: low means broken.)

use super::click_map::check_grid;
use super::{ClickMap, Score};
use crate::{Error, Heatmap, Result};

/// The mean log-likelihood ratio per click of a bad map to a good map.
#[derive(Debug, Clone)]
pub struct LikelihoodRatio {
    name: &'static str,
    good: ClickMap,
    /// ln(p_bad / p_good) of each bin. These are f32, as the clicks are; sums are taken in f64.
    weights: Vec<f32>,
}

impl LikelihoodRatio {
    /// Compares the map `bad` with the map `good`; `name` is the name of the score.
    ///
    /// # Errors
    /// When the maps differ in their rows, columns or size of bins.
    pub fn new(name: &'static str, good: ClickMap, bad: &ClickMap) -> Result<Self> {
        if good.grid() != bad.grid() {
            return Err(Error::Data(format!(
                "a good map on {:?} and a bad one on {:?}",
                good.grid(),
                bad.grid()
            )));
        }
        let weight = |(good, bad): (&f64, &f64)| (bad / good).ln() as f32;
        let weights = good.probabilities().iter().zip(bad.probabilities()).map(weight).collect();
        Ok(Self { name, good, weights })
    }

    /// Compares uniform clicks with a `good` map, of one or several good banners of a grid.
    ///
    /// # Errors
    /// None are expected: the uniform map has the bins of `good`.
    pub fn one_shot(good: ClickMap) -> Result<Self> {
        let bad = ClickMap::uniform(good.grid());
        Self::new("likelihood_ratio", good, &bad)
    }

    /// Compares uniform clicks with the step-uniform map, which needs no banner seen before.
    pub fn zero_shot(grid: crate::Grid) -> Self {
        Self::new("zero_shot", ClickMap::steps(grid), &ClickMap::uniform(grid))
            .expect("both on one grid")
    }

    /// Returns the map of good banners.
    pub fn good(&self) -> &ClickMap {
        &self.good
    }

    /// Returns what one click in `bin` adds to the sum, in nats: above 0 where broken banners are
    /// clicked more.
    ///
    /// # Panics
    /// When there is no such bin.
    pub fn weight(&self, bin: usize) -> f64 {
        f64::from(self.weights[bin])
    }

    /// Returns what the clicks of each bin add to the score of `heatmap`, row-major; they sum to
    /// the score.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the maps.
    pub fn contributions(&self, heatmap: &Heatmap) -> Result<Vec<f32>> {
        check_grid(self.good.grid(), heatmap)?;
        let total = heatmap.total();
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        let part = |(&v, &w): (&f32, &f32)| (f64::from(v) * f64::from(w) * scale) as f32;
        Ok(heatmap.values().iter().zip(&self.weights).map(part).collect())
    }
}

impl Score<Heatmap> for LikelihoodRatio {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the mean log-likelihood ratio over the clicks, in nats; 0 (no evidence) without a
    /// click.
    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        check_grid(self.good.grid(), heatmap)?;
        let (sum, clicks) = weighted_sum(heatmap.values(), &self.weights);
        Ok(if clicks > 0.0 { sum / clicks } else { 0.0 })
    }
}

/// The sum of values times weights, and the sum of the values. Independent lanes let the compiler
/// use vector instructions.
pub(super) fn weighted_sum(values: &[f32], weights: &[f32]) -> (f64, f64) {
    const LANES: usize = 8;
    let (mut sums, mut clicks) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let (value_chunks, weight_chunks) = (values.chunks_exact(LANES), weights.chunks_exact(LANES));
    let (value_rest, weight_rest) = (value_chunks.remainder(), weight_chunks.remainder());
    for (v, w) in value_chunks.zip(weight_chunks) {
        for lane in 0..LANES {
            let value = f64::from(v[lane]);
            sums[lane] += value * f64::from(w[lane]);
            clicks[lane] += value;
        }
    }
    for (lane, (&v, &w)) in value_rest.iter().zip(weight_rest).enumerate() {
        sums[lane] += f64::from(v) * f64::from(w);
        clicks[lane] += f64::from(v);
    }
    (sums.iter().sum(), clicks.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Smoothing;
    use crate::{Grid, sample_rng};
    use rand::RngExt;

    const GRID: Grid = Grid { rows: 5, columns: 7, bin_size_px: 5.0 };

    fn random(seed: u64) -> Heatmap {
        let mut rng = sample_rng(seed, 0);
        Heatmap::from_values(
            GRID,
            (0..GRID.len()).map(|_| rng.random_range(0..20) as f32).collect(),
        )
        .unwrap()
    }

    #[test]
    fn it_is_the_difference_of_two_log_likelihoods() {
        let good = ClickMap::of([&random(1)], &Smoothing::default()).unwrap();
        let bad = ClickMap::of([&random(2)], &Smoothing::default()).unwrap();
        let ratio = LikelihoodRatio::new("ratio", good.clone(), &bad).unwrap();
        let heatmap = random(3);
        let log_likelihood = |map: &ClickMap| -> f64 {
            heatmap
                .values()
                .iter()
                .zip(map.probabilities())
                .map(|(&n, p)| f64::from(n) * p.ln())
                .sum()
        };
        let expected = (log_likelihood(&bad) - log_likelihood(&good)) / heatmap.total();
        assert!((ratio.score(&heatmap).unwrap() - expected).abs() < 1e-6);
        let parts: f64 = ratio.contributions(&heatmap).unwrap().iter().map(|&c| f64::from(c)).sum();
        assert!((parts - expected).abs() < 1e-5);
    }

    #[test]
    fn clicks_where_the_anchor_has_none_are_broken() {
        let mut anchor = vec![0.0; GRID.len()];
        anchor[8] = 500.0;
        let anchor = Heatmap::from_values(GRID, anchor).unwrap();
        let smoothing = Smoothing { sigma_bins: 0.5, ..Default::default() };
        let ratio =
            LikelihoodRatio::one_shot(ClickMap::of([&anchor], &smoothing).unwrap()).unwrap();
        let mut elsewhere = vec![0.0; GRID.len()];
        elsewhere[34] = 3.0;
        let elsewhere = Heatmap::from_values(GRID, elsewhere).unwrap();
        assert!(ratio.score(&anchor).unwrap() < 0.0 && ratio.score(&elsewhere).unwrap() > 0.0);
        assert_eq!(ratio.score(&Heatmap::zeros(GRID)).unwrap(), 0.0);
    }

    #[test]
    fn traffic_does_not_change_the_score() {
        let ratio = LikelihoodRatio::zero_shot(GRID);
        let few = random(4);
        let many =
            Heatmap::from_values(GRID, few.values().iter().map(|v| v * 1_000.0).collect()).unwrap();
        assert!((ratio.score(&few).unwrap() - ratio.score(&many).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn another_grid_is_an_error() {
        let other = Heatmap::zeros(Grid::MEDIUM_RECTANGLE);
        assert!(LikelihoodRatio::zero_shot(GRID).score(&other).is_err());
        assert!(LikelihoodRatio::zero_shot(GRID).contributions(&other).is_err());
        let (good, bad) = (ClickMap::uniform(GRID), ClickMap::uniform(Grid::MEDIUM_RECTANGLE));
        assert!(LikelihoodRatio::new("x", good, &bad).is_err());
    }
}
