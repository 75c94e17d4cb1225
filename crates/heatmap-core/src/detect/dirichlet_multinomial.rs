//! [`DirichletMultinomial`]: how badly the clicks of a banner fit a good map, given how far good
//! banners stray from it.
//!
//! Clicks are no independent draws from one map: a person clicks twice at one place, and banners
//! differ in what their products are worth. So the shares of a banner are themselves drawn, from a
//! Dirichlet distribution around the map p: counts in cells are x ~ DirMult(n, A p) (Mosimann 1962;
//! as a model of bursts, Madsen, Kauchak and Elkan 2005). The larger the concentration A, the
//! nearer to a multinomial; the variance of a count is (n + A) / (1 + A) times the multinomial one.
//!
//! Decisions:
//!
//! - The score asks for a bad fit, not which of two maps fits better. The likelihood alone cannot
//!   say: shares of less than one click of A have a density with poles where cells are empty, so a
//!   pile on the hottest cell can be as probable as any one good banner, only that there are many
//!   more of those. So misfit is a deviance, D = ln P(x | A x / n) - ln P(x | A p): what the map
//!   lacks to one that is the banner's own, with the same freedom to stray. For A without end it is
//!   half of the G statistic. A pile has the sharpest map of its own, and D tells it from good
//!   banners also where those have clicks. What it cannot tell where A is small: clicks all over,
//!   as then good banners stray farther than those. That is the likelihood ratio's part.
//! - What is expected depends on n. The score is (D - mean) / standard deviation of D under the
//!   model at n: 0 and 1 for good banners whatever their clicks, though skewed to the right where n
//!   is small. Both moments come from simulated banners, once at the fit, at 1, 2, 4 ... 16,384
//!   clicks, and are linear in ln n between. Beyond, the standard deviation stays; the mean goes on
//!   as between the last two, because a cell that stays empty costs A p ln n.
//! - Banners are simulated by an urn (Blackwell and MacQueen 1973): the next click is a copy of an
//!   earlier one with odds of their number to A, else a fresh draw. One path serves all n.
//! - A is the maximum of the likelihood of the reference banners, by bisection on its derivative in
//!   ln A. Broken banners among them all pull A down, the more, the more clicks they have; so no
//!   banner may pull down by more than [`BOUND`] typical pulls (an M-estimator, Huber 1964). Pulls
//!   up are not bounded: of banners with few clicks, few have repeats, and a bound for them would
//!   bias.

use rand::RngExt;
use rayon::prelude::*;

use super::cells::Cells;
use super::click_map::check_grid;
use super::digamma::digamma;
use super::{ClickMap, Score};
use crate::{Error, Heatmap, Result, sample_rng};

/// Concentrations that are told apart: below, a banner is one spot; above, a multinomial.
const LEAST: f64 = 0.1;
const MOST: f64 = 1e6;
/// Standard deviations of a pull downwards, estimated by the median, that count at most.
const BOUND: f64 = 2.5;
/// Simulated banners. The mean of good ones is then within 0.07 standard deviations, the standard
/// deviation within 5 %.
const SIMULATED: u64 = 200;
/// They have up to 2^(LEVELS - 1) clicks.
const LEVELS: usize = 15;
/// Differences of less than a tenth in a logarithm of a probability say nothing, however sure they
/// are.
const MIN_DEVIATION: f64 = 0.1;

/// A good map and a concentration.
#[derive(Debug, Clone)]
pub struct DirichletMultinomial {
    cells: Cells,
    concentration: f64,
    /// A p of each cell, and its ln Gamma.
    weights: Vec<f64>,
    ln_gammas: Vec<f64>,
    /// Mean and standard deviation of the misfit at 1, 2, 4 ... clicks.
    levels: Vec<(f64, f64)>,
}

impl DirichletMultinomial {
    /// Bins along each side of a cell that serve most grids.
    pub const CELL_BINS: usize = 3;

