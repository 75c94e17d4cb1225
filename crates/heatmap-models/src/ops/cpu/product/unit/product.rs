//! Products of a converted left side and a packed right side.

use std::ops::Range as Span;

use super::super::super::simd::vectorized;
use super::super::aligned::Aligned;
use super::kernel::Ready;
use super::plain;
use super::range::Range;
use super::sides::{Sides, Tile};
use super::{Right, SIDE, STEP, Side, TILE, squares};

/// Pairs of squares side by side whose results are computed before they are written: rows of 1 KiB,
/// because every page that is written costs.
const GROUP: usize = 8;

/// Computes some pairs of squares of columns of `left * right` into `out`, which has `stride`
/// values from one row to the next and begins at the first of these columns. Adds to what is there
/// if `add`.
pub(in super::super) fn product(
    left: &Side<'_>,
    right: &Right,
    pairs: Span<usize>,
    (out, stride): (&mut [f32], usize),
    add: bool,
) {
    let unit = right.unit();
    let (rows, steps) = (left.rows(), right.rows().div_ceil(STEP));
    if rows == 0 || pairs.is_empty() {
        return;
    }
    let width = (right.columns() - pairs.start * TILE).min(pairs.len() * TILE);
    if steps == 0 && !add {
        out.chunks_mut(stride).take(rows).for_each(|row| row[..width].fill(0.0));
    }
    let part = steps.div_ceil(steps.div_ceil(unit.terms.part()).max(1)).max(1);
    let (mut squares, mut tiles) = (Aligned::default(), Aligned::default());
    for first in (0..steps).step_by(part) {
        let steps = first..(first + part).min(steps);
        let values = steps.start * STEP..(steps.end * STEP).min(right.rows());
        let largest = left.convert(unit, values.clone(), &mut squares);
        let left = LeftPart { left, values, squares: &squares, largest: &largest };
        let columns = Columns { right, pairs: pairs.clone(), steps };
        multiply_part(left, columns, (out, stride), add || first > 0, &mut tiles);
    }
}

/// A part of the left side along the inner dimension, converted.
pub(super) struct LeftPart<'a> {
    pub(super) left: &'a Side<'a>,
    pub(super) values: Span<usize>,
    pub(super) squares: &'a [f32],
    /// The largest magnitudes of rows, as bits, unless values are only rounded.
    pub(super) largest: &'a [u32],
}

/// Multiplies a part of the inner dimension. Rows whose planes would not keep the precision of f32
/// are multiplied as they are.
pub(super) fn multiply_part(
    part: LeftPart<'_>,
    columns: Columns<'_>,
    (out, stride): (&mut [f32], usize),
    add: bool,
    tiles: &mut Aligned,
) {
    let LeftPart { left, values, squares, largest } = part;
    let Columns { right, pairs, steps } = columns.clone();
    let width = (right.columns() - pairs.start * TILE).min(pairs.len() * TILE);
    let others: Vec<(usize, Vec<f32>)> = (0..largest.len())
        .filter(|row| !Range::of(largest[*row]).can_multiply(right.range()))
        .map(|row| (row, out[row * stride..][..width].to_vec()))
        .collect();
    multiply((squares, left.rows()), columns, (out, stride), add, tiles);
    if others.is_empty() {
        return;
    }
    let right = right.values(steps);
    for (row, before) in others {
        let sums = plain::row(&left.row(row, values.clone()), &right);
        let sums = &sums[pairs.start * TILE..];
        let out = out[row * stride..][..width].iter_mut().zip(before).zip(sums);
        out.for_each(|((value, before), sum)| *value = if add { before + sum } else { *sum });
    }
}

/// Some columns of the right side, along a part of the inner dimension.
#[derive(Debug, Clone)]
pub(super) struct Columns<'a> {
    pub(super) right: &'a Right,
    /// The pairs of squares of columns.
    pub(super) pairs: Span<usize>,
    pub(super) steps: Span<usize>,
}

/// Multiplies converted rows.
fn multiply(
    (left, rows): (&[f32], usize),
    columns: Columns<'_>,
    (out, stride): (&mut [f32], usize),
    add: bool,
    tiles: &mut Aligned,
) {
    let Columns { right, pairs, steps } = columns;
    let left = squares(left);
    let terms = right.unit().terms;
    let len = steps.len() * terms.planes();
    let high = rows.div_ceil(TILE);
    tiles.reset(high * GROUP * TILE * TILE);
    let tiles: &mut [Tile] = tiles.as_chunks_mut().0.as_chunks_mut().0;
    let ready = Ready::new(right.unit());
    for first in pairs.clone().step_by(GROUP) {
        let group = first..(first + GROUP).min(pairs.end);
        for pair in group.clone() {
            let panel = right.squares(pair, steps.clone());
            let next = right.squares((pair + 1).min(pairs.end - 1), steps.clone());
            // While a tile is computed, its share of the next squares comes into the cache.
            let share = next.len().div_ceil(high);
            for row in 0..high {
                let left = |half: usize| &left[(2 * row + half) * len..][..len];
                let lower = (rows - row * TILE > SIDE).then(|| left(1));
                let next = &next[(row * share).min(next.len())..];
                let sides = Sides::new(terms, left(0), lower, panel, next);
                ready.multiply(sides, &mut tiles[row * group.len() + pair - first]);
            }
        }
        let width = (right.columns() - first * TILE).min(group.len() * TILE);
        let out = &mut out[(first - pairs.start) * TILE..];
        vectorized(
            #[inline(always)]
            || {
                for (row, out) in out.chunks_mut(stride).take(rows).enumerate() {
                    let tiles = &tiles[row / TILE * group.len()..][..group.len()];
                    write(tiles, row % TILE, &mut out[..width], add);
                }
            },
        );
    }
}

/// Writes a row of tiles that lie side by side.
#[inline(always)]
fn write(tiles: &[Tile], row: usize, out: &mut [f32], add: bool) {
    for (out, tile) in out.chunks_mut(TILE).zip(tiles) {
        let sums = &tile[row];
        let whole = <&mut [f32; TILE]>::try_from(&mut *out);
        if let (Ok(out), false) = (whole, add) {
            *out = *sums;
        } else if add {
            for (value, sum) in out.iter_mut().zip(sums) {
                *value += sum;
            }
        } else {
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}
