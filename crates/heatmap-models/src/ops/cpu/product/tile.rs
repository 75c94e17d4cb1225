//! The microkernel of every product: one register tile of the result, 12 by 32, whose sums stay in
//! registers over the whole inner dimension.
//!
//! After Goto and van de Geijn 2008 ("Anatomy of high-performance matrix multiplication"), with one
//! difference: the left side is read in place, one value broadcast to all lanes at a time, so only
//! the right side is packed. On AVX-512 a tile takes 24 registers of sums, and the processor does
//! little but multiply and add (97 % of its peak, measured). With AVX2 and in portable Rust the
//! same tile is computed in smaller pieces.

/// The rows of a tile.
pub(crate) const ROWS: usize = 12;

/// The columns of a tile.
pub(crate) const COLUMNS: usize = 32;

/// The distances between neighbouring values of the left side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    /// From one row to the next.
    pub(crate) row: usize,
    /// From one value to the next along the inner dimension.
    pub(crate) inner: usize,
}

/// The instruction sets that a tile can be computed with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {
    /// AVX-512, 512 bits at a time. The token exists only where the processor has it.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// AVX2 with fused multiply-add, 256 bits at a time. The token exists only where the processor
    /// has both.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// Portable Rust, compiled for the target's baseline.
    Portable,
}

impl Instructions {
    /// Returns the best instruction set of this processor.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(token) = pulp::x86::V4::try_new() {
                return Self::Avx512(token);
            }
            if let Some(token) = pulp::x86::V3::try_new() {
                return Self::Avx2(token);
            }
        }
        Self::Portable
    }
}

/// The destination of a tile: row i starts at `i * stride` of `values`.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
    /// Whether the tile is added to the values that are there.
    pub(crate) add: bool,
}

/// Computes the first `rows` rows of `left * right` into `target`, 32 columns wide. Element (i, k)
/// of `left` is `left[i * strides.row + k * strides.inner]`; the inner dimension is the length of
/// `right`.
///
/// # Panics
/// When `rows` is not in 1 to [`ROWS`], or `left` or the target is too short.
pub(crate) fn tile(
    instructions: Instructions,
    rows: usize,
    left: &[f32],
    strides: Strides,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    assert!((1..=ROWS).contains(&rows), "{rows} rows in a tile");
    let last = right.len().saturating_sub(1);
    // Checked, because a product that wraps would let the kernels read anywhere.
    let reaches = |row: usize, along: usize| {
        let (row, along) = ((rows - 1).checked_mul(row)?, last.checked_mul(along)?);
        row.checked_add(along)
    };
    let read = reaches(strides.row, strides.inner).is_some_and(|last| last < left.len());
    assert!(right.is_empty() || read, "a left side that is too short");
    let written = reaches(target.stride, 0).and_then(|first| first.checked_add(COLUMNS));
    assert!(written.is_some_and(|end| end <= target.values.len()), "a target that is too short");
    /// Selects the kernel compiled for this number of rows, so that its sums are in registers.
    macro_rules! by_rows {
        ($($kernel:ident)::+) => {
            match rows {
                1 => $($kernel)::+::<1>(left, strides, right, target),
                2 => $($kernel)::+::<2>(left, strides, right, target),
                3 => $($kernel)::+::<3>(left, strides, right, target),
                4 => $($kernel)::+::<4>(left, strides, right, target),
                5 => $($kernel)::+::<5>(left, strides, right, target),
                6 => $($kernel)::+::<6>(left, strides, right, target),
                7 => $($kernel)::+::<7>(left, strides, right, target),
                8 => $($kernel)::+::<8>(left, strides, right, target),
                9 => $($kernel)::+::<9>(left, strides, right, target),
                10 => $($kernel)::+::<10>(left, strides, right, target),
                11 => $($kernel)::+::<11>(left, strides, right, target),
                _ => $($kernel)::+::<12>(left, strides, right, target),
            }
        };
    }
    match instructions {
        // SAFETY: the token proves that this processor has AVX-512, and the assertions above
        // establish what the kernel requires of `rows`, `left` and the target.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx512(_) => unsafe { by_rows!(x86::avx512) },
        // SAFETY: as above, but the token proves AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx2(_) => unsafe { by_rows!(x86::avx2) },
        Instructions::Portable => by_rows!(portable),
    }
}