    /// `map` in cells of `cell_bins` x `cell_bins` bins, and the concentration of `reference`, most
    /// of which are good. Banners with less than two clicks are passed over.
    ///
    /// # Errors
    /// Without a reference banner of two clicks or more, with one on another grid, or cells without
    /// a bin.
    pub fn fit(map: &ClickMap, reference: &[&Heatmap], cell_bins: usize) -> Result<Self> {
        let cells = Cells::new(map.grid(), cell_bins)?;
        reference.iter().try_for_each(|heatmap| check_grid(map.grid(), heatmap))?;
        let counts: Vec<Vec<(usize, f64)>> = reference
            .iter()
            .filter(|heatmap| heatmap.total() >= 2.0)
            .map(|heatmap| {
                cells
                    .pooled(heatmap.values())
                    .into_iter()
                    .enumerate()
                    .filter(|(_, n)| *n > 0.0)
                    .collect()
            })
            .collect();
        if counts.is_empty() {
            return Err(Error::Data(
                "a concentration needs a reference banner of two clicks or more".to_owned(),
            ));
        }
        Self::with_concentration(map, cell_bins, concentration(&shares(&cells, map), &counts))
    }

    /// `map` in cells of `cell_bins` x `cell_bins` bins, and a concentration that is known.
    ///
    /// # Errors
    /// When the concentration is not between 0.1 and 1,000,000, or cells have no bin.
    pub fn with_concentration(
        map: &ClickMap,
        cell_bins: usize,
        concentration: f64,
    ) -> Result<Self> {
        if !(LEAST..=MOST).contains(&concentration) {
            let reason = format!("must be a number between {LEAST} and {MOST}");
            return Err(Error::config("concentration", concentration, reason));
        }
        let cells = Cells::new(map.grid(), cell_bins)?;
        // ln Gamma has a pole at 0.
        let weights: Vec<f64> =
            shares(&cells, map).iter().map(|p| (concentration * p).max(1e-300)).collect();
        let ln_gammas = weights.iter().map(|&weight| libm::lgamma(weight)).collect();
        let mut fitted = Self { cells, concentration, weights, ln_gammas, levels: Vec::new() };
        fitted.levels = fitted.simulated();
        Ok(fitted)
    }

    /// A: the shares of a good banner, had it endless clicks, would vary about the map as those of
    /// A + 1 independent clicks do.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// Natural logarithm of the probability of the counts in the cells of `heatmap`, given their
    /// sum.
    ///
    /// # Errors
    /// When the heatmap is on another grid.
    pub fn log_likelihood(&self, heatmap: &Heatmap) -> Result<f64> {
        check_grid(self.cells.grid(), heatmap)?;
        let counts = self.cells.pooled(heatmap.values());
        let (clicks, total) = (counts.iter().sum::<f64>(), self.concentration);
        let arrangements =
            libm::lgamma(clicks + 1.0) + libm::lgamma(total) - libm::lgamma(clicks + total);
        let repeats: f64 = counts.iter().map(|&count| libm::lgamma(count + 1.0)).sum();
        Ok(arrangements - repeats + self.sum_of_growths(&counts))
    }

    /// Sum over the cells of ln (a (a + 1) ... (a + count - 1)), with a = A p.
    fn sum_of_growths(&self, counts: &[f64]) -> f64 {
        let cells =
            self.weights.iter().zip(&self.ln_gammas).zip(counts).filter(|(_, count)| **count > 0.0);
        cells.map(|((weight, ln_gamma), count)| libm::lgamma(weight + count) - ln_gamma).sum()
    }

    /// The deviance of `clicks` clicks. What depends on the counts alone is the same under both
    /// maps.
    fn misfit(&self, counts: &[f64], clicks: f64) -> f64 {
        let own = |&count: &f64| {
            let weight = self.concentration * (count / clicks);
            libm::lgamma(weight + count) - libm::lgamma(weight)
        };
        counts.iter().filter(|count| **count > 0.0).map(own).sum::<f64>()
            - self.sum_of_growths(counts)
    }

    /// Mean and standard deviation of the misfit of simulated banners, at each level.
    fn simulated(&self) -> Vec<(f64, f64)> {
        let accumulate = |sum: &mut f64, weight: &f64| {
            *sum += weight;
            Some(*sum)
        };
        let cumulative: Vec<f64> = self.weights.iter().scan(0.0, accumulate).collect();
        let paths: Vec<Vec<f64>> =
            (0..SIMULATED).into_par_iter().map(|index| self.path(index, &cumulative)).collect();
        let moments = |level: usize| {
            let mean = paths.iter().map(|path| path[level]).sum::<f64>() / SIMULATED as f64;
            let squares = paths.iter().map(|path| (path[level] - mean).powi(2)).sum::<f64>();
            (mean, (squares / (SIMULATED - 1) as f64).sqrt().max(MIN_DEVIATION))
        };
        (0..LEVELS).map(moments).collect()
    }

