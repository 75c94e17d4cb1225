//! Upsampling of sparse heatmaps: bootstrap plus noise.
//!
//! A heatmap of few clicks is spiky, unlike anything that a pretrained network has seen. The
//! protocol therefore draws clicks with replacement from the bins, moves each by rounded Gaussian
//! noise, and counts them again. A click that the noise would carry beyond the border stays in the
//! border bin.
//!
//! Bins and rounded noise are both distributions over a few whole numbers, so both are drawn from
//! alias tables: a click costs two random words.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::axis::Axis;
use crate::{Error, Heatmap, Result};

/// Bootstraps a heatmap to a fixed number of clicks and moves them by Gaussian noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upsampling {
    /// Number of clicks in the result.
    pub clicks: u32,
    /// Standard deviation of the noise per axis, in bins; the noise is rounded to whole bins.
    pub sigma_bins: f64,
}

impl Default for Upsampling {
    fn default() -> Self {
        Self { clicks: 50_000, sigma_bins: 1.5 }
    }
}

impl Upsampling {
    /// Returns the upsampled heatmap; an empty heatmap stays empty, for there is nothing to draw
    /// from.
    ///
    /// # Errors
    /// Returns an error when `sigma_bins` is negative, above 10,000 or not finite.
    pub fn apply(&self, heatmap: &Heatmap, rng: &mut impl Rng) -> Result<Heatmap> {
        if !(0.0..=10_000.0).contains(&self.sigma_bins) {
            return Err(Error::config("sigma_bins", self.sigma_bins, "must be from 0 to 10,000"));
        }
        let grid = heatmap.grid();
        let mut counts = vec![0_u32; grid.len()];
        let max = f64::from(heatmap.max());
        let shares = heatmap.values().iter().map(|&v| f64::from(v) / max).collect();
        // The shares of an empty heatmap are NaN (0 / 0), and there is no bin to draw.
        if let Some(bins) = (max > 0.0).then(|| Axis::new(shares)).flatten() {
            let noise = Noise::new(self.sigma_bins);
            let columns = grid.columns as u32;
            for _ in 0..self.clicks {
                let (which, moved) = (rng.next_u64(), rng.next_u64());
                let bin = bins.bin(which as u32) as u32;
                let row = noise.moved(bin / columns, moved as u32, grid.rows);
                let column = noise.moved(bin % columns, (moved >> 32) as u32, grid.columns);
                counts[row * grid.columns + column] += 1;
            }
        }
        Ok(Heatmap::from_counts(grid, &counts))
    }
}

/// Gaussian noise, rounded to whole bins.
struct Noise {
    steps: Axis,
    /// The largest step in bins: nine standard deviations, beyond which lies a probability of
    /// 1e-19.
    reach: usize,
}

impl Noise {
    fn new(sigma_bins: f64) -> Self {
        let reach = (9.0 * sigma_bins).ceil() as usize;
        // A step of d bins stands for a normal number between d - 1/2 and d + 1/2.
        let steps = Axis::normal(2 * reach + 1, reach as f64 + 0.5, sigma_bins)
            .expect("the middle is inside");
        Self { steps, reach }
    }

    /// Returns bin `at` moved by the step for 32 random bits, kept within bins 0 to `bins` - 1.
    #[inline]
    fn moved(&self, at: u32, random: u32, bins: usize) -> usize {
        (at as usize + self.steps.bin(random)).saturating_sub(self.reach).min(bins - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grid, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn with_clicks(at: &[(usize, usize, f32)]) -> Heatmap {
        let mut values = vec![0.0; GRID.len()];
        for &(row, column, v) in at {
            values[row * GRID.columns + column] = v;
        }
        Heatmap::from_values(GRID, values).unwrap()
    }

    #[test]
    fn the_total_is_what_was_asked_for() {
        let up = Upsampling::default()
            .apply(&with_clicks(&[(3, 4, 2.0)]), &mut sample_rng(0, 0))
            .unwrap();
        assert_eq!(up.total(), 50_000.0);
    }

    #[test]
    fn an_empty_heatmap_stays_empty() {
        let up = Upsampling::default().apply(&Heatmap::zeros(GRID), &mut sample_rng(0, 0)).unwrap();
        assert_eq!(up, Heatmap::zeros(GRID));
    }

    #[test]
    fn without_noise_it_is_a_bootstrap() {
        let sparse = with_clicks(&[(3, 4, 3.0), (20, 50, 1.0)]);
        let up = Upsampling { sigma_bins: 0.0, ..Default::default() };
        let up = up.apply(&sparse, &mut sample_rng(0, 0)).unwrap();
        assert_eq!(up.get(3, 4) + up.get(20, 50), 50_000.0);
        // Binomial(50,000, 3/4): standard deviation 97.
        assert!((up.get(3, 4) - 37_500.0).abs() < 4.0 * 97.0);
    }

    #[test]
    fn the_noise_has_the_variance_of_a_rounded_gaussian() {
        let up = Upsampling::default()
            .apply(&with_clicks(&[(25, 30, 1.0)]), &mut sample_rng(5, 0))
            .unwrap();
        let moment = |of: &dyn Fn(f64, f64) -> f64| {
            (0..GRID.rows)
                .flat_map(|r| (0..GRID.columns).map(move |c| (r, c)))
                .map(|(r, c)| f64::from(up.get(r, c)) * of(r as f64 - 25.0, c as f64 - 30.0))
                .sum::<f64>()
                / 50_000.0
        };
        // Rounding adds 1/12 to the variance (Sheppard); the standard error of a variance is var *
        // sqrt(2/n).
        let variance = 1.5 * 1.5 + 1.0 / 12.0;
        let error = 4.0 * variance * (2.0 / 50_000.0_f64).sqrt();
        assert!((moment(&|y, _| y * y) - variance).abs() < error);
        assert!((moment(&|_, x| x * x) - variance).abs() < error);
        assert!(moment(&|y, x| y * x).abs() < error);
    }

    #[test]
    fn the_border_keeps_what_the_noise_would_carry_away() {
        let up = Upsampling::default()
            .apply(&with_clicks(&[(0, 0, 1.0)]), &mut sample_rng(5, 0))
            .unwrap();
        assert_eq!(up.total(), 50_000.0);
        // P(round(1.5 z) <= 0) = P(z < 1/3) = 0.6306 on each axis.
        assert!((f64::from(up.get(0, 0)) / 50_000.0 - 0.6306 * 0.6306).abs() < 0.01);
    }

    #[test]
    fn a_bad_sigma_is_named() {
        let up = Upsampling { sigma_bins: f64::NAN, ..Default::default() };
        let error = up.apply(&Heatmap::zeros(GRID), &mut sample_rng(0, 0)).unwrap_err();
        assert!(error.to_string().contains("sigma_bins"));
    }
}
