//! [`Packed`]: the right side of a product in packed panels of 64 columns, which the microkernel
//! reads sequentially.

use rayon::prelude::*;

use super::super::buffer::Buffer;
use super::bf16_of_networks;
use super::tile::bf16::Bf16Kernel;
use super::tile::{COLUMNS, Panel};
use super::words::{Columns, round_columns, words};

/// A matrix in the order in which the microkernel reads it: panels of 64 columns one after another,
/// each row-major; the last panel is padded with zeros.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The panels, from `start` on.
    values: Buffer,
    /// The first value that begins a line of the cache: a vector that lies in two lines takes two
    /// reads.
    start: usize,
    len: usize,
    rows: usize,
    columns: usize,
    /// What multiplies, if the values are words of bf16.
    bf16: Option<Bf16Kernel>,
}

/// Values in a line of the cache.
pub(super) const LINE: usize = 16;

/// A matrix in a slice, in either order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Row-major, with this many values from one row to the next.
    Rows(&'a [f32], usize),
    /// Column-major, with this many values from one column to the next.
    Columns(&'a [f32], usize),
}

impl Packed {
    /// Packs a matrix of `rows` by `columns`, on all threads, for products in f32, or in bf16 if a
    /// kernel for it is given.
    pub(crate) fn new(
        source: Source<'_>,
        rows: usize,
        columns: usize,
        bf16: Option<Bf16Kernel>,
    ) -> Self {
        let mut packed = Self { bf16, ..Self::empty() };
        if rows * columns < 16 * 1024 {
            packed.fill(source, rows, columns);
        } else {
            packed.resize(rows, columns);
            let len = packed.inner() * COLUMNS;
            let panels = packed.panels().par_chunks_mut(len).enumerate();
            panels.for_each(|(at, panel)| write(source, (rows, columns), at, panel, bf16));
        }
        packed
    }

    /// Packs another matrix into the same memory, for the same kind of product, on this thread.
    pub(crate) fn fill(&mut self, source: Source<'_>, rows: usize, columns: usize) {
        self.resize(rows, columns);
        let (len, bf16) = ((self.inner() * COLUMNS).max(1), self.bf16);
        let panels = self.panels().chunks_exact_mut(len).enumerate();
        panels.for_each(|(at, panel)| write(source, (rows, columns), at, panel, bf16));
    }

    /// Makes an empty matrix for products in f32, to be filled by [`fill`](Self::fill).
    pub(crate) fn empty() -> Self {
        Self { values: Buffer::default(), start: 0, len: 0, rows: 0, columns: 0, bf16: None }
    }

    /// Makes an empty matrix for products in the precision of networks.
    pub(crate) fn empty_of_network() -> Self {
        Self { bf16: bf16_of_networks(), ..Self::empty() }
    }

    /// Makes a packed matrix in f32 with arbitrary contents, to be written through
    /// [`panels_mut`](Self::panels_mut).
    pub(crate) fn room(rows: usize, columns: usize) -> Self {
        let mut packed = Self::empty();
        packed.resize(rows, columns);
        packed
    }

    /// Returns the panels for writing, each with `rows` rows of 64 values.
    pub(crate) fn panels_mut(&mut self) -> impl Iterator<Item = &mut [[f32; COLUMNS]]> {
        let len = (self.rows * COLUMNS).max(1);
        self.panels().chunks_exact_mut(len).map(|panel| panel.as_chunks_mut().0)
    }

    fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.len = self.inner() * columns.next_multiple_of(COLUMNS);
        self.values.reset(self.len + LINE);
        self.start = self.values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
    }

    fn panels(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }

    /// Returns the number of rows of the matrix: the inner dimension of the product.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the rows of a panel: values along the inner dimension, or words.
    pub(super) fn inner(&self) -> usize {
        self.bf16.map_or(self.rows, |kernel| words(self.rows, kernel))
    }

    /// Returns what multiplies, if the product is in bf16.
    pub(crate) fn bf16(&self) -> Option<Bf16Kernel> {
        self.bf16
    }

    /// Returns the number of columns of the matrix, without padding.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the panel that starts at column `at * 64`.
    pub(super) fn panel(&self, at: usize) -> Panel<'_> {
        let len = self.inner() * COLUMNS;
        let rows = self.values[self.start..][at * len..(at + 1) * len].as_chunks().0;
        Panel { rows, columns: (self.columns - at * COLUMNS).min(COLUMNS) }
    }
}

/// Rows of words that are written at a time, of columns.
const WORDS: usize = 16;

