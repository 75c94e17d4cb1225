//! Matrix products in f32.
//!
//! `tile` has the microkernels and `right` packs the right side for them, in f32 or in `words` of
//! bf16. This module multiplies in `blocks` that keep both sides in the caches.

mod blocks;
mod by_columns;
mod precision;
mod right;
mod tile;
mod transposed;
mod word;
mod words;

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;

pub(crate) use blocks::block_rows;
use blocks::{groups, parts_of};
pub(crate) use by_columns::suits as few_rows;
pub(crate) use precision::bf16_of_networks;
pub use precision::{MatmulPrecision, matmul_precision, set_matmul_precision};
use right::LINE;
pub(crate) use right::{Packed, Source};
pub(crate) use tile::bf16::Bf16Kernel;
pub(crate) use tile::{COLUMNS, ROWS, kernel_name};
use tile::{Kernel, LANES, Panel, Strides, Target, bf16, prefetch, tile as multiply_tile};
pub(crate) use transposed::{add_columns_product, add_transposed_product, transposed_product};

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
    /// Lets the first `inner` values of some rows come into the L2 cache, while others are
    /// multiplied: rows that are far apart are not what a processor foresees.
    fn prefetch(&self, rows: Range<usize>, inner: usize) {
        if self.strides.inner == 1 {
            for row in rows {
                let values = &self.values[row * self.strides.row..];
                prefetch(&values[..inner.min(values.len())]);
            }
        }
    }

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
    let mut copy = Buffer::default();
    let left = match right.bf16() {
        None => left,
        Some(kernel) => {
            assert_eq!(left.strides.inner, 1, "rows of values");
            let sizes = (left.rows, right.rows());
            words::rows(left.values, sizes, left.strides.row, kernel, &mut copy)
        }
    };
    // The columns of the result that belong to some panels stay in the cache from one part of the
    // inner dimension to the next.
    for group in groups(right) {
        for part in parts_of(right) {
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
    let stride = right.columns();
    let mut tile = |most: usize, row: usize, at: usize| {
        let rows = (left.rows - row).min(most);
        let values = &left.values[row / most * (left.step / ROWS * most)..];
        let panel = right.panel(at).part(part.clone());
        let out = &mut out[row * stride + at * COLUMNS..];
        whole_vectors(rows, panel, Target { values: out, stride, add }, |target| {
            match right.bf16() {
                None => multiply_tile(Kernel::best(), rows, values, left.strides, panel, target),
                Some(kernel) => bf16::tile(kernel, rows, values, left.strides, panel, target),
            }
        });
    };
    if right.bf16().is_some_and(Bf16Kernel::is_matrix_unit) {
        // A panel stays in the L1 cache while all rows pass, as words of both sides are few.
        for at in panels {
            (0..left.rows).step_by(bf16::ROWS).for_each(|row| tile(bf16::ROWS, row, at));
        }
    } else {
        for row in (0..left.rows).step_by(ROWS) {
            if panels.start == 0 {
                left.prefetch(row + ROWS..(row + 2 * ROWS).min(left.rows), part.len());
            }
            panels.clone().for_each(|at| tile(ROWS, row, at));
        }
    }
}

/// Lets `multiply` write a tile into the target. Kernels write whole vectors: if the last columns
/// of a matrix do not fill one, they are computed aside and cropped.
fn whole_vectors(
    rows: usize,
    panel: Panel<'_>,
    target: Target<'_>,
    multiply: impl FnOnce(Target<'_>),
) {
    if panel.columns.is_multiple_of(LANES) {
        return multiply(target);
    }
    let mut narrow = [0.0; bf16::ROWS * COLUMNS];
    multiply(Target { values: &mut narrow, stride: COLUMNS, add: false });
    let Target { values: out, stride, add } = target;
    for (out, narrow) in out.chunks_mut(stride).zip(narrow.chunks_exact(COLUMNS)).take(rows) {
        for (value, sum) in out[..panel.columns].iter_mut().zip(narrow) {
            *value = if add { *value + sum } else { *sum };
        }
    }
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

/// Copies rows that are a multiple of 4 KiB apart to a padded stride, if a kernel reads more rows
/// at a time than the L1 cache has ways: they would all map to the same sets.
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
            let packed = Packed::new(Source::Rows(&right, columns), inner, columns, None);
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

    #[test]
    fn products_in_bf16_are_those_of_rounded_values() {
        let number = |at: usize| (at as f32 * 0.7123).sin();
        let rounded = |value: f32| f64::from(word::values(word::word(value, 0.0)).0);
        let kernels = Bf16Kernel::all().into_iter().chain([Bf16Kernel::Portable]);
        for (kernel, (rows, inner, columns)) in kernels.flat_map(|kernel| {
            [(1, 1, 1), (50, 100, 70), (33, 768, 64), (3, 0, 4), (64, 1030, 5)]
                .map(|sizes| (kernel, sizes))
        }) {
            let left: Vec<f32> = (0..rows * inner).map(number).collect();
            let right: Vec<f32> = (0..inner * columns).map(|at| number(at + 7)).collect();
            let source = Source::Rows(&right, columns);
            let packed = Packed::new(source, inner, columns, Some(kernel));
            let (out, _) = parallel_product_then(&left, rows, &packed, |_, _| ());
            for (at, found) in out.iter().enumerate() {
                let (row, column) = (at / columns, at % columns);
                let expected: f64 = (0..inner)
                    .map(|k| rounded(left[row * inner + k]) * rounded(right[k * columns + column]))
                    .sum();
                let off = (f64::from(*found) - expected).abs();
                assert!(off < 2e-5, "{kernel:?} {rows} x {inner} x {columns}: off by {off}");
            }
            // The transpose of the left side gives the same.
            let transposed: Vec<f32> =
                (0..rows * inner).map(|at| left[at % rows * inner + at / rows]).collect();
            let mut same = vec![0.0; rows * columns];
            let mut copy = Buffer::default();
            let side = (transposed.as_slice(), rows);
            add_columns_product(side, 0..rows, &packed, &mut same, false, &mut copy);
            assert_eq!(same, *out, "{kernel:?} {rows} x {inner} x {columns}");
        }
    }
}
