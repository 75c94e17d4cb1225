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
pub(crate) use tile::{COLUMNS, ROWS};
use tile::{Instructions, Strides, Target, tile as multiply_tile};

/// The longest piece of the inner dimension that is multiplied at a time: a panel of the right side
/// is then 64 KiB.
const INNER: usize = 512;

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

/// Computes `left * right` into the row-major `out`, on this thread.
pub(crate) fn product(left: Left<'_>, right: &Packed, out: &mut [f32]) {
    multiply(left, right, out, false);
}

/// Computes `left * right` into `out`, or adds it to the values in `out` if `add`.
pub(crate) fn add_product(left: Left<'_>, right: &Packed, out: &mut [f32], add: bool) {
    multiply(left, right, out, add);
}

fn multiply(left: Left<'_>, right: &Packed, out: &mut [f32], add: bool) {
    let stride = right.columns();
    assert_eq!(out.len(), left.rows * stride, "room for {} x {stride}", left.rows);
    let instructions = Instructions::best();
    for part in pieces(right.rows()) {
        let add = add || part.start > 0;
        for column in (0..stride).step_by(COLUMNS) {
            let panel = &right.panel(column / COLUMNS)[part.clone()];
            for row in (0..left.rows).step_by(ROWS) {
                let rows = (left.rows - row).min(ROWS);
                let values =
                    &left.values[row / ROWS * left.step + part.start * left.strides.inner..];
                let out = &mut out[row * stride + column..];
                if column + COLUMNS <= stride {
                    multiply_tile(
                        instructions,
                        rows,
                        values,
                        left.strides,
                        panel,
                        Target { values: out, stride, add },
                    );
                    continue;
                }
                // The last columns are narrower than a tile, so a full tile is computed aside and
                // cropped.
                let mut narrow = [0.0; ROWS * COLUMNS];
                let target = Target { values: &mut narrow, stride: COLUMNS, add: false };
                multiply_tile(instructions, rows, values, left.strides, panel, target);
                for (out, narrow) in
                    out.chunks_mut(stride).zip(narrow.chunks_exact(COLUMNS)).take(rows)
                {
                    let out = &mut out[..stride - column];
                    for (value, sum) in out.iter_mut().zip(narrow) {
                        *value = if add { *value + sum } else { *sum };
                    }
                }
            }
        }
    }
}

/// Splits the inner dimension into pieces of nearly equal length; for an inner dimension of 0,
/// yields one empty piece, so that the result is still set to zero.
fn pieces(inner: usize) -> impl Iterator<Item = Range<usize>> {
    let count = inner.div_ceil(INNER).max(1);
    let piece = inner.div_ceil(count);
    (0..count).map(move |at| at * piece..((at + 1) * piece).min(inner))
}

/// Returns how many of the `rows` rows of a result a thread computes at a time: few enough that the
/// block of the left side stays in the L2 cache while all panels of the right side pass, and that
/// all threads have enough to do.
pub(crate) fn block_rows(rows: usize, inner: usize) -> usize {
    /// Values of the left side in a block, for the L2 cache.
    const BLOCK: usize = 96 * 1024;
    let share = rows.div_ceil(2 * rayon::current_num_threads());
    (BLOCK / inner.clamp(1, INNER))
        .clamp(4 * ROWS, 64 * ROWS)
        .min(share)
        .max(1)
        .next_multiple_of(ROWS)
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
    if by_columns::suits(rows, right) {
        return by_columns::product(left, rows, right, on_block);
    }
    let (inner, columns) = (right.rows(), right.columns());
    let mut out = Buffer::new(rows * columns);
    let block = block_rows(rows, inner);
    let blocks = out.par_chunks_mut((block * columns).max(1)).enumerate();
    let results = blocks.map_init(Buffer::default, |copy, (at, out)| {
        let count = out.len() / columns;
        let left = &left[at * block * inner..(at * block + count) * inner];
        product(padded_rows(left, count, inner, copy), right, out);
        on_block(at * block, out)
    });
    let results = results.collect();
    (out, results)
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
    let share = left_columns
        .div_ceil(2 * rayon::current_num_threads())
        .min(16 * ROWS)
        .next_multiple_of(ROWS);
    out.par_chunks_mut(share * columns).enumerate().for_each_init(
        Buffer::default,
        |copy, (at, out)| {
            let part = at * share..at * share + out.len() / columns;
            add_product(Left::columns(left, part, left_columns, copy), right, out, add);
        },
    );
}

/// Copies rows that are a multiple of 4 KiB apart to a padded stride: they would all map to the
/// same sets of the L1 cache.
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
    if inner > 0 && inner.is_multiple_of(1024) { inner + LINE } else { inner }
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
            [(1, 1, 1), (12, 32, 32), (13, 600, 33), (50, 1024, 64), (7, 1100, 5), (3, 0, 4)]
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
                add_product(
                    Left::columns(&transposed, 0..rows, rows, &mut Buffer::default()),
                    &packed,
                    &mut out,
                    true,
                );
            }
            assert!(
                out.iter().zip(&expected).all(|(found, expected)| *found == expected + 1.0),
                "{rows} {inner}"
            );
        }
    }
}
