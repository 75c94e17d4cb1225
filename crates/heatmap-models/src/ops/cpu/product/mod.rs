//! Matrix products in f32.
//!
//! `tile` is the microkernel and `right` packs the right side for it. This module splits products
//! into blocks that keep both sides in the caches.

mod by_columns;
mod right;
mod tile;

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;

pub(crate) use by_columns::suits as few_rows;
pub(crate) use right::{Packed, Source};
pub(crate) use tile::{COLUMNS, ROWS, kernel_name};
use tile::{Kernel, LANES, Panel, Strides, Target, tile as multiply_tile};

/// The longest piece of the inner dimension that is multiplied at a time: a panel of the right side
/// is then 64 KiB, of which a kernel reads 16 to 64 at a time.
const INNER: usize = 256;

/// The panels of the right side that rows are multiplied with before the next rows: 256 KiB.
const PANELS: usize = 4;

/// The left side of a product, unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    values: &'a [f32],
    rows: usize,
    strides: Strides,
    /// The distance from the first value of a tile to that of the next tile.
    step: usize,
}

impl<'a> Left<'a> {
    /// Takes a row-major matrix, with `stride` values from one row to the next.
    pub(crate) fn rows(values: &'a [f32], rows: usize, stride: usize) -> Self {
        Self { values, rows, strides: Strides { row: stride, inner: 1 }, step: ROWS * stride }
    }

    /// Takes the transpose of some columns of a row-major matrix, which has `stride` values from
    /// one row to the next: each column becomes a row of the left side. The values are copied into
    /// `copy`, one tile after another, because such strides waste the cache.
    pub(crate) fn columns(
        values: &[f32],
        columns: Range<usize>,
        stride: usize,
        copy: &'a mut Buffer,
    ) -> Self {
        let (rows, inner) = (columns.len(), values.len() / stride);
        let step = inner * ROWS;
        copy.reset(rows.div_ceil(ROWS) * step);
        for (tile, copy) in copy.chunks_exact_mut(step.max(1)).enumerate() {
            let first = columns.start + tile * ROWS;
            let count = (columns.end - first).min(ROWS);
            for (copy, row) in copy.chunks_exact_mut(ROWS).zip(values.chunks_exact(stride)) {
                match (
                    <&mut [f32; ROWS]>::try_from(&mut *copy),
                    <&[f32; ROWS]>::try_from(&row[first..first + count]),
                ) {
                    (Ok(copy), Ok(row)) => *copy = *row,
                    _ => copy[..count].copy_from_slice(&row[first..first + count]),
                }
            }
        }
        Self { values: copy, rows, strides: Strides { row: 1, inner: ROWS }, step }
    }
}

impl Left<'_> {
    /// Returns the same rows from the value `first` of each on.
    fn from(self, first: usize) -> Self {
        let first = (first * self.strides.inner).min(self.values.len());
        Self { values: &self.values[first..], ..self }
    }
}

/// Computes `left * right` into the row-major `out`, on this thread.
pub(crate) fn product(left: Left<'_>, right: &Packed, out: &mut [f32]) {
    let stride = right.columns();
    assert_eq!(out.len(), left.rows * stride, "room for {} x {stride}", left.rows);
    // The columns of the result that belong to some panels stay in the cache from one part of the
    // inner dimension to the next.
    for group in groups(right) {
        for part in pieces(right.rows()) {
            let add = part.start > 0;
            multiply_part(left.from(part.start), (right, group.clone()), part, out, add);
        }
    }
}

/// Multiplies the left side with a part of the inner dimension of some panels. These stay in the L2
/// cache while all rows pass, and a few rows in the L1 cache while the panels pass.
fn multiply_part(
    left: Left<'_>,
    (right, panels): (&Packed, Range<usize>),
    part: Range<usize>,
    out: &mut [f32],
    add: bool,
) {
    let (kernel, stride) = (Kernel::best(), right.columns());
    for row in (0..left.rows).step_by(ROWS) {
        let rows = (left.rows - row).min(ROWS);
        let values = &left.values[row / ROWS * left.step..];
        for at in panels.clone() {
            let panel = right.panel(at).part(part.clone());
            let out = &mut out[row * stride + at * COLUMNS..];
            let target = Target { values: out, stride, add };
            multiply_tile_of(kernel, rows, (values, left.strides), panel, target);
        }
    }
}

