//! Gaussian smoothing of one value for each bin.

use crate::Grid;
use crate::gaussian::smoothed_by;

/// Smooths `values`, row-major, along both axes by a Gaussian of `sigma_bins` that is cut off at
/// three standard deviations. Near the border the kernel is divided by the part of it that lies on
/// the grid of bins, so that a constant stays constant; this changes the sum of the values a
/// little.
pub(super) fn smoothed(values: &[f64], grid: Grid, sigma_bins: f64) -> Vec<f64> {
    smoothed_by(sigma_bins, (grid.rows, grid.columns), |row, column| {
        values[row * grid.columns + column]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_point_becomes_a_gaussian() {
        let grid = Grid { rows: 30, columns: 40, bin_size_px: 5.0 };
        assert!(
            smoothed(&vec![2.0; grid.len()], grid, 2.0).iter().all(|v| (v - 2.0).abs() < 1e-12)
        );
        let mut point = vec![0.0; grid.len()];
        point[15 * 40 + 20] = 1.0;
        let blob = smoothed(&point, grid, 2.0);
        let at = |row: usize, column: usize| blob[row * 40 + column];
        assert!((blob.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        // One bin away along x, and along y: exp(-1 / 8) of the middle.
        assert!((at(15, 21) / at(15, 20) - (-0.125_f64).exp()).abs() < 1e-12);
        assert!((at(14, 20) / at(15, 20) - (-0.125_f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn no_width_changes_nothing() {
        let grid = Grid { rows: 2, columns: 3, bin_size_px: 5.0 };
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(smoothed(&values, grid, 0.0), values);
    }
}
