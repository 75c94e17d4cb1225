//! A tile with the vector instructions of x86-64 of 256 bits.
#![allow(
    unsafe_code,
    reason = "pointers: the compiler keeps 12 sums in registers only without bounds checks"
)]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_storeu_ps,
};

use super::corner::Corner;
use super::{COLUMNS, LANES, Strides, Target};

/// Computes a tile with AVX2.
///
/// # Safety
/// The conditions are those of [`avx512`](super::avx512::avx512), with AVX2 and FMA instead of
/// AVX-512F.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn avx2(
    (rows, columns): (usize, usize),
    left: &[f32],
    strides: Strides,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    let whole = Corner::new(left, strides, right, target);
    for column in (0..columns).step_by(LANES) {
        for row in (0..rows).step_by(6) {
            let corner = whole.at(row, column);
            // SAFETY: as in `avx512`.
            unsafe {
                match (rows - row).min(6) {
                    1 => piece_256::<1>(corner),
                    2 => piece_256::<2>(corner),
                    3 => piece_256::<3>(corner),
                    4 => piece_256::<4>(corner),
                    5 => piece_256::<5>(corner),
                    _ => piece_256::<6>(corner),
                }
            }
        }
    }
}

/// Computes a piece of `M` rows and 16 columns: for 6 rows 12 registers of sums, two of the right
/// side and one of the left, of the 16 that the processor has.
///
/// # Safety
/// The conditions are those of [`avx2`], for the rows and columns of the piece.
#[target_feature(enable = "avx2,fma")]
unsafe fn piece_256<const M: usize>(corner: Corner) {
    let Corner { strides, inner, stride, add, .. } = corner;
    let mut sums = [[_mm256_setzero_ps(); 2]; M];
    let (mut left, mut right) = (corner.left, corner.right);
    for _ in 0..inner {
        // SAFETY: as in `piece_512`.
        unsafe {
            let (low, high) = (_mm256_loadu_ps(right), _mm256_loadu_ps(right.add(8)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let value: __m256 = _mm256_set1_ps(*left.add(i * strides.row));
                sums[0] = _mm256_fmadd_ps(value, low, sums[0]);
                sums[1] = _mm256_fmadd_ps(value, high, sums[1]);
            }
        }
        left = left.wrapping_add(strides.inner);
        right = right.wrapping_add(COLUMNS);
    }
    for (i, sums) in sums.into_iter().enumerate() {
        for (half, sum) in sums.into_iter().enumerate() {
            // SAFETY: row i < M and the 8 columns lie within the target.
            unsafe {
                let out = corner.out.add(i * stride + half * 8);
                let sum = if add { _mm256_add_ps(_mm256_loadu_ps(out), sum) } else { sum };
                _mm256_storeu_ps(out, sum);
            }
        }
    }
}
