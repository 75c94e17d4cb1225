//! A tile in portable Rust: the reference for the other kernels, and the fallback for processors
//! without AVX2 and FMA.

use super::{COLUMNS, Strides, Target};

/// Rows and columns that are summed at a time, few enough for the registers of any processor.
const SUBTILE: (usize, usize) = (4, 8);

/// Computes a tile; see [`tile`](super::tile). `columns` is a multiple of 16.
pub(super) fn tile(
    (rows, columns): (usize, usize),
    left: &[f32],
    strides: Strides,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    for first_row in (0..rows).step_by(SUBTILE.0) {
        for first in (0..columns).step_by(SUBTILE.1) {
            let mut sums = [[0.0_f32; SUBTILE.1]; SUBTILE.0];
            let rows = (rows - first_row).min(SUBTILE.0);
            for (k, right) in right.iter().enumerate() {
                for (row, sums) in sums[..rows].iter_mut().enumerate() {
                    let left = left[(first_row + row) * strides.row + k * strides.inner];
                    sums.iter_mut()
                        .zip(&right[first..first + SUBTILE.1])
                        .for_each(|(sum, right)| *sum += left * right);
                }
            }
            for (row, sums) in sums[..rows].iter().enumerate() {
                let start = (first_row + row) * target.stride + first;
                for (value, sum) in target.values[start..start + SUBTILE.1].iter_mut().zip(sums) {
                    *value = if target.add { *value + sum } else { *sum };
                }
            }
        }
    }
}
