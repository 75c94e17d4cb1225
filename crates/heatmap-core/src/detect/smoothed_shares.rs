//! [`SmoothedShares`]: the clicks of a banner as a distribution that can be compared with that of
//! another banner.
//!
//! The shares of the clicks are smoothed by a Gaussian and sampled every few bins, as a smoothed
//! map holds nothing new in between. The Euclidean distance of their square roots is the Hellinger
//! distance of two banners (times the square root of 2), in which the noise of the counts is the
//! same everywhere (Anscombe 1948). It is two-sided: an excess of clicks in one place counts as
//! much as a lack in another.

use super::Smoothing;
use super::click_map::check_grid;
use crate::gaussian::Kernel;
use crate::{Grid, Heatmap, Result};

/// Converts heatmaps with given rows and columns of bins into smoothed shares.
#[derive(Debug, Clone)]
pub struct SmoothedShares {
    grid: Grid,
    sigma_bins: f64,
    across: Lattice,
    down: Lattice,
}

/// The sampling points along one axis, and the kernel from bins to points.
#[derive(Debug, Clone)]
struct Lattice {
    points: Vec<usize>,
    /// For each bin, the first point that sees it, and its weight for that point and the next ones.
    weights: Vec<SeenWeights>,
}

impl SmoothedShares {
    /// Smooths by a standard deviation of `sigma_bins` (at least 0.5) and samples at points that
    /// are at most that, or 2 bins, apart.
    pub fn new(grid: Grid, sigma_bins: f64) -> Self {
        let sigma_bins = sigma_bins.max(0.5);
        // From 1.5 bins on every second bin is enough: interpolation in between is accurate to a
        // hundredth.
        let stride = if sigma_bins >= 1.5 { (sigma_bins.floor() as usize).max(2) } else { 1 };
        let lattice = |bins| Lattice::new(bins, sigma_bins, stride);
        Self { grid, sigma_bins, across: lattice(grid.columns), down: lattice(grid.rows) }
    }

    /// Smooths as `smoothing` says for banners with this number of clicks: the fewer clicks, the
    /// wider.
    pub fn for_clicks(grid: Grid, clicks: f64, smoothing: &Smoothing) -> Self {
        Self::new(grid, smoothing.sigma_for(clicks))
    }

    /// Returns the standard deviation of the kernel in bins.
    pub fn sigma_bins(&self) -> f64 {
        self.sigma_bins
    }

    /// Returns the rows and columns of bins of the heatmaps.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Returns the number of sampling points.
    pub fn len(&self) -> usize {
        self.across.points.len() * self.down.points.len()
    }

    /// Returns whether there is no sampling point, because there are no bins.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the smoothed share of the clicks at every point, row by row, with a sum of 1; zeros
    /// without a click.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins.
    pub fn of(&self, heatmap: &Heatmap) -> Result<Vec<f32>> {
        check_grid(self.grid, heatmap)?;
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let mut smoothed = vec![0.0_f32; self.len()];
        spread_clicks(
            heatmap,
            &self.down.weights,
            &self.across.weights,
            self.across.points.len(),
            &mut smoothed,
        );
        normalize(&mut smoothed);
        Ok(smoothed)
    }

    /// Returns the place of a point in fractions of the banner's width and height.
    pub fn place(&self, point: usize) -> (f64, f64) {
        let (row, column) = (point / self.across.points.len(), point % self.across.points.len());
        let fraction = |bin: usize, bins: usize| (bin as f64 + 0.5) / bins as f64;
        (
            fraction(self.across.points[column], self.grid.columns),
            fraction(self.down.points[row], self.grid.rows),
        )
    }

    /// The value at a point if all clicks fall into its own bin, far from the border.
    pub(super) fn peak_of_a_point_mass(&self) -> f64 {
        let cell = (self.grid.len() as f64 / self.len() as f64).max(1.0);
        (cell / (2.0 * std::f64::consts::PI * self.sigma_bins * self.sigma_bins)).min(1.0)
    }