/// Computes a tile of a matrix, whose last columns may be fewer than a kernel writes.
fn multiply_tile_of(
    kernel: Kernel,
    rows: usize,
    (values, strides): (&[f32], Strides),
    panel: Panel<'_>,
    target: Target<'_>,
) {
    if panel.columns.is_multiple_of(LANES) {
        multiply_tile(kernel, rows, values, strides, panel, target);
        return;
    }
    // Kernels write whole vectors, so the last ones are computed aside and cropped.
    let mut narrow = [0.0; ROWS * COLUMNS];
    let aside = Target { values: &mut narrow, stride: COLUMNS, add: false };
    multiply_tile(kernel, rows, values, strides, panel, aside);
    let Target { values: out, stride, add } = target;
    for (out, narrow) in out.chunks_mut(stride).zip(narrow.chunks_exact(COLUMNS)).take(rows) {
        for (value, sum) in out[..panel.columns].iter_mut().zip(narrow) {
            *value = if add { *value + sum } else { *sum };
        }
    }
}

/// Splits the inner dimension into pieces of nearly equal length; for an inner dimension of 0,
/// yields one empty piece, so that the result is still set to zero.
fn pieces(inner: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = inner.div_ceil(INNER).max(1);
    let piece = inner.div_ceil(count);
    (0..count).map(move |at| at * piece..((at + 1) * piece).min(inner))
}

/// Groups the panels of the right side: of a part of the inner dimension, 256 KiB at a time.
fn groups(right: &Packed) -> impl Iterator<Item = Range<usize>> {
    let panels = right.columns().div_ceil(COLUMNS);
    (0..panels).step_by(PANELS).map(move |first| first..(first + PANELS).min(panels))
}

/// Returns how many of the `rows` rows of a result a thread computes at a time: few enough that the
/// block of the result stays in the L2 cache with some panels of the right side, and as many blocks
/// for each thread, several, so that a thread that is slowed down leaves some to others.
pub(crate) fn block_rows(rows: usize) -> usize {
    /// The most rows in a block.
    const MOST: usize = 16 * ROWS;
    /// Blocks for each thread, if they do not become too small.
    const BLOCKS: usize = 4;
    let threads = rayon::current_num_threads();
    let blocks = rows.div_ceil(MOST).max(BLOCKS.min(rows / (4 * ROWS) / threads) * threads);
    rows.div_ceil(blocks.max(1).next_multiple_of(threads)).max(1).next_multiple_of(ROWS / 2)
}

/// Multiplies a row-major matrix `[rows, inner]` with the right side, on all threads.
pub(crate) fn parallel_product(left: &[f32], rows: usize, right: &Packed) -> Buffer {
    parallel_product_then(left, rows, right, |_, _| ()).0
}

/// Computes the same as [`parallel_product`], with an epilogue: `on_block` gets each block of rows
/// of the result while it is in the cache, with the index of the block's first row. Its results are
/// returned too, in order.
pub(crate) fn parallel_product_then<T: Send>(
    left: &[f32],
    rows: usize,
    right: &Packed,
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Buffer, Vec<T>) {
    let mut out = Buffer::new(rows * right.columns());
    let results = parallel_product_into(left, right, &mut out, on_block);
    (out, results)
}

/// Computes the same as [`parallel_product_then`] into `out`, which has room for the whole result.
pub(crate) fn parallel_product_into<T: Send>(
    left: &[f32],
    right: &Packed,
    out: &mut [f32],
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let (inner, columns) = (right.rows(), right.columns());
    let rows = out.len() / columns.max(1);
    if by_columns::suits(rows, right) {
        return by_columns::product(left, right, out, on_block);
    }
    let block = block_rows(rows);
    let blocks = out.par_chunks_mut((block * columns).max(1)).enumerate();
    let results = blocks.map_init(Buffer::default, |copy, (at, out)| {
        let count = out.len() / columns;
        let left = &left[at * block * inner..(at * block + count) * inner];
        product(padded_rows(left, count, inner, copy), right, out);
        on_block(at * block, out)
    });
    results.collect()
}

/// Computes `left^T * right`, `[left_columns, right_columns]`, of two row-major matrices with the
/// same number of rows, on all threads.
pub(crate) fn transposed_product(
    left: &[f32],
    left_columns: usize,
    right: &[f32],
    right_columns: usize,
) -> Buffer {
    let rows = right.len() / right_columns;
    if rows == 0 {
        return Buffer::zeros(left_columns * right_columns);
    }
    let mut out = Buffer::new(left_columns * right_columns);
    // Rows of the right side that are packed at a time, a few MiB.
    let piece = (1024 * 1024 / right_columns).max(INNER);
    for start in (0..rows).step_by(piece) {
        let some = start..(start + piece).min(rows);
        let right = &right[some.start * right_columns..some.end * right_columns];
        let right = Packed::new(Source::Rows(right, right_columns), some.len(), right_columns);
        add_transposed_product(
            &left[some.start * left_columns..some.end * left_columns],
            left_columns,
            &right,
            &mut out,
            start > 0,
        );
    }
    out
}

