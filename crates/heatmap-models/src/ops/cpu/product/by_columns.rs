//! Products with few rows, whose columns are shared among the threads.
//!
//! If the threads shared the rows, some would have one tile more than others, and each would read
//! the whole right side, which is by far the larger one.

use std::ops::Range;

use rayon::prelude::*;

use super::super::buffer::Buffer;
use super::blocks::{INNER, parts_of};
use super::right::Packed;
use super::tile::{COLUMNS, Kernel, ROWS, Target, tile as multiply_tile};
use super::{Left, padded_stride, unit};

/// Returns whether a product has so few rows that threads should share its columns.
pub(crate) fn suits(rows: usize, right: &Packed) -> bool {
    /// Values of the left side that stay in the L2 cache.
    const LEFT: usize = 128 * 1024;
    !right.has_words()
        && rows * right.rows().min(INNER) <= LEFT
        && right.columns() >= 2 * COLUMNS * rayon::current_num_threads()
}

/// Multiplies the row-major `left` with the right side. `on_block` gets some rows of the result at
/// a time, with the index of the first; its results are returned too, in order.
pub(super) fn product<T: Send>(
    left: &[f32],
    right: &Packed,
    out: &mut [f32],
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let columns = right.columns();
    let rows = out.len() / columns;
    let mut copy = Buffer::default();
    let left = padded_on_all(left, rows, right, &mut copy);
    // Panels are 64 columns for vectors and 32 for a matrix unit.
    let width = if right.squares().is_some() { unit::TILE } else { COLUMNS };
    let panels = columns.div_ceil(width);
    let share = panels.div_ceil(2 * rayon::current_num_threads());
    let parts: Vec<Range<usize>> =
        (0..panels).step_by(share).map(|first| first..(first + share).min(panels)).collect();
    // Each part of the columns gets its piece of every row of the result.
    let mut targets: Vec<Vec<&mut [f32]>> =
        parts.iter().map(|_| Vec::with_capacity(rows)).collect();
    for mut row in out.chunks_exact_mut(columns) {
        for target in &mut targets {
            let width = (share * width).min(row.len());
            target.extend(row.split_off_mut(..width));
        }
    }
    parts.into_par_iter().zip(targets).for_each(|(panels, mut target)| match right.squares() {
        Some(squares) => multiply_squares(left, squares, panels, &mut target),
        None => multiply(left, right, panels, &mut target),
    });
    let block = rows.div_ceil(2 * rayon::current_num_threads()).max(1);
    out.par_chunks_mut(block * columns)
        .enumerate()
        .map(|(at, out)| on_block(at * block, out))
        .collect()
}

/// Returns the left side, copied to a padded stride where [`padded_rows`](super::padded_rows) would
/// do it, on all threads.
fn padded_on_all<'a>(
    left: &'a [f32],
    rows: usize,
    right: &Packed,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (inner, stride) = (right.rows(), padded_stride(right));
    if stride == inner {
        return Left::rows(left, rows, inner);
    }
    copy.reset(rows * stride);
    copy.par_chunks_exact_mut(stride).zip(left.par_chunks_exact(inner)).for_each(|(copy, row)| {
        copy[..inner].copy_from_slice(row);
    });
    Left::rows(copy, rows, stride)
}

/// Multiplies with some panels of the right side on a matrix unit, as [`multiply`] does.
fn multiply_squares(
    left: Left<'_>,
    right: &unit::Right,
    panels: Range<usize>,
    out: &mut [&mut [f32]],
) {
    let width = out.first().map_or(0, |row| row.len());
    let mut sums = Buffer::new(out.len() * width);
    let side = unit::Side::Rows(left.values, left.rows, left.strides.row);
    unit::product(&side, right, panels, (&mut sums, width), false);
    for (out, sums) in out.iter_mut().zip(sums.chunks_exact(width.max(1))) {
        out.copy_from_slice(sums);
    }
}

/// Multiplies with some panels of the right side. `out` has, for each row of the result, the piece
/// that these panels produce.
fn multiply(left: Left<'_>, right: &Packed, panels: Range<usize>, out: &mut [&mut [f32]]) {
    let kernel = Kernel::best();
    let mut tile = [0.0; ROWS * COLUMNS];
    for part in parts_of(right) {
        for (number, panel) in panels.clone().enumerate() {
            let panel = right.panel(panel).part(part.clone());
            for (at, out) in out.chunks_mut(ROWS).enumerate() {
                let values = &left.values[at * left.step + part.start * left.strides.inner..];
                let target = Target { values: &mut tile, stride: COLUMNS, add: false };
                multiply_tile(kernel, out.len(), values, left.strides, panel, target);
                for (out, sums) in out.iter_mut().zip(tile.chunks_exact(COLUMNS)) {
                    let out = out[number * COLUMNS..][..panel.columns].iter_mut().zip(sums);
                    if part.start == 0 {
                        out.for_each(|(value, sum)| *value = *sum);
                    } else {
                        out.for_each(|(value, sum)| *value += sum);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Multiplier, Source};
    use super::*;

    fn value(at: usize) -> f32 {
        ((at * 31 + at * at * 7) % 13) as f32 / 4.0 - 1.5
    }

    #[test]
    fn the_columns_come_together_and_every_row_is_done_once() {
        for (rows, inner, columns) in
            [(1, 1, 1), (49, 600, 161), (13, 1024, 128), (30, 1100, 33), (3, 0, 40)]
        {
            let left: Vec<f32> = (0..rows * inner).map(value).collect();
            let right: Vec<f32> = (0..inner * columns).map(|at| value(at + 5)).collect();
            let naive = |row: usize, column: usize| -> f32 {
                (0..inner).map(|k| left[row * inner + k] * right[k * columns + column]).sum()
            };
            for multiplier in Multiplier::all_f32() {
                let source = Source::Rows(&right, columns);
                let packed = Packed::new(source, inner, columns, multiplier);
                let mut out = vec![0.0; rows * columns];
                let firsts = product(&left, &packed, &mut out, |first, block| {
                    block.iter_mut().for_each(|value| *value += 0.5);
                    (first, block.len() / columns)
                });
                let expected: Vec<f32> =
                    (0..rows * columns).map(|at| naive(at / columns, at % columns) + 0.5).collect();
                assert_eq!(out, expected, "{multiplier:?} {rows} x {inner} x {columns}");
                let ends: Vec<usize> = firsts.iter().map(|(first, count)| first + count).collect();
                assert_eq!(firsts[0].0, 0);
                assert!(
                    firsts[1..].iter().zip(&ends).all(|((first, _), end)| first == end),
                    "{firsts:?}"
                );
                assert_eq!(ends.last(), Some(&rows));
            }
        }
    }
}
