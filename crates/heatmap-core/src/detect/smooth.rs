//! Gaussian smoothing of values on a grid.

use crate::Grid;

/// `values`, row-major, smoothed along both axes by a Gaussian of `sigma_bins` cut off at three standard deviations. Near the border the
/// kernel is scaled to what lies on the grid, so that a constant stays constant there; a value just inside is then shared among
/// fewer bins, and the sum over the grid changes a little.
pub(super) fn smoothed(values: &[f64], grid: Grid, sigma_bins: f64) -> Vec<f64> {
    let reach = (3.0 * sigma_bins).ceil() as usize;
    if reach == 0 || sigma_bins <= 0.0 {
        return values.to_vec();
    }
    let kernel: Vec<f64> = (0..=reach).map(|d| (-0.5 * (d as f64 / sigma_bins).powi(2)).exp()).collect();
    let rows = pass(values, grid.rows, grid.columns, &kernel);
    transposed(
        &pass(&transposed(&rows, grid.rows, grid.columns), grid.columns, grid.rows, &kernel),
        grid.columns,
        grid.rows,
    )
}

/// Smooths along the rows of a `rows` x `columns` table.
fn pass(values: &[f64], rows: usize, columns: usize, kernel: &[f64]) -> Vec<f64> {
    let reach = kernel.len() - 1;
    let mut result = vec![0.0; values.len()];
    for row in 0..rows {
        let line = &values[row * columns..][..columns];
        let out = &mut result[row * columns..][..columns];
        for (column, out) in out.iter_mut().enumerate() {
            let (first, last) = (column.saturating_sub(reach), (column + reach).min(columns - 1));
            let (mut sum, mut weights) = (0.0, 0.0);
            for at in first..=last {
                let weight = kernel[at.abs_diff(column)];
                sum += weight * line[at];
                weights += weight;
            }
            *out = sum / weights;
        }
    }
    result
}

fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_point_becomes_a_gaussian() {
        let grid = Grid { rows: 30, columns: 40, bin_size_px: 5.0 };
        assert!(smoothed(&vec![2.0; grid.len()], grid, 2.0).iter().all(|v| (v - 2.0).abs() < 1e-12));
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
        assert_eq!(transposed(&transposed(&values, 2, 3), 3, 2), values);
    }
}
