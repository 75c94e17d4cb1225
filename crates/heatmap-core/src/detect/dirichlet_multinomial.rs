//! [`DirichletMultinomial`]: how badly the clicks of a banner fit a good map, given how much good
//! banners vary around it.
//!
//! Clicks are not independent draws from one map: a person may click twice at one place, and
//! banners differ in how popular their products are. So the shares of a banner are themselves
//! modelled as a draw, from a Dirichlet distribution around the map p, and the counts of n clicks
//! in cells are x ~ DirMult(n, A p) (Mosimann 1962; as a model of bursts, Madsen, Kauchak and Elkan
//! 2005). The larger the concentration A, the nearer to a multinomial; the variance of a count is
//! (n + A) / (1 + A) times the multinomial one.
//!
//! Decisions:
//!
//! - The score measures misfit, not which of two maps fits better. The misfit is the deviance
//!   `D = ln P(x | A x / n) - ln P(x | A p)`: the log-likelihood ratio of a map that is the
//!   banner's own, with the same concentration, to the good map. For infinite A it is half of the G
//!   statistic. The likelihood `P(x | A p)` alone would not do: where A p is below 1, the Dirichlet
//!   density has poles at empty cells, so a pile on the hottest cell can be as probable as any
//!   single good banner (only that there are many more of those). A pile has the sharpest map of
//!   its own, so D tells it from good banners even where those have clicks, too. Where A is small,
//!   D cannot detect clicks all over the banner, because good banners then stray even farther from
//!   the map; the likelihood ratio covers that case.
//! - The expected D depends on n. The score is (D - mean) / standard deviation of D under the model
//!   at n clicks, so good banners have mean 0 and standard deviation 1 whatever their clicks,
//!   though skewed to the right where n is small. Both moments come from banners that are simulated
//!   once, during the fit, at 1, 2, 4 ... 16,384 clicks; in between they are interpolated linearly
//!   in ln n. Beyond, the standard deviation is constant, and the mean continues along the line
//!   through the last two levels, because a cell that stays empty costs A p ln n.
//! - Banners are simulated by an urn (Blackwell and MacQueen 1973): the next click copies one of
//!   the earlier clicks with odds of their number to A, and otherwise is a fresh draw from the map.
//!   One simulated sequence serves all n.
//! - A maximises the likelihood of the reference banners, by bisection on its derivative in ln A.
//!   Each banner's term of this derivative is its pull on A. All broken banners among them pull A
//!   down, the more, the more clicks they have; so no banner may pull down by more than [`BOUND`]
//!   typical pulls (an M-estimator, Huber 1964). Pulls up are not bounded: of banners with few
//!   clicks, few have repeated clicks, and a bound for them would bias the estimate.

use rand::RngExt;
use rayon::prelude::*;

use super::cells::Cells;
use super::click_map::check_grid;
use super::digamma::digamma;
use super::{ClickMap, Score};
use crate::{Error, Heatmap, Result, sample_rng};

/// Range of the concentration: below, all clicks of a banner are one spot; above, it is as good as
/// a multinomial.
const LEAST: f64 = 0.1;
const MOST: f64 = 1e6;
/// Largest downward pull of a banner on A, in standard deviations of the pulls (estimated by the
/// median).
const BOUND: f64 = 2.5;
/// Number of simulated banners. The mean misfit of good banners is then within 0.07 standard
/// deviations, and the standard deviation within 5 %.
const SIMULATED: u64 = 200;
/// Number of click levels at which banners are simulated; the last has 2^(LEVELS - 1) clicks.
const LEVELS: usize = 15;
/// Lower limit of the standard deviation of the misfit: differences below a tenth of a nat say
/// nothing, however certain they are.
const MIN_DEVIATION: f64 = 0.1;

/// A Dirichlet-multinomial model of good banners: a good map in coarse cells and a concentration.
/// As a [`Score`] it measures misfit to this model.
#[derive(Debug, Clone)]
pub struct DirichletMultinomial {
    cells: Cells,
    concentration: f64,
    /// The parameters A p of the cells, and ln Gamma of each.
    weights: Vec<f64>,
    ln_gammas: Vec<f64>,
    /// Mean and standard deviation of the misfit at 1, 2, 4 ... clicks.
    levels: Vec<(f64, f64)>,
}

impl DirichletMultinomial {
    /// Default side of a cell in bins, which suits most banner sizes.
    pub const CELL_BINS: usize = 3;

    /// Fits the model: `map` pooled into cells of `cell_bins` x `cell_bins` bins, and the
    /// concentration estimated from `reference`, most of which should be good. Banners with fewer
    /// than two clicks are ignored.
    ///
    /// # Errors
    /// When no reference banner has two clicks or more, when one has other rows or columns of bins
    /// than `map`, or when a cell has no bin.
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

    /// Makes the model of `map`, pooled into cells of `cell_bins` x `cell_bins` bins, and a given
    /// concentration.
    ///
    /// # Errors
    /// When the concentration is not between 0.1 and 1,000,000, or a cell has no bin.
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
        // The floor keeps ln Gamma away from its pole at 0.
        let weights: Vec<f64> =
            shares(&cells, map).iter().map(|p| (concentration * p).max(1e-300)).collect();
        let ln_gammas = weights.iter().map(|&weight| libm::lgamma(weight)).collect();
        let mut fitted = Self { cells, concentration, weights, ln_gammas, levels: Vec::new() };
        fitted.levels = fitted.simulated();
        Ok(fitted)
    }

    /// Returns the concentration A: the shares of a good banner with infinitely many clicks would
    /// vary around the map as the shares of A + 1 independent clicks do.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// Returns the natural logarithm of the probability of the counts in the cells of `heatmap`,
    /// given their sum.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the map.
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

    /// The deviance D of the counts, which sum to `clicks`. Factors that depend on the counts alone
    /// cancel, as they are the same under both maps.
    fn misfit(&self, counts: &[f64], clicks: f64) -> f64 {
        let own = |&count: &f64| {
            let weight = self.concentration * (count / clicks);
            libm::lgamma(weight + count) - libm::lgamma(weight)
        };
        counts.iter().filter(|count| **count > 0.0).map(own).sum::<f64>()
            - self.sum_of_growths(counts)
    }

    /// Simulates banners and returns the mean and standard deviation of the misfit at each level.
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

    /// The misfit of one simulated banner at each level; `cumulative` are the running sums of A p.
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

    /// Mean and standard deviation of the misfit at `clicks` clicks, interpolated between levels.
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

    /// Returns the misfit in standard deviations from the mean of good banners with as many clicks;
    /// 0 without a click.
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

/// Probability of each cell under the map; all are above 0, as those of the bins are.
fn shares(cells: &Cells, map: &ClickMap) -> Vec<f64> {
    cells.pooled(map.probabilities())
}

/// The maximum-likelihood concentration of `counts`, pairs of cell and clicks for each banner,
/// around `shares`.
fn concentration(shares: &[f64], counts: &[Vec<(usize, f64)>]) -> f64 {
    // The derivative in ln A of the log-likelihood of one banner.
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
        // The median absolute value of a normal variable is its standard deviation divided by
        // 1.4826.
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
