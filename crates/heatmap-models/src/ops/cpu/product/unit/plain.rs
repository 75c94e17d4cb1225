//! Products in f32 of values that a matrix unit would not multiply precisely enough. They are rare,
//! so this is simple.

use super::super::super::simd::vectorized;

/// Multiplies a row with a row-major matrix of as many rows as it has values.
pub(super) fn row(left: &[f32], right: &[f32]) -> Vec<f32> {
    let columns = right.len() / left.len().max(1);
    let mut sums = vec![0.0_f32; columns];
    vectorized(
        #[inline(always)]
        || {
            for (value, row) in left.iter().zip(right.chunks_exact(columns.max(1))) {
                sums.iter_mut().zip(row).for_each(|(sum, other)| *sum += value * other);
            }
        },
    );
    sums
}
