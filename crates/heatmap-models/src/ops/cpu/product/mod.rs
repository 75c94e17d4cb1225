//! Matrix products, in f32 or bf16, with vector instructions or a matrix unit.
//!
//! For vectors, `tile` has the microkernels and `right` packs the right side for them, in f32 or in
//! `words` of bf16; this module multiplies in `blocks` that keep both sides in the caches. `unit`
//! has the products of a matrix unit.

mod aligned;
mod blocks;
mod by_columns;
mod left;
mod multiplier;
mod precision;
mod right;
mod source;
mod tile;
mod transposed;
mod unit;
#[cfg(test)]
mod unit_tests;
mod word;
mod words;

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::patches::{ConvShape, Patches, gather};

use aligned::LINE;
pub(crate) use blocks::block_rows;
use blocks::{groups, parts_of};
pub(crate) use by_columns::suits as few_rows;
pub(crate) use left::Left;
pub(crate) use multiplier::Multiplier;
pub(crate) use precision::multiplier_of_networks;
pub use precision::{MatmulPrecision, matmul_precision, set_matmul_precision};
pub(crate) use right::Packed;
pub(crate) use source::Source;
pub(crate) use tile::{COLUMNS, ROWS};
use tile::{Kernel, LANES, Panel, Target, bf16, prefetch, tile as multiply_tile};
pub(crate) use transposed::{
    add_columns_product, add_transposed_product, transposed_patches_product, transposed_product,
};

/// Computes `left * right` into the row-major `out`, on this thread.
pub(crate) fn product(left: Left<'_>, right: &Packed, out: &mut [f32]) {
    let stride = right.columns();
    assert_eq!(out.len(), left.rows * stride, "room for {} x {stride}", left.rows);
    let mut copy = Buffer::default();
    if let Some(squares) = right.squares() {
        assert_eq!(left.strides.inner, 1, "rows of values");
        let side = unit::Side::Rows(left.values, left.rows, left.strides.row);
        unit::product(&side, squares, 0..squares.pairs(), (out, stride), false);
        return;
    }
    let left = if right.has_words() {
        assert_eq!(left.strides.inner, 1, "rows of values");
        words::rows(left.values, (left.rows, right.rows()), left.strides.row, &mut copy)
    } else {
        left
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

/// Returns whether networks multiply the patches of an image with a weight where they lie.
pub(crate) fn reads_patches(shape: &ConvShape) -> bool {
    let sizes = (shape.patch_len(), shape.out_channels);
    multiplier_of_networks().for_sizes(sizes).is_unit() && Patches::fit(shape, unit::STEP)
}

/// Computes the product of some patches of an image, each a row, from the output pixel `rows.start`
/// on, on this thread. `copy` has room for them if they have to be gathered.
pub(crate) fn patches_product(
    (image, shape): (&[f32], &ConvShape),
    rows: Range<usize>,
    right: &Packed,
    out: &mut [f32],
    copy: &mut Buffer,
) {
    if let Some(squares) = right.squares().filter(|_| Patches::fit(shape, unit::STEP)) {
        let side = unit::Side::Patches(Patches::new(image, shape, rows.start, 0), rows.len());
        unit::product(&side, squares, 0..squares.pairs(), (out, right.columns()), false);
        return;
    }
    let len = shape.patch_len();
    copy.reset(rows.len() * len);
    gather(image, shape, rows.clone(), copy);
    product(Left::rows(copy, rows.len(), len), right, out);
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
    for row in (0..left.rows).step_by(ROWS) {
        if panels.start == 0 {
            left.prefetch(row + ROWS..(row + 2 * ROWS).min(left.rows), part.len());
        }
        let rows = (left.rows - row).min(ROWS);
        let values = &left.values[row / ROWS * left.step..];
        for at in panels.clone() {
            let panel = right.panel(at).part(part.clone());
            let out = &mut out[row * stride + at * COLUMNS..];
            whole_vectors(rows, panel, Target { values: out, stride, add }, |target| {
                if right.has_words() {
                    bf16::tile(rows, values, left.strides, panel, target);
                } else {
                    multiply_tile(Kernel::best(), rows, values, left.strides, panel, target);
                }
            });
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
    let mut narrow = [0.0; ROWS * COLUMNS];
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
    let block = block_rows(rows, right);
    let blocks = out.par_chunks_mut((block * columns).max(1)).enumerate();
    let results = blocks.map_init(Buffer::default, |copy, (at, out)| {
        let count = out.len() / columns;
        let left = &left[at * block * inner..(at * block + count) * inner];
        product(padded_rows(left, count, right, copy), right, out);
        on_block(at * block, out)
    });
    results.collect()
}

/// Copies rows that are a multiple of 4 KiB apart to a padded stride, if a kernel reads more rows
/// at a time than the L1 cache has ways: they would all map to the same sets.
pub(crate) fn padded_rows<'a>(
    values: &'a [f32],
    rows: usize,
    right: &Packed,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (inner, stride) = (right.rows(), padded_stride(right));
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
fn padded_stride(right: &Packed) -> usize {
    let inner = right.rows();
    let collide = inner > 0 && inner.is_multiple_of(1024) && right.squares().is_none();
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
            let naive = |row: usize, column: usize| -> f32 {
                (0..inner).map(|k| left[row * inner + k] * right[k * columns + column]).sum()
            };
            let expected: Vec<f32> =
                (0..rows * columns).map(|at| naive(at / columns, at % columns)).collect();
            // Column by column, added to what is there.
            let mut transposed = vec![0.0; rows * inner];
            for row in 0..rows {
                for k in 0..inner {
                    transposed[k * rows + row] = left[row * inner + k];
                }
            }
            for multiplier in Multiplier::all_f32() {
                let source = Source::Rows(&right, columns);
                let packed = Packed::new(source, inner, columns, multiplier);
                assert_eq!(*parallel_product(&left, rows, &packed), *expected, "{multiplier:?}");
                let mut out = vec![1.0; rows * columns];
                if inner > 0 {
                    let side = (transposed.as_slice(), rows);
                    let copy = &mut Buffer::default();
                    add_columns_product(side, 0..rows, &packed, &mut out, true, copy);
                }
                assert!(
                    out.iter().zip(&expected).all(|(found, expected)| *found == expected + 1.0),
                    "{multiplier:?} {rows} {inner}"
                );
            }
        }
    }

    #[test]
    fn products_in_bf16_are_those_of_rounded_values() {
        let number = |at: usize| (at as f32 * 0.7123).sin();
        let rounded = |value: f32| f64::from(word::values(word::word(value, 0.0)).0);
        let all = Multiplier::all_bf16().into_iter();
        for (kernel, (rows, inner, columns)) in all.flat_map(|kernel| {
            [(1, 1, 1), (50, 100, 70), (33, 768, 64), (3, 0, 4), (64, 1030, 5)]
                .map(|sizes| (kernel, sizes))
        }) {
            let left: Vec<f32> = (0..rows * inner).map(number).collect();
            let right: Vec<f32> = (0..inner * columns).map(|at| number(at + 7)).collect();
            let source = Source::Rows(&right, columns);
            let packed = Packed::new(source, inner, columns, kernel);
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
