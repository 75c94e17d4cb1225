//! The microkernels of every product: a tile of the result, at most 12 by 64, whose sums stay in
//! registers along the inner dimension.
//!
//! After Goto and van de Geijn 2008 ("Anatomy of high-performance matrix multiplication"), with one
//! difference: the left side is read in place, one value broadcast to all lanes at a time, so only
//! the right side is packed. A tile is computed in pieces that fit into the registers. Which pieces
//! are fastest depends on the processor: [`Kernel::best`] tries them. The choice cannot be seen in
//! a result, because every sum is made in the order of the inner dimension.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(super) mod bf16;
mod choice;
#[cfg(target_arch = "x86_64")]
mod corner;
mod portable;
#[cfg(all(target_arch = "x86_64", not(debug_assertions)))]
mod steps;

use std::ops::Range;

use super::super::simd::Instructions;
pub(crate) use choice::kernel_name;

/// The most rows of a tile.
pub(crate) const ROWS: usize = 12;

/// The columns of a panel of the right side, and the most of a tile.
pub(crate) const COLUMNS: usize = 64;

/// The columns that a kernel computes at a time: a tile has a multiple of them.
pub(super) const LANES: usize = 16;

/// The distances between neighbouring values of the left side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    /// From one row to the next.
    pub(crate) row: usize,
    /// From one value to the next along the inner dimension.
    pub(crate) inner: usize,
}

/// The pieces that AVX-512 computes a tile in: as many sums each, with different needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// 6 rows by 64 columns: 10 loads for 24 multiplications. For processors that multiply twice
    /// as fast as they load.
    Wide,
    /// 12 rows by 32 columns: 14 loads for 24 multiplications, of half as many columns of the right
    /// side, which stay in a small L1 cache.
    Tall,
}

/// How a tile is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    instructions: Instructions,
    piece: Piece,
}

/// Up to 64 neighbouring columns of the right side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    /// The rows, padded to 64 values.
    pub(super) rows: &'a [[f32; COLUMNS]],
    /// The columns that there are.
    pub(super) columns: usize,
}

impl Panel<'_> {
    /// Returns some of the rows: a part of the inner dimension.
    pub(super) fn part(self, rows: Range<usize>) -> Self {
        Self { rows: &self.rows[rows], ..self }
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

/// Computes the first `rows` rows of `left * right` into `target`; the columns of the panel are
/// rounded up to a multiple of 16. Element (i, k) of `left` is
/// `left[i * strides.row + k * strides.inner]`; the inner dimension is the rows of the panel.
///
/// # Panics
/// When `rows` is not in 1 to [`ROWS`], the panel does not have 1 to [`COLUMNS`] columns, or `left`
/// or the target is too short.
pub(crate) fn tile(
    kernel: Kernel,
    rows: usize,
    left: &[f32],
    strides: Strides,
    panel: Panel<'_>,
    target: Target<'_>,
) {
    assert!((1..=ROWS).contains(&rows), "{rows} rows in a tile");
    let columns = check(rows, left, strides, panel, &target);
    let right = panel.rows;
    match kernel.instructions {
        // SAFETY: the token proves that this processor has AVX-512, and the assertions above
        // establish what the kernel requires of `rows`, `columns`, `left` and the target.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx512(_) => unsafe {
            avx512::avx512(kernel.piece, (rows, columns), left, strides, right, target);
        },
        // SAFETY: as above, but the token proves AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Instructions::Avx2(_) => unsafe {
            avx2::avx2((rows, columns), left, strides, right, target);
        },
        Instructions::Portable => portable::tile((rows, columns), left, strides, right, target),
    }
}

/// Asks for values that will be read soon, to be brought into the L2 cache.
#[inline]
pub(super) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.iter().step_by(LANES) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, and it reads nothing.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(line).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Establishes what the kernels require, and returns the columns of the tile.
fn check(
    rows: usize,
    left: &[f32],
    strides: Strides,
    panel: Panel<'_>,
    target: &Target<'_>,
) -> usize {
    let Panel { rows: right, columns } = panel;
    assert!((1..=COLUMNS).contains(&columns), "{columns} columns in a tile");
    let columns = columns.next_multiple_of(LANES);
    let last = right.len().saturating_sub(1);
    // Checked, because a product that wraps would let the kernels read anywhere.
    let reaches = |row: usize, along: usize| {
        let (row, along) = ((rows - 1).checked_mul(row)?, last.checked_mul(along)?);
        row.checked_add(along)
    };
    let read = reaches(strides.row, strides.inner).is_some_and(|last| last < left.len());
    assert!(right.is_empty() || read, "a left side that is too short");
    let written = reaches(target.stride, 0).and_then(|first| first.checked_add(columns));
    assert!(written.is_some_and(|end| end <= target.values.len()), "a target that is too short");
    columns
}

#[cfg(test)]
mod tests;
