//! [`ClickMap`]: the probability that a click falls into each bin, under one model of a banner,
//! such as good or broken.
//!
//! A map is the mean of heatmaps (each weighs the same, however many clicks it has), or a stated
//! one: uniform, or in steps. A map made of clicks is smoothed in two ways, so that no bin is
//! impossible: by a Gaussian kernel, whose width follows from the number of clicks as for a kernel
//! density estimate in two dimensions (n^(-1/6), Silverman 1986, section 4.3), and by mixing in a
//! share of the uniform map.

use serde::{Deserialize, Serialize};

use super::smooth::smoothed;
use crate::defect::Pattern;
use crate::{Error, Grid, Heatmap, Point, Result};

/// Settings of how clicks are smoothed into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smoothing {
    /// Standard deviation of the kernel at 5,000 clicks, in bins; at n clicks it is (5,000 /
    /// n)^(1/6) times as wide.
    pub sigma_bins: f64,
    /// Upper limit of the standard deviation of the kernel, in bins.
    pub max_sigma_bins: f64,
    /// Share of the uniform map in the result, above 0 and at most 1.
    pub uniform_share: f64,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self { sigma_bins: 1.5, max_sigma_bins: 4.0, uniform_share: 0.1 }
    }
}

impl Smoothing {
    /// Returns the standard deviation of the kernel for a map of `clicks` clicks, in bins.
    pub fn sigma_for(&self, clicks: f64) -> f64 {
        (self.sigma_bins * (5_000.0 / clicks.max(1.0)).powf(1.0 / 6.0)).min(self.max_sigma_bins)
    }

    fn check(&self) -> Result<()> {
        for (field, value) in
            [("sigma_bins", self.sigma_bins), ("max_sigma_bins", self.max_sigma_bins)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::config(field, value, "must be zero or positive"));
            }
        }
        if !(self.uniform_share > 0.0 && self.uniform_share <= 1.0) {
            return Err(Error::config(
                "uniform_share",
                self.uniform_share,
                "must be above 0, so that no bin is impossible",
            ));
        }
        Ok(())
    }
}

/// A probability distribution over the bins of a heatmap: all values are above 0 and sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ClickMap {
    grid: Grid,
    probabilities: Vec<f64>,
}

impl ClickMap {
    /// Makes the map in which all bins are equally probable.
    pub fn uniform(grid: Grid) -> Self {
        Self { grid, probabilities: vec![1.0 / grid.len() as f64; grid.len()] }
    }

    /// Makes the step-uniform map: what is known of good banners without having seen one. Products
    /// fill the inner part, the rim and the bottom-right corner get few clicks, and a small close
    /// button sits at the bottom left.
    pub fn steps(grid: Grid) -> Self {
        let density = |x: f64, y: f64| {
            let inner = (0.08..0.92).contains(&x) && (0.1..0.88).contains(&y);
            let close_button = x < 0.1 && y > 0.88;
            match (inner, close_button) {
                (true, _) => 1.0,
                (_, true) => 0.6,
                _ if x > 0.85 && y > 0.85 => 0.1,
                _ => 0.2,
            }
        };
        Self::from_density(grid, density)
    }

