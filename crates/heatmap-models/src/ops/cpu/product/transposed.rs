//! Products whose left side is the transpose of a row-major matrix: gradients of weights.

use std::ops::Range;

use rayon::prelude::*;

use super::super::buffer::Buffer;
use super::super::patches::{ConvShape, Patches};
use super::blocks::{INNER, block_rows, groups, parts_of};
use super::right::Packed;
use super::source::Source;
use super::tile::ROWS;
use super::{Left, Multiplier, multiplier_of_networks, multiply_part, unit, words};

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
    let multiplier = multiplier_of_networks().for_sizes((rows, right_columns));
    if let Multiplier::Unit(unit) = multiplier {
        let source = |row: usize, column: usize| {
            Source::Rows(&right[row * right_columns + column..], right_columns)
        };
        return unit::transposed_product(unit, (left, left_columns), source, right_columns);
    }
    let mut out = Buffer::new(left_columns * right_columns);
    // Rows of the right side that are packed at a time, a few MiB.
    let piece = (1024 * 1024 / right_columns).max(INNER);
    for start in (0..rows).step_by(piece) {
        let some = start..(start + piece).min(rows);
        let right = &right[some.start * right_columns..some.end * right_columns];
        let source = Source::Rows(right, right_columns);
        let right = Packed::new(source, some.len(), right_columns, multiplier);
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

/// Computes the transpose of a matrix times the patches of an image, each a row, on all threads, if
/// a matrix unit can read them where they lie.
pub(crate) fn transposed_patches_product(
    left: &[f32],
    left_columns: usize,
    (image, shape): (&[f32], &ConvShape),
) -> Option<Buffer> {
    let sizes = (shape.out_pixels(), shape.patch_len());
    match multiplier_of_networks().for_sizes(sizes) {
        Multiplier::Unit(unit) if Patches::fit(shape, unit::STEP) => {
            let source = |row: usize, column: usize| {
                Source::Patches(Patches::new(image, shape, row, column))
            };
            Some(unit::transposed_product(unit, (left, left_columns), source, sizes.1))
        }
        _ => None,
    }
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
    let unit = if right.squares().is_some() { 1 } else { ROWS };
    let share = block_rows(left_columns, right).next_multiple_of(unit);
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
    if let Some(squares) = right.squares() {
        let side = unit::Side::Columns(left, columns, stride);
        unit::product(&side, squares, 0..squares.pairs(), (out, right.columns()), add);
        return;
    }
    // Values in a row of the right side's panels, which has two in each word of bf16.
    let each = if right.has_words() { 2 } else { 1 };
    let mut parts = parts_of(right).peekable();
    // Some parts of the left side at a time are copied, so that the copy stays in the L2 cache.
    while let Some(first) = parts.peek().map(|part| part.start) {
        let some: Vec<_> = parts.by_ref().take(COPIED).collect();
        let end = some.last().map_or(first, |part| part.end);
        let rows = &left[first * each * stride..(end * each).min(right.rows()) * stride];
        let left = if right.has_words() {
            words::columns(rows, columns.clone(), stride, copy)
        } else {
            Left::columns(rows, columns.clone(), stride, copy)
        };
        for group in groups(right) {
            for part in &some {
                let (left, add) = (left.from(part.start - first), add || part.start > 0);
                multiply_part(left, (right, group.clone()), part.clone(), out, add);
            }
        }
    }
}