/// Writes panel `at` of a matrix `[rows, columns]`, as values or as words.
fn write(
    source: Source<'_>,
    (rows, columns): (usize, usize),
    at: usize,
    panel: &mut [f32],
    bf16: Option<Bf16Kernel>,
) {
    let panel = panel.as_chunks_mut().0;
    if bf16.is_none() {
        pack(source, (at, columns), 0, panel);
        return;
    }
    panel[rows.div_ceil(2)..].fill([0.0; COLUMNS]);
    if let Source::Rows(values, stride) = source {
        let first = at * COLUMNS;
        let count = (columns - first).min(COLUMNS);
        round_columns(Columns { values, stride, rows, first, count }, panel);
        return;
    }
    let mut values = [[0.0_f32; COLUMNS]; 2 * WORDS];
    for (block, words) in panel.chunks_mut(WORDS).enumerate() {
        let first = (block * 2 * WORDS).min(rows);
        let count = (rows - first).min(2 * words.len());
        pack(source, (at, columns), first, &mut values[..count]);
        let values = values.as_flattened();
        let all = Columns { values, stride: COLUMNS, rows: count, first: 0, count: COLUMNS };
        round_columns(all, words);
    }
}

/// Packs some rows, from `first_row` on, of panel `at` of a matrix.
fn pack(
    source: Source<'_>,
    (at, columns): (usize, usize),
    first_row: usize,
    panel: &mut [[f32; COLUMNS]],
) {
    let first = at * COLUMNS;
    let count = (columns - first).min(COLUMNS);
    match source {
        Source::Rows(values, stride) => {
            for (k, row) in panel.iter_mut().enumerate() {
                let from = &values[(first_row + k) * stride + first..][..count];
                if let Ok(from) = <&[f32; COLUMNS]>::try_from(from) {
                    *row = *from;
                } else {
                    row[..count].copy_from_slice(from);
                    row[count..].fill(0.0);
                }
            }
        }
        Source::Columns(values, stride) => {
            // Squares of 8 by 8 values, which the compiler transposes in registers.
            let rows = panel.len();
            for (block, panel) in panel.chunks_mut(SQUARE).enumerate() {
                for from_column in (0..COLUMNS).step_by(SQUARE) {
                    let mut square = [[0.0_f32; SQUARE]; SQUARE];
                    for (column, square) in square.iter_mut().enumerate() {
                        let column = from_column + column;
                        if column < count {
                            let start = (first + column) * stride + first_row + block * SQUARE;
                            let len = SQUARE.min(rows - block * SQUARE);
                            square[..len].copy_from_slice(&values[start..start + len]);
                        }
                    }
                    for (k, row) in panel.iter_mut().enumerate() {
                        for (column, square) in square.iter().enumerate() {
                            row[from_column + column] = square[k];
                        }
                    }
                }
            }
        }
    }
}

/// The side of the squares in which [`pack`] transposes.
const SQUARE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_give_the_same_panels() {
        for (rows, columns) in [(1, 1), (7, 33), (16, 32), (19, 70), (200, 130)] {
            let by_rows: Vec<f32> = (0..rows * columns).map(|at| at as f32).collect();
            let mut by_columns = vec![0.0; rows * columns];
            for row in 0..rows {
                for column in 0..columns {
                    by_columns[column * rows + row] = by_rows[row * columns + column];
                }
            }
            let bf16 = Bf16Kernel::all().into_iter().chain([Bf16Kernel::Portable]).map(Some);
            for kernel in bf16.chain([None]) {
                // The memory is not that of a new matrix.
                let mut packed = Packed { bf16: kernel, ..Packed::empty() };
                packed.fill(Source::Rows(&[9.0; 100 * 100], 100), 100, 100);
                packed.fill(Source::Rows(&by_rows, columns), rows, columns);
                let source = Source::Columns(&by_columns, rows);
                let transposed = Packed::new(source, rows, columns, kernel);
                let panels = |of: &Packed| of.values[of.start..of.start + of.len].to_vec();
                let bits = |of| panels(of).into_iter().map(f32::to_bits).collect::<Vec<_>>();
                assert_eq!(bits(&packed), bits(&transposed), "{kernel:?} {rows} x {columns}");
            }
            let packed = Packed::new(Source::Rows(&by_rows, columns), rows, columns, None);
            for row in 0..rows {
                for column in 0..columns.next_multiple_of(COLUMNS) {
                    let expected =
                        if column < columns { by_rows[row * columns + column] } else { 0.0 };
                    assert_eq!(
                        packed.panel(column / COLUMNS).rows[row][column % COLUMNS],
                        expected
                    );
                }
            }
        }
    }
}
