//! Peaks of a heatmap: where clicks pile up more than chance explains.
//!
//! The classical answer to "where are the clusters", and the one that a network has to beat. Counts
//! are smoothed by a Gaussian (a kernel density estimate, Silverman 1986) and measured against what
//! uniform noise would do to the same kernel, so that one threshold serves sparse and busy banners
//! alike.
//!
//! * At the border the kernel is divided by its mass on the grid: a uniform map stays uniform.
//! * The background is the median of the smoothed counts, good as long as clusters cover less than
//!   half of the banner.
//! * The noise is that of a Poisson count, sqrt(background x sum of squared weights), with the
//!   weights of the kernel at that very place; near the border they are fewer and larger. In this,
//!   the background is taken as at least one click under the kernel (over 1 / sum of squared
//!   weights bins), or a lone click on an otherwise empty banner would be a peak.
//! * Counts are skewed: where few clicks of noise lie under the kernel, chance reaches a
//!   significance more often than the normal distribution says.

use serde::{Deserialize, Serialize};

use crate::gaussian::{Kernel, smoothed};
use crate::{Error, Grid, Heatmap, Point, Result};

/// Configures the search for peaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeaksConfig {
    /// Standard deviation of the smoothing Gaussian in bins; it is cut off at 4 standard
    /// deviations.
    pub sigma_bins: f64,
    /// A peak nearer than this to a stronger one is dropped, in bins; 0 keeps all.
    pub min_distance_bins: f64,
    /// Least significance of a peak, in standard deviations of the noise.
    pub min_significance: f64,
    /// Largest number of peaks.
    pub max_peaks: usize,
}

impl Default for PeaksConfig {
    fn default() -> Self {
        Self { sigma_bins: 1.5, min_distance_bins: 4.0, min_significance: 6.0, max_peaks: 100 }
    }
}

/// A place where clicks pile up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// The place, finer than a bin: the top of a parabola through the bin and its two neighbours
    /// along each axis. Along an axis on which the bin lies at the border of the grid it is the
    /// middle of the bin.
    pub centre: Point,
    /// Height above the background in standard deviations of the noise.
    pub significance: f64,
}

impl PeaksConfig {
    /// Finds the peaks of `heatmap`, strongest first; equally strong ones from top to bottom and
    /// left to right. An empty heatmap has none.
    ///
    /// # Errors
    /// Returns an error that names the field of the configuration that cannot be used.
    pub fn find(&self, heatmap: &Heatmap) -> Result<Vec<Peak>> {
        self.check()?;
        if heatmap.max() == 0.0 {
            return Ok(Vec::new());
        }
        let smoothed = Smoothed::new(heatmap, self.sigma_bins);
        let mut candidates: Vec<Peak> =
            smoothed.plateaus().iter().map(|bins| smoothed.peak(bins)).collect();
        candidates.retain(|peak| peak.significance >= self.min_significance);
        candidates.sort_by(|a, b| b.significance.total_cmp(&a.significance));
        let mut peaks: Vec<Peak> = Vec::new();
        for candidate in candidates {
            if peaks.len() == self.max_peaks {
                break;
            }
            if peaks
                .iter()
                .all(|peak| peak.centre.distance(candidate.centre) >= self.min_distance_bins)
            {
                peaks.push(candidate);
            }
        }
        Ok(peaks)
    }

    fn check(&self) -> Result<()> {
        if !(self.sigma_bins.is_finite() && self.sigma_bins > 0.0) {
            return Err(Error::config("sigma_bins", self.sigma_bins, "must be positive"));
        }
        if !(self.min_distance_bins.is_finite() && self.min_distance_bins >= 0.0) {
            return Err(Error::config(
                "min_distance_bins",
                self.min_distance_bins,
                "must be zero or positive",
            ));
        }
        if !(self.min_significance.is_finite() && self.min_significance > 0.0) {
            return Err(Error::config(
                "min_significance",
                self.min_significance,
                "must be positive",
            ));
        }
        if self.max_peaks == 0 {
            return Err(Error::config("max_peaks", self.max_peaks, "must be positive"));
        }
        Ok(())
    }
}

