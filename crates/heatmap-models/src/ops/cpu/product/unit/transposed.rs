//! Products whose left side is the transpose of a row-major matrix, as gradients of weights are:
//! many rows of both matrices make few of the result.
//!
//! The left side is converted once, on all threads; each of them then packs some columns of the
//! right side, which stay in its L2 cache, and multiplies them.

use std::ops::Range as Span;

use rayon::prelude::*;

use super::super::super::buffer::Buffer;
use super::super::aligned::Aligned;
use super::super::source::Source;
use super::product::{Columns, LeftPart, multiply_part};
use super::{Right, STEP, Side, TILE, Unit, plain};

/// Columns of the left matrix that are converted together.
const ROWS: usize = 4 * TILE;

/// The most columns of the right side that are packed together.
const MOST_COLUMNS: usize = 8 * TILE;

/// Computes `left^T * right`, `[left_columns, columns]`; `right` gives some rows and columns of the
/// right side from a row and a column on.
pub(in super::super) fn transposed_product<'a>(
    unit: Unit,
    (left, left_columns): (&[f32], usize),
    right: impl Fn(usize, usize) -> Source<'a> + Sync,
    columns: usize,
) -> Buffer {
    let rows = left.len() / left_columns;
    let each = (columns / (4 * rayon::current_num_threads())).next_multiple_of(TILE).max(TILE);
    let each = each.min(MOST_COLUMNS);
    let mut groups: Vec<Group> = (0..columns)
        .step_by(each)
        .map(|first| {
            let columns = first..(first + each).min(columns);
            Group { sums: Buffer::new(left_columns * columns.len()), columns }
        })
        .collect();
    let piece = piece_of(unit, left_columns) * STEP;
    let mut blocks: Vec<Block> = (0..left_columns)
        .step_by(ROWS)
        .map(|first| Block { columns: first..(first + ROWS).min(left_columns), ..Block::default() })
        .collect();
    for first in (0..rows).step_by(piece) {
        let some = first..(first + piece).min(rows);
        let left = &left[some.start * left_columns..some.end * left_columns];
        blocks.par_iter_mut().for_each(|block| block.convert(unit, left, left_columns));
        let blocks = &blocks;
        groups.par_iter_mut().for_each_init(
            || (Right::new(unit), Aligned::default()),
            |(packed, tiles), group| {
                let (from, width) = (group.columns.start, group.columns.len());
                let (source, sizes) = (right(first, from), (some.len(), width));
                let kept = packed.fill(source, sizes, false);
                for block in blocks {
                    let out = &mut group.sums[block.columns.start * width..];
                    if kept {
                        block.multiply((left, left_columns), packed, out, first > 0, tiles);
                    } else {
                        block.multiply_plain((left, left_columns), source, out, width, first > 0);
                    }
                }
            },
        );
    }
    let mut out = Buffer::new(left_columns * columns);
    out.par_chunks_mut(columns.max(1)).enumerate().for_each(|(row, out)| {
        for group in &groups {
            let width = group.columns.len();
            out[group.columns.clone()].copy_from_slice(&group.sums[row * width..][..width]);
        }
    });
    out
}

/// Returns how many steps of the inner dimension are multiplied at a time: few enough that all of
/// the left side stays in the cache that threads share, or in their own.
fn piece_of(unit: Unit, left_columns: usize) -> usize {
    const VALUES: usize = 512 * 1024;
    (VALUES / (left_columns * unit.terms.planes() * STEP)).clamp(8, unit.terms.part())
}

/// Some columns of the result.
struct Group {
    columns: Span<usize>,
    sums: Buffer,
}

/// Some columns of the left matrix, which become rows.
#[derive(Default)]
struct Block {
    columns: Span<usize>,
    squares: Aligned,
    largest: Vec<u32>,
}

impl Block {
    fn convert(&mut self, unit: Unit, left: &[f32], stride: usize) {
        let side = self.side(left, stride);
        self.largest = side.convert(unit, 0..left.len() / stride, &mut self.squares);
    }

    fn side<'a>(&self, left: &'a [f32], stride: usize) -> Side<'a> {
        Side::Columns(left, self.columns.clone(), stride)
    }

    /// Multiplies with a packed right side.
    fn multiply(
        &self,
        (left, stride): (&[f32], usize),
        right: &Right,
        out: &mut [f32],
        add: bool,
        tiles: &mut Aligned,
    ) {
        let rows = right.rows();
        let part = LeftPart {
            left: &self.side(left, stride),
            values: 0..rows,
            squares: &self.squares,
            largest: &self.largest,
        };
        let columns = Columns { right, pairs: 0..right.pairs(), steps: 0..rows.div_ceil(STEP) };
        multiply_part(part, columns, (out, right.columns()), add, tiles);
    }

    /// Multiplies with a right side of which planes would not keep the precision.
    fn multiply_plain(
        &self,
        (left, stride): (&[f32], usize),
        source: Source<'_>,
        out: &mut [f32],
        width: usize,
        add: bool,
    ) {
        let (side, rows) = (self.side(left, stride), left.len() / stride);
        let right = source.values(rows, width);
        for (row, out) in out.chunks_mut(width).take(side.rows()).enumerate() {
            let sums = plain::row(&side.row(row, 0..rows), &right);
            let out = out.iter_mut().zip(sums);
            out.for_each(|(value, sum)| *value = if add { *value + sum } else { sum });
        }
    }
}