    /// Interpolates values at the points linearly to every bin, row-major.
    pub(super) fn at_every_bin(&self, values: &[f64]) -> Vec<f64> {
        let columns = self.across.points.len();
        let (across, down) =
            (self.across.between(self.grid.columns), self.down.between(self.grid.rows));
        let mut bins = Vec::with_capacity(self.grid.len());
        for &(top, bottom, t) in &down {
            for &(left, right, s) in &across {
                let along = |row: usize| {
                    (1.0 - s) * values[row * columns + left] + s * values[row * columns + right]
                };
                bins.push((1.0 - t) * along(top) + t * along(bottom));
            }
        }
        bins
    }
}

impl Lattice {
    fn new(bins: usize, sigma_bins: f64, stride: usize) -> Self {
        let points: Vec<usize> = (0..bins).skip((stride - 1) / 2).step_by(stride).collect();
        let points = if points.is_empty() && bins > 0 { vec![0] } else { points };
        let kernel = Kernel::new(sigma_bins, (3.0 * sigma_bins).ceil() as usize, bins);
        let weights = (0..bins)
            .map(|bin| {
                // The weight of a click in this bin in the kernel average around a point.
                let seen = |&point: &usize| {
                    kernel.average(point, |other| f64::from(u8::from(other == bin))) as f32
                };
                let all: Vec<f32> = points.iter().map(seen).collect();
                seen_weights(&all)
            })
            .collect();
        Self { points, weights }
    }

    /// For every bin, the two points around it and the position between them (0 at the first, 1 at
    /// the second).
    fn between(&self, bins: usize) -> Vec<(usize, usize, f64)> {
        let of = |bin: usize| {
            let after = self.points.partition_point(|&point| point <= bin);
            if after == 0 || after == self.points.len() {
                let end = after.min(self.points.len() - 1);
                return (end, end, 0.0);
            }
            let (low, high) = (self.points[after - 1], self.points[after]);
            (after - 1, after, (bin - low) as f64 / (high - low) as f64)
        };
        (0..bins).map(of).collect()
    }
}

/// The first point along an axis that sees a bin, and the bin's weights for that point and the next
/// ones.
pub(super) type SeenWeights = (usize, Vec<f32>);

/// Strips the leading and trailing zeros off the weights of a bin for every point.
pub(super) fn seen_weights(all: &[f32]) -> SeenWeights {
    let first = all.iter().position(|w| *w > 0.0).unwrap_or(0);
    let end = all.iter().rposition(|w| *w > 0.0).map_or(first, |last| last + 1);
    (first, all[first..end].to_vec())
}

/// Adds the clicks of every bin to the points that see it; `points` is row-major with `columns`
/// points in a row.
pub(super) fn spread_clicks(
    heatmap: &Heatmap,
    down: &[SeenWeights],
    across: &[SeenWeights],
    columns: usize,
    points: &mut [f32],
) {
    let mut in_row = vec![0.0_f32; columns];
    for (row, line) in heatmap.values().chunks_exact(heatmap.columns()).enumerate() {
        in_row.fill(0.0);
        let mut clicked = false;
        for (column, &value) in line.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            clicked = true;
            let (first, weights) = &across[column];
            in_row[*first..]
                .iter_mut()
                .zip(weights)
                .for_each(|(sum, weight)| *sum += value * weight);
        }
        if clicked {
            let (first, weights) = &down[row];
            for (line, weight) in points[first * columns..].chunks_exact_mut(columns).zip(weights) {
                line.iter_mut().zip(&in_row).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }
}

/// Divides the values by their sum, unless that is 0.
fn normalize(values: &mut [f32]) {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|v| *v = (f64::from(*v) / sum) as f32);
    }
}

/// The square root of every share.
pub(super) fn roots(shares: &[f32]) -> Vec<f32> {
    shares.iter().map(|share| share.sqrt()).collect()
}

/// Euclidean distance of two vectors of square roots of shares, 0 to the square root of 2: the
/// Hellinger distance times the square root of 2. Independent lanes allow vector instructions.
#[inline(always)]
fn distance(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 =
        a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    f64::from(sums.iter().sum::<f32>() + rest).sqrt()
}

/// The distance from `own` to each of `rows`, all square roots of shares.
pub(super) fn distances<'a>(rows: impl Iterator<Item = &'a [f32]>, own: &[f32]) -> Vec<f64> {
    // Dispatched at run time to code compiled for the vector instructions of this processor.
    pulp::Arch::new().dispatch(Distances { rows, own })
}