/// Smoothed counts, row-major, and how far each stands out.
struct Smoothed {
    grid: Grid,
    values: Vec<f64>,
    significance: Vec<f64>,
}

impl Smoothed {
    /// Smooths a heatmap on a grid with at least one bin.
    fn new(heatmap: &Heatmap, sigma_bins: f64) -> Self {
        let grid = heatmap.grid();
        let columns = grid.columns;
        let kernel = |bins: usize| {
            Kernel::new(sigma_bins, (4.0 * sigma_bins).min(bins as f64) as usize, bins)
        };
        let (across, down) = (kernel(columns), kernel(grid.rows));
        let values = smoothed(&across, &down, |row, column| {
            f64::from(heatmap.values()[row * columns + column])
        });
        let (across, down) = (across.squares(), down.squares());
        let bins = (0..grid.rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let background = median(&values);
        let significance = bins.zip(&values).map(|((row, column), value)| {
            let squares = down[row] * across[column];
            (value - background) / (background.max(squares) * squares).sqrt()
        });
        let significance = significance.collect();
        Self { grid, values, significance }
    }

    /// Returns the sets of touching bins of equal value without a higher neighbour, by their first
    /// bin; most have one bin only.
    fn plateaus(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.values.len()];
        let mut plateaus = Vec::new();
        for (first, &value) in self.values.iter().enumerate() {
            if seen[first] {
                continue;
            }
            seen[first] = true;
            let (mut bins, mut next, mut is_top) = (vec![first], 0, true);
            while next < bins.len() {
                for other in neighbours(bins[next], self.grid) {
                    if self.values[other] > value {
                        is_top = false;
                    } else if self.values[other] == value && !seen[other] {
                        seen[other] = true;
                        bins.push(other);
                    }
                }
                next += 1;
            }
            if is_top {
                plateaus.push(bins);
            }
        }
        plateaus
    }

    /// Returns the one peak of a plateau, in the middle of its refined bins.
    fn peak(&self, bins: &[usize]) -> Peak {
        let (mut x, mut y, mut significance) = (0.0, 0.0, f64::NEG_INFINITY);
        for &bin in bins {
            let centre = self.refined(bin);
            x += centre.x;
            y += centre.y;
            significance = self.significance[bin].max(significance);
        }
        let n = bins.len() as f64;
        Peak { centre: Point { x: x / n, y: y / n }, significance }
    }

    fn refined(&self, bin: usize) -> Point {
        let columns = self.grid.columns;
        let (row, column) = (bin / columns, bin % columns);
        let along = |at: usize, bins: usize, step: usize| {
            let is_inside = at > 0 && at + 1 < bins;
            let offset = if is_inside {
                vertex(self.values[bin - step], self.values[bin], self.values[bin + step])
            } else {
                0.0
            };
            at as f64 + 0.5 + offset
        };
        Point { x: along(column, columns, 1), y: along(row, self.grid.rows, columns) }
    }
}

/// Returns where the parabola through three values is highest, as an offset from the middle one,
/// which is the largest.
fn vertex(before: f64, middle: f64, after: f64) -> f64 {
    let curvature = before - 2.0 * middle + after;
    if curvature < 0.0 { (0.5 * (before - after) / curvature).clamp(-0.5, 0.5) } else { 0.0 }
}

/// Up to 8 bins that touch `bin`.
fn neighbours(bin: usize, grid: Grid) -> impl Iterator<Item = usize> {
    let (row, column) = (bin / grid.columns, bin % grid.columns);
    let rows = row.saturating_sub(1)..(row + 2).min(grid.rows);
    let columns = column.saturating_sub(1)..(column + 2).min(grid.columns);
    let bins =
        rows.flat_map(move |row| columns.clone().map(move |column| row * grid.columns + column));
    bins.filter(move |&other| other != bin)
}

/// Returns the median; of an even number of values, the upper one of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests;
