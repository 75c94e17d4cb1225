//! Smooths along one axis of a grid by a Gaussian that is divided by its mass on the grid, so that
//! a constant stays constant at the border.

use std::ops::Range;

/// A Gaussian kernel along one axis of a grid.
pub(crate) struct Kernel {
    /// Weight by distance in bins, not normalised.
    weights: Vec<f64>,
    /// For a kernel centred on each bin, the sum of the weights that fall on the grid.
    mass: Vec<f64>,
}

impl Kernel {
    /// Makes the kernel for an axis of `bins` bins, cut off after `reach` bins.
    pub(crate) fn new(sigma_bins: f64, reach: usize, bins: usize) -> Self {
        let gaussian = |distance: usize| {
            let z = distance as f64 / sigma_bins;
            libm::exp(-0.5 * z * z)
        };
        // No two bins of the axis are further apart than `bins`, so weights beyond are never used.
        let weights = (0..=reach.min(bins)).map(gaussian).collect();
        let mut kernel = Self { weights, mass: vec![1.0; bins] };
        kernel.mass = (0..bins).map(|at| kernel.average(at, |_| 1.0)).collect();
        kernel
    }

    /// For a kernel centred on each bin, the sum of its squared weights after normalisation.
    #[cfg(feature = "analysis")]
    pub(crate) fn squares(&self) -> Vec<f64> {
        let square =
            |at: usize| self.average(at, |other| self.weights[at.abs_diff(other)]) / self.mass[at];
        (0..self.mass.len()).map(square).collect()
    }

    /// Returns the weighted mean of `value` around bin `at`.
    pub(crate) fn average(&self, at: usize, value: impl Fn(usize) -> f64) -> f64 {
        self.window(at).map(|other| self.weights[at.abs_diff(other)] * value(other)).sum::<f64>()
            / self.mass[at]
    }

    /// The bins on the grid that the kernel reaches from `at`.
    fn window(&self, at: usize) -> Range<usize> {
        at.saturating_sub(self.weights.len() - 1)..(at + self.weights.len()).min(self.mass.len())
    }
}

/// Smooths values on a grid of rows x columns, row-major, along both axes by a Gaussian of
/// `sigma_bins` that is cut off at three standard deviations. A `sigma_bins` of 0 changes nothing.
pub(crate) fn smoothed_by(
    sigma_bins: f64,
    (rows, columns): (usize, usize),
    value: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let reach = (3.0 * sigma_bins).ceil() as usize;
    if reach == 0 {
        return (0..rows * columns).map(|bin| value(bin / columns, bin % columns)).collect();
    }
    let kernel = |bins: usize| Kernel::new(sigma_bins, reach, bins);
    smoothed(&kernel(columns), &kernel(rows), value)
}

/// Smooths values on a grid, row-major, first along the rows and then along the columns.
pub(crate) fn smoothed(
    across: &Kernel,
    down: &Kernel,
    value: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let (rows, columns) = (down.mass.len(), across.mass.len());
    let bins = || (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)));
    let in_rows: Vec<f64> =
        bins().map(|(row, column)| across.average(column, |c| value(row, c))).collect();
    bins().map(|(row, column)| down.average(row, |r| in_rows[r * columns + column])).collect()
}