/// Computes a tile in portable Rust: the reference for the other kernels, and the fallback for
/// processors without AVX2 and FMA.
fn portable<const M: usize>(
    left: &[f32],
    strides: Strides,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    /// Rows and columns that are summed at a time, few enough for the registers of any processor.
    const SUBTILE: (usize, usize) = (4, 8);
    for first_row in (0..M).step_by(SUBTILE.0) {
        for first in (0..COLUMNS).step_by(SUBTILE.1) {
            let mut sums = [[0.0_f32; SUBTILE.1]; SUBTILE.0];
            let rows = (M - first_row).min(SUBTILE.0);
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

#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "pointers: the compiler keeps 24 sums in registers only without bounds checks"
)]
mod x86 {
    use std::arch::x86_64::{
        __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
        _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{COLUMNS, Strides, Target};

    /// Computes a tile of `M` rows with AVX-512.
    ///
    /// # Safety
    /// The processor has AVX-512F. `M` is at most [`ROWS`](super::ROWS),
    /// `(M - 1) * strides.row + (right.len() - 1) * strides.inner` is an index of `left`, and
    /// `(M - 1) * stride + 32` is at most the length of the target.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512<const M: usize>(
        left: &[f32],
        strides: Strides,
        right: &[[f32; COLUMNS]],
        target: Target<'_>,
    ) {
        /// Sums the tile over the inner dimension, for the given strides of the left side.
        ///
        /// # Safety
        /// The conditions are those of [`avx512`].
        #[inline]
        #[target_feature(enable = "avx512f")]
        unsafe fn sum<const M: usize>(
            left: &[f32],
            (row, inner): (usize, usize),
            right: &[[f32; COLUMNS]],
            sums: &mut [[__m512; 2]; M],
        ) {
            let left = left.as_ptr();
            for (k, right) in right.iter().enumerate() {
                // SAFETY: a row of the right side is 32 values; i < M and k < right.len(), so the
                // index of the left side is at most the one that the caller guarantees.
                unsafe {
                    let low = _mm512_loadu_ps(right.as_ptr());
                    let high = _mm512_loadu_ps(right.as_ptr().add(16));
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let value = _mm512_set1_ps(*left.add(i * row + k * inner));
                        sums[0] = _mm512_fmadd_ps(value, low, sums[0]);
                        sums[1] = _mm512_fmadd_ps(value, high, sums[1]);
                    }
                }
            }
        }

        let mut sums = [[_mm512_setzero_ps(); 2]; M];
        // SAFETY: the caller guarantees the conditions of `sum`. The first two arms repeat the
        // common strides as constants, so that the compiler specialises the loop for each.
        unsafe {
            match strides {
                Strides { row, inner: 1 } => sum(left, (row, 1), right, &mut sums),
                Strides { row: 1, inner: super::ROWS } => {
                    sum(left, (1, super::ROWS), right, &mut sums)
                }
                Strides { row, inner } => sum(left, (row, inner), right, &mut sums),
            }
        }
        let out = target.values.as_mut_ptr();
        for (i, sums) in sums.into_iter().enumerate() {
            for (half, sum) in sums.into_iter().enumerate() {
                // SAFETY: i < M, so the 16 numbers end before `(M - 1) * stride + 32`.
                unsafe {
                    let out = out.add(i * target.stride + half * 16);
                    let sum =
                        if target.add { _mm512_add_ps(_mm512_loadu_ps(out), sum) } else { sum };
                    _mm512_storeu_ps(out, sum);
                }
            }
        }
    }

    /// Computes a tile of `M` rows with AVX2.
    ///
    /// # Safety
    /// The conditions are those of [`avx512`], with AVX2 and FMA instead of AVX-512F.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<const M: usize>(
        left: &[f32],
        strides: Strides,
        right: &[[f32; COLUMNS]],
        target: Target<'_>,
    ) {
        // 12 registers of sums, two of the right side and one of the left: the processor has 16.
        const SUBTILE: usize = 6;
        let left = left.as_ptr();
        let out = target.values.as_mut_ptr();
        for first_row in (0..M).step_by(SUBTILE) {
            for first in (0..COLUMNS).step_by(16) {
                let mut sums = [[_mm256_setzero_ps(); 2]; SUBTILE];
                for (k, right) in right.iter().enumerate() {
                    // SAFETY: `first + 16` is at most 32; rows after the last are read as the last,
                    // so the index is at most the one that the caller guarantees.
                    unsafe {
                        let low = _mm256_loadu_ps(right.as_ptr().add(first));
                        let high = _mm256_loadu_ps(right.as_ptr().add(first + 8));
                        for (i, sums) in sums.iter_mut().enumerate() {
                            let row = (first_row + i).min(M - 1);
                            let value =
                                _mm256_set1_ps(*left.add(row * strides.row + k * strides.inner));
                            sums[0] = _mm256_fmadd_ps(value, low, sums[0]);
                            sums[1] = _mm256_fmadd_ps(value, high, sums[1]);
                        }
                    }
                }
                for (i, sums) in sums.into_iter().enumerate().take(M - first_row) {
                    for (half, sum) in sums.into_iter().enumerate() {
                        // SAFETY: `first_row + i` < M, so the 8 numbers end before
                        // `(M - 1) * stride + 32`.
                        unsafe {
                            let out = out.add((first_row + i) * target.stride + first + half * 8);
                            let sum = if target.add {
                                _mm256_add_ps(_mm256_loadu_ps(out), sum)
                            } else {
                                sum
                            };
                            _mm256_storeu_ps(out, sum);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
