//! [`Left`]: the left side of a product, for vectors.

use std::ops::Range;

use super::super::buffer::Buffer;
use super::tile::{ROWS, Strides, prefetch};

/// The left side of a product, unpacked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) strides: Strides,
    /// The distance from the first value of a tile to that of the next tile.
    pub(super) step: usize,
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
    pub(super) fn prefetch(&self, rows: Range<usize>, inner: usize) {
        if self.strides.inner == 1 {
            for row in rows {
                let values = &self.values[row * self.strides.row..];
                prefetch(&values[..inner.min(values.len())]);
            }
        }
    }

    /// Returns the same rows from the value `first` of each on.
    pub(super) fn from(self, first: usize) -> Self {
        let first = (first * self.strides.inner).min(self.values.len());
        Self { values: &self.values[first..], ..self }
    }
}
