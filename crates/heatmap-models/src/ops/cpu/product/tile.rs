//! The kernel of every product: one tile of the result, 12 by 32, held in registers while the inner
//! side runs.
//!
//! Epilogue Goto and van de Geijn 2008 ("Anatomy of high-performance matrix multiplication"), with one
//! difference: the left side is read where it lies, a number at a time for all lanes, so only the
//! right side has to be packed. On AVX-512 a tile is 24 registers of sums; the processor can then
//! do nothing but multiply and add (97 % of its peak, measured). AVX2 and plain Rust do the same
//! tile in smaller pieces.

/// Rows of a tile.
pub(crate) const ROWS: usize = 12;

/// Columns of a tile.
pub(crate) const COLUMNS: usize = 32;

/// How many numbers lie between two neighbours of the left side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    /// From row to row.
    pub(crate) row: usize,
    /// Along the inner side.
    pub(crate) inner: usize,
}

/// Instructions that a tile can be made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// 512 bits at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256 bits at a time, with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the compiler makes of plain Rust.
    Portable,
}

impl Instructions {
    /// The best that this processor has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
            {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Where a tile of the result goes: row i starts at `i * stride` of `values`.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
    /// Whether the tile is added to what is there.
    pub(crate) add: bool,
}

/// The first `rows` rows of `left *
/// right`, as many columns wide as a tile. Element (i, k) of `left` is
/// `left[i * strides.row + k * strides.inner]`; the inner side is as long as `right`.
///
/// # Panics
/// When `rows` is not 1 to [`ROWS`], or `left` or the target is too short.
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
    assert!(
        right.is_empty() || (rows - 1) * strides.row + last * strides.inner < left.len(),
        "a left side that is too short"
    );
    assert!(
        (rows - 1) * target.stride + COLUMNS <= target.values.len(),
        "a target that is too short"
    );
    /// One kernel for each number of rows, so that the sums have registers of their own.
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
        // SAFETY: `Instructions::best` found AVX-512F on this processor; the assertions above are
        // what the kernel asks for.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx512 => unsafe { by_rows!(x86::avx512) },
        // SAFETY: as above, for AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx2 => unsafe { by_rows!(x86::avx2) },
        Instructions::Portable => by_rows!(portable),
    }
}

/// The same in plain Rust: what the others are compared with, and what runs where there is nothing
/// better.
fn portable<const M: usize>(
    left: &[f32],
    strides: Strides,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    /// Rows and columns that are summed at a time: few enough for the registers of any processor.
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

    /// # Safety
    /// The processor has AVX-512F. `M` is at most [`ROWS`](super::ROWS),
    /// `(M - 1) * strides.row + (right.len() - 1) * strides.inner` is an index of
    /// `left`, and `(M - 1) * stride + 32` is at most the length of the target.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512<const M: usize>(
        left: &[f32],
        strides: Strides,
        right: &[[f32; COLUMNS]],
        target: Target<'_>,
    ) {
        /// # Safety
        /// As above.
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
                // SAFETY: a row of the right side is 32 numbers; i < M and k < right.len(), so the
                // index of the left side is at most the one that the caller vouches for.
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
        // SAFETY: as the caller promises. The compiler makes a loop of its own for each way the
        // left side can lie.
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

    /// # Safety
    /// As [`avx512`], with AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<const M: usize>(
        left: &[f32],
        strides: Strides,
        right: &[[f32; COLUMNS]],
        target: Target<'_>,
    ) {
        // 12 sums, two registers of the right side and one of the left: the processor has 16.
        const SUBTILE: usize = 6;
        let left = left.as_ptr();
        let out = target.values.as_mut_ptr();
        for first_row in (0..M).step_by(SUBTILE) {
            for first in (0..COLUMNS).step_by(16) {
                let mut sums = [[_mm256_setzero_ps(); 2]; SUBTILE];
                for (k, right) in right.iter().enumerate() {
                    // SAFETY: `first + 16` is at most 32; rows behind the last are read as the
                    // last, so the index is at most the one that the caller vouches for.
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