    /// Averages and smooths `heatmaps`. Heatmaps without a click are ignored.
    ///
    /// # Errors
    /// When there is no click at all, when the heatmaps differ in their rows or columns of bins, or
    /// when a setting of `smoothing` cannot be used.
    pub fn of<'a>(
        heatmaps: impl IntoIterator<Item = &'a Heatmap>,
        smoothing: &Smoothing,
    ) -> Result<Self> {
        smoothing.check()?;
        let mut sum: Option<(Grid, Vec<f64>, f64)> = None;
        for heatmap in heatmaps {
            let total = heatmap.total();
            let (grid, shares, clicks) =
                sum.get_or_insert_with(|| (heatmap.grid(), vec![0.0; heatmap.grid().len()], 0.0));
            check_grid(*grid, heatmap)?;
            if total > 0.0 {
                shares
                    .iter_mut()
                    .zip(heatmap.values())
                    .for_each(|(share, &v)| *share += f64::from(v) / total);
                *clicks += total;
            }
        }
        match sum {
            Some((grid, shares, clicks)) if clicks > 0.0 => {
                Self::from_shares(grid, &shares, clicks, smoothing)
            }
            _ => Err(Error::Data("a map of clicks needs a click".to_owned())),
        }
    }

    /// Smooths click shares of any scale, which stand for `clicks` clicks.
    pub(super) fn from_shares(
        grid: Grid,
        shares: &[f64],
        clicks: f64,
        smoothing: &Smoothing,
    ) -> Result<Self> {
        smoothing.check()?;
        let mut map = smoothed(shares, grid, smoothing.sigma_for(clicks));
        let (sum, uniform) = (map.iter().sum::<f64>(), 1.0 / grid.len() as f64);
        let (own, even) =
            ((1.0 - smoothing.uniform_share) / sum, smoothing.uniform_share * uniform);
        map.iter_mut().for_each(|p| *p = own * *p + even);
        Ok(Self { grid, probabilities: map })
    }

    /// Makes a map of one value for each bin, of any scale, mixed with `even_share` of the uniform
    /// map.
    pub(super) fn from_bins(grid: Grid, bins: &[f64], even_share: f64) -> Self {
        let sum: f64 = bins.iter().sum();
        let even = even_share / grid.len() as f64;
        let of = |&bin: &f64| {
            if sum > 0.0 { (1.0 - even_share) * bin / sum + even } else { 1.0 / grid.len() as f64 }
        };
        Self { grid, probabilities: bins.iter().map(of).collect() }
    }

    /// Takes the probabilities of a map that was written down.
    ///
    /// # Errors
    /// When there is not one for each bin, or one is not above 0 and at most 1.
    pub(super) fn from_probabilities(grid: Grid, probabilities: Vec<f64>) -> Result<Self> {
        if probabilities.len() == grid.len() && probabilities.iter().all(|&p| p > 0.0 && p <= 1.0) {
            return Ok(Self { grid, probabilities });
        }
        Err(Error::Data("a map whose bins have no probabilities".to_owned()))
    }

    /// Makes the map of a pattern of defects.
    pub fn of_pattern(grid: Grid, pattern: Pattern) -> Self {
        Self::from_density(grid, |x, y| pattern.density(x, y))
    }

    /// Makes a map of a relative density at fractions of the banner's width and height.
    pub(super) fn from_density(grid: Grid, density: impl Fn(f64, f64) -> f64) -> Self {
        let (width, height) = (grid.columns as f64, grid.rows as f64);
        let at = |bin: usize| {
            let (row, column) = (bin / grid.columns, bin % grid.columns);
            density((column as f64 + 0.5) / width, (row as f64 + 0.5) / height)
        };
        let mut probabilities: Vec<f64> = (0..grid.len()).map(at).collect();
        let sum: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= sum);
        Self { grid, probabilities }
    }

    /// The mixture of `(1 - share)` of this map and `share` of `other`.
    pub(super) fn mixed_with(&self, other: &Self, share: f64) -> Self {
        let mix = |(a, b): (&f64, &f64)| (1.0 - share) * a + share * b;
        Self {
            grid: self.grid,
            probabilities: self.probabilities.iter().zip(&other.probabilities).map(mix).collect(),
        }
    }

    /// Returns the rows and columns of bins of the map.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Returns the probability of each bin, row-major.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// Returns the map as a heatmap of `clicks` clicks, for example to draw it.
    pub fn heatmap(&self, clicks: f64) -> Heatmap {
        let values = self.probabilities.iter().map(|p| (p * clicks) as f32).collect();
        Heatmap::from_values(self.grid, values).expect("probabilities are finite and not negative")
    }

    /// Returns the mean position of a click, in bins.
    pub fn centre(&self) -> Point {
        let add = |(x, y): (f64, f64), (bin, p): (usize, &f64)| {
            (
                x + p * ((bin % self.grid.columns) as f64 + 0.5),
                y + p * ((bin / self.grid.columns) as f64 + 0.5),
            )
        };
        let (x, y) = self.probabilities.iter().enumerate().fold((0.0, 0.0), add);
        Point { x, y }
    }
}

/// Checks that a heatmap has the rows and columns of bins that something was fitted to.
pub(super) fn check_grid(grid: Grid, heatmap: &Heatmap) -> Result<()> {
    let other = heatmap.grid();
    if (other.rows, other.columns) != (grid.rows, grid.columns) {
        return Err(Error::Data(format!(
            "a heatmap of {} rows x {} columns where {} x {} are expected",
            other.rows, other.columns, grid.rows, grid.columns
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn heatmap(clicks: &[(usize, usize, f32)]) -> Heatmap {
        let mut values = vec![0.0; GRID.len()];
        clicks.iter().for_each(|&(row, column, v)| values[row * GRID.columns + column] = v);
        Heatmap::from_values(GRID, values).unwrap()
    }

    #[test]
    fn every_map_is_a_distribution_without_a_hole() {
        let one = ClickMap::of([&heatmap(&[(3, 4, 7.0)])], &Smoothing::default()).unwrap();
        for map in [ClickMap::uniform(GRID), ClickMap::steps(GRID), one] {
            assert!((map.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(map.probabilities().iter().all(|&p| p > 0.0));
        }
    }

    #[test]
    fn heatmaps_count_alike_whatever_their_clicks() {
        let (few, many) = (heatmap(&[(25, 10, 10.0)]), heatmap(&[(25, 50, 10_000.0)]));
        let map = ClickMap::of([&few, &many], &Smoothing::default()).unwrap();
        // Half at column 10.5, half at 50.5.
        assert!((map.centre().x - 30.5).abs() < 0.1, "{:?}", map.centre());
    }

    #[test]
    fn more_clicks_are_smoothed_less_and_never_beyond_the_bounds() {
        let smoothing = Smoothing::default();
        assert_eq!(smoothing.sigma_for(5_000.0), 1.5);
        assert!((smoothing.sigma_for(200.0) - 1.5 * 25_f64.powf(1.0 / 6.0)).abs() < 1e-12);
        assert_eq!(smoothing.sigma_for(0.0), 4.0);
    }

    #[test]
    fn without_a_click_there_is_no_map() {
        let smoothing = Smoothing::default();
        assert!(
            ClickMap::of([&Heatmap::zeros(GRID)], &smoothing)
                .unwrap_err()
                .to_string()
                .contains("needs a click")
        );
        assert!(ClickMap::of([], &smoothing).is_err());
        let other = Heatmap::zeros(Grid { rows: 2, columns: 2, bin_size_px: 5.0 });
        let error =
            ClickMap::of([&heatmap(&[(0, 0, 1.0)]), &other], &smoothing).unwrap_err().to_string();
        assert!(error.contains("2 rows x 2 columns where 50 x 60"), "{error}");
        let hole = Smoothing { uniform_share: 0.0, ..smoothing };
        assert!(
            ClickMap::of([&heatmap(&[(0, 0, 1.0)])], &hole)
                .unwrap_err()
                .to_string()
                .contains("uniform_share")
        );
    }
}