/// The `most` smallest of these pairs of distance and position, in ascending order.
pub(super) fn nearest(mut all: Vec<(f64, usize)>, most: usize) -> Vec<(f64, usize)> {
    let by_distance = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if (1..all.len()).contains(&most) {
        all.select_nth_unstable_by(most - 1, by_distance);
    }
    all.truncate(most);
    all.sort_by(by_distance);
    all
}

struct Distances<'b, I> {
    rows: I,
    own: &'b [f32],
}

impl<'a, I: Iterator<Item = &'a [f32]>> pulp::NullaryFnOnce for Distances<'_, I> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.rows.map(|row| distance(row, self.own)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::smooth::smoothed;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn heatmap(bins: &[(usize, f32)]) -> Heatmap {
        let mut values = vec![0.0; GRID.len()];
        bins.iter().for_each(|&(bin, clicks)| values[bin] = clicks);
        Heatmap::from_values(GRID, values).unwrap()
    }

    #[test]
    fn points_hold_what_smoothing_every_bin_gives_there() {
        for sigma in [1.5, 2.3, 3.7] {
            let shares = SmoothedShares::new(GRID, sigma);
            let clicks = heatmap(&[(0, 3.0), (59, 1.0), (1_530, 7.0), (2_999, 2.0)]);
            let values: Vec<f64> = clicks.values().iter().map(|&v| f64::from(v)).collect();
            let all = &smoothed(&values, GRID, sigma)[..];
            let expected: Vec<f64> = shares
                .down
                .points
                .iter()
                .flat_map(|row| {
                    shares.across.points.iter().map(move |column| all[row * 60 + column])
                })
                .collect();
            let sum: f64 = expected.iter().sum();
            for (got, expected) in shares.of(&clicks).unwrap().iter().zip(expected) {
                assert!((f64::from(*got) - expected / sum).abs() < 1e-6, "sigma {sigma}");
            }
        }
    }

    #[test]
    fn the_peak_of_one_bin_is_as_stated_and_places_are_those_of_the_bins() {
        let shares = SmoothedShares::new(GRID, 2.3);
        let (x, y) = shares.place(12 * shares.across.points.len() + 15);
        let bin = ((y * 50.0) as usize) * 60 + (x * 60.0) as usize;
        let one = shares.of(&heatmap(&[(bin, 9.0)])).unwrap();
        let peak = one.iter().copied().fold(0.0, f32::max);
        assert!((f64::from(peak) / shares.peak_of_a_point_mass() - 1.0).abs() < 0.03, "{peak}");
    }

    #[test]
    fn distances_are_those_of_hellinger_and_apart_is_the_root_of_two() {
        let shares = SmoothedShares::new(GRID, 1.5);
        let of = |bin| roots(&shares.of(&heatmap(&[(bin, 5.0)])).unwrap());
        assert!(distance(&of(100), &of(100)) == 0.0);
        assert!((distance(&of(10), &of(2_990)) - 2.0_f64.sqrt()).abs() < 1e-6);
        let (a, b) = (of(1_530), of(1_532));
        let naive: f64 =
            a.iter().zip(&b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        assert!((distance(&a, &b) - naive).abs() < 1e-6 && naive > 0.1);
    }

    #[test]
    fn a_plane_is_drawn_out_exactly_and_empty_or_narrow_grids_are_no_trouble() {
        let shares = SmoothedShares::new(GRID, 2.0);
        let plane: Vec<f64> = (0..shares.len()).map(|point| shares.place(point).0).collect();
        let bins = shares.at_every_bin(&plane);
        // Between the outermost points.
        for column in 2..57 {
            assert!((bins[60 * 25 + column] - (column as f64 + 0.5) / 60.0).abs() < 1e-12);
        }
        assert!(shares.of(&Heatmap::zeros(GRID)).unwrap().iter().all(|share| *share == 0.0));
        let narrow = Grid { rows: 1, columns: 2, bin_size_px: 5.0 };
        let shares = SmoothedShares::new(narrow, 4.0);
        let one = shares.of(&Heatmap::from_values(narrow, vec![1.0, 0.0]).unwrap()).unwrap();
        assert!((one.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares.of(&Heatmap::zeros(GRID)).is_err());
    }
}