    /// The misfit of one simulated banner, at each level.
    fn path(&self, index: u64, cumulative: &[f64]) -> Vec<f64> {
        let mut rng = sample_rng(0xD1C7, index);
        let mut clicks: Vec<usize> = Vec::with_capacity(1 << (LEVELS - 1));
        let mut counts = vec![0.0; self.weights.len()];
        let mut until = |number: usize| {
            while clicks.len() < number {
                let at = rng.random::<f64>() * (self.concentration + clicks.len() as f64);
                let cell = if at < self.concentration || clicks.is_empty() {
                    cumulative.partition_point(|&sum| sum <= at).min(cumulative.len() - 1)
                } else {
                    clicks[((at - self.concentration) as usize).min(clicks.len() - 1)]
                };
                counts[cell] += 1.0;
                clicks.push(cell);
            }
            self.misfit(&counts, number as f64)
        };
        (0..LEVELS).map(|level| until(1 << level)).collect()
    }

    /// Mean and standard deviation of the misfit at `clicks`.
    fn moments(&self, clicks: f64) -> (f64, f64) {
        let at = clicks.max(1.0).log2();
        let below = (at as usize).min(LEVELS - 2);
        let ((mean, deviation), (next_mean, next_deviation)) =
            (self.levels[below], self.levels[below + 1]);
        let beyond = at - below as f64;
        (
            mean + beyond * (next_mean - mean),
            deviation + beyond.min(1.0) * (next_deviation - deviation),
        )
    }
}

impl Score<Heatmap> for DirichletMultinomial {
    fn name(&self) -> &'static str {
        "dirichlet_multinomial"
    }

    /// The misfit in standard deviations from what good banners of as many clicks have; 0 without a
    /// click.
    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        check_grid(self.cells.grid(), heatmap)?;
        let counts = self.cells.pooled(heatmap.values());
        let clicks: f64 = counts.iter().sum();
        if clicks <= 0.0 {
            return Ok(0.0);
        }
        let (mean, deviation) = self.moments(clicks);
        Ok((self.misfit(&counts, clicks) - mean) / deviation)
    }
}

/// Shares of the map in the cells. All above 0, as those of the map are.
fn shares(cells: &Cells, map: &ClickMap) -> Vec<f64> {
    cells.pooled(map.probabilities())
}

/// The concentration under which `counts`, by cell, are most probable around `shares`.
fn concentration(shares: &[f64], counts: &[Vec<(usize, f64)>]) -> f64 {
    // The derivative of the log-likelihood of one banner in ln A.
    let pull = |banner: &Vec<(usize, f64)>, total: f64| {
        let clicks: f64 = banner.iter().map(|(_, n)| n).sum();
        let grown = |weight: f64, count: f64| digamma(weight + count) - digamma(weight);
        let cells: f64 =
            banner.iter().map(|&(cell, n)| shares[cell] * grown(total * shares[cell], n)).sum();
        total * (cells - grown(total, clicks))
    };
    let (mut below, mut above) = (LEAST.ln(), MOST.ln());
    while above - below > 1e-4 {
        let middle = 0.5 * (below + above);
        let pulls: Vec<f64> = counts.par_iter().map(|banner| pull(banner, middle.exp())).collect();
        let mut sizes: Vec<f64> = pulls.iter().map(|pull| pull.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        // The median size of a normal variable is 1 / 1.4826 of its standard deviation.
        let bound = match sizes[sizes.len() / 2] {
            size if size > 0.0 => BOUND * 1.4826 * size,
            _ => f64::INFINITY,
        };
        if pulls.iter().map(|pull| pull.max(-bound)).sum::<f64>() > 0.0 {
            below = middle
        } else {
            above = middle
        }
    }
    (0.5 * (below + above)).exp().clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests;