/// Computes `left^T * right` into `out`, or adds it to the values in `out` if `add`, on all
/// threads; `left` has as many rows as the right side.
pub(crate) fn add_transposed_product(
    left: &[f32],
    left_columns: usize,
    right: &Packed,
    out: &mut [f32],
    add: bool,
) {
    let columns = right.columns();
    let share = block_rows(left_columns).next_multiple_of(ROWS);
    out.par_chunks_mut(share * columns).enumerate().for_each_init(
        Buffer::default,
        |copy, (at, out)| {
            let some = at * share..at * share + out.len() / columns;
            add_columns_product((left, left_columns), some, right, out, add, copy);
        },
    );
}

/// Computes the same as [`add_transposed_product`] for some columns of the left matrix, on this
/// thread.
pub(crate) fn add_columns_product(
    (left, stride): (&[f32], usize),
    columns: Range<usize>,
    right: &Packed,
    out: &mut [f32],
    add: bool,
    copy: &mut Buffer,
) {
    /// The most parts of the inner dimension that are copied at a time.
    const COPIED: usize = 4;
    let mut parts = pieces(right.rows()).peekable();
    // Some parts of the left side at a time are copied, so that the copy stays in the L2 cache.
    while let Some(first) = parts.peek().map(|part| part.start) {
        let some: Vec<_> = parts.by_ref().take(COPIED).collect();
        let end = some.last().map_or(first, |part| part.end);
        let rows = &left[first * stride..end * stride];
        let left = Left::columns(rows, columns.clone(), stride, copy);
        for group in groups(right) {
            for part in &some {
                let (left, add) = (left.from(part.start - first), add || part.start > 0);
                multiply_part(left, (right, group.clone()), part.clone(), out, add);
            }
        }
    }
}

/// Copies rows that are a multiple of 4 KiB apart to a padded stride, if a kernel reads more rows at
/// a time than the L1 cache has ways: they would all map to the same sets.
pub(crate) fn padded_rows<'a>(
    values: &'a [f32],
    rows: usize,
    inner: usize,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let stride = padded_stride(inner);
    if stride == inner {
        return Left::rows(values, rows, inner);
    }
    copy.reset(rows * stride);
    for (copy, row) in copy.chunks_exact_mut(stride).zip(values.chunks_exact(inner)) {
        copy[..inner].copy_from_slice(row);
    }
    Left::rows(copy, rows, stride)
}

/// Returns the number of values from one row to the next after [`padded_rows`].
fn padded_stride(inner: usize) -> usize {
    const LINE: usize = 16;
    let collide = inner > 0 && inner.is_multiple_of(1024);
    if collide && Kernel::best().reads_many_rows() { inner + LINE } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(at: usize) -> f32 {
        ((at * 31 + at * at * 7) % 13) as f32 / 4.0 - 1.5
    }

    #[test]
    fn products_are_those_of_a_naive_loop() {
        for (rows, inner, columns) in
            [(1, 1, 1), (12, 32, 64), (13, 600, 97), (50, 1024, 112), (7, 1100, 5), (3, 0, 4)]
        {
            let left: Vec<f32> = (0..rows * inner).map(value).collect();
            let right: Vec<f32> = (0..inner * columns).map(|at| value(at + 5)).collect();
            let packed = Packed::new(Source::Rows(&right, columns), inner, columns);
            let naive = |row: usize, column: usize| -> f32 {
                (0..inner).map(|k| left[row * inner + k] * right[k * columns + column]).sum()
            };
            let expected: Vec<f32> =
                (0..rows * columns).map(|at| naive(at / columns, at % columns)).collect();
            assert_eq!(*parallel_product(&left, rows, &packed), *expected);
            // Column by column, added to what is there.
            let mut transposed = vec![0.0; rows * inner];
            for row in 0..rows {
                for k in 0..inner {
                    transposed[k * rows + row] = left[row * inner + k];
                }
            }
            let mut out = vec![1.0; rows * columns];
            if inner > 0 {
                add_columns_product(
                    (&transposed, rows),
                    0..rows,
                    &packed,
                    &mut out,
                    true,
                    &mut Buffer::default(),
                );
            }
            assert!(
                out.iter().zip(&expected).all(|(found, expected)| *found == expected + 1.0),
                "{rows} {inner}"
            );
        }
    }
}
