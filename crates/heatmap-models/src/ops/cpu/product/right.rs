//! [`Packed`]: the right side of a product, in the order in which a kernel reads it.

use rayon::prelude::*;

use super::aligned::Aligned;
use super::multiplier::Multiplier;
use super::precision::multiplier_of_networks;
use super::source::Source;
use super::tile::{COLUMNS, Panel};
use super::unit;
use super::words::{Columns, round_columns};

/// A matrix in the order in which a kernel reads it.
#[derive(Debug)]
pub(crate) struct Packed {
    rows: usize,
    columns: usize,
    /// What it was packed for.
    asked: Multiplier,
    form: Form,
}

/// The order of the values.
#[derive(Debug)]
enum Form {
    /// For vectors: panels of 64 columns one after another, each row-major, the last padded with
    /// zeros, of values or of words.
    Panels { values: Aligned, words: bool },
    /// For a matrix unit.
    Squares(unit::Right),
}

impl Packed {
    /// Packs a matrix of `rows` by `columns`, on all threads.
    pub(crate) fn new(
        source: Source<'_>,
        rows: usize,
        columns: usize,
        multiplier: Multiplier,
    ) -> Self {
        let mut packed = Self::empty(multiplier);
        packed.pack(source, (rows, columns), rows * columns >= 16 * 1024);
        packed
    }

    /// Packs another matrix into the same memory, for the same kind of product, on this thread.
    pub(crate) fn fill(&mut self, source: Source<'_>, rows: usize, columns: usize) {
        self.pack(source, (rows, columns), false);
    }

    /// Makes an empty matrix, to be filled by [`fill`](Self::fill).
    pub(crate) fn empty(multiplier: Multiplier) -> Self {
        Self { rows: 0, columns: 0, asked: multiplier, form: Form::default() }
    }

    /// Makes an empty matrix for products in the precision of networks.
    pub(crate) fn empty_of_network() -> Self {
        Self::empty(multiplier_of_networks())
    }

    /// Makes a packed matrix for vectors in f32 with arbitrary contents, to be written through
    /// [`panels_mut`](Self::panels_mut).
    pub(crate) fn room(rows: usize, columns: usize) -> Self {
        let mut packed = Self { rows, columns, ..Self::empty(Multiplier::Vector) };
        packed.panels(false);
        packed
    }

    /// Returns the panels for writing, each with `rows` rows of 64 values.
    pub(crate) fn panels_mut(&mut self) -> impl Iterator<Item = &mut [[f32; COLUMNS]]> {
        let len = (self.rows * COLUMNS).max(1);
        self.panels(false).chunks_exact_mut(len).map(|panel| panel.as_chunks_mut().0)
    }

    /// Packs a matrix, on all threads if they are `shared`.
    fn pack(&mut self, source: Source<'_>, (rows, columns): (usize, usize), shared: bool) {
        (self.rows, self.columns) = (rows, columns);
        let multiplier = self.asked.for_sizes((rows, columns));
        if let Multiplier::Unit(unit) = multiplier {
            let mut right = match std::mem::take(&mut self.form) {
                Form::Squares(right) => right,
                Form::Panels { .. } => unit::Right::new(unit),
            };
            let kept = right.fill(source, (rows, columns), shared);
            self.form = Form::Squares(right);
            if kept {
                return;
            }
        }
        let words = multiplier == Multiplier::VectorBf16;
        let panels = self.panels(words);
        let len = (panels.len() / columns.div_ceil(COLUMNS).max(1)).max(1);
        let write = |(at, panel): (usize, &mut [f32])| {
            write(source, (rows, columns), at, panel.as_chunks_mut().0, words);
        };
        if shared {
            panels.par_chunks_exact_mut(len).enumerate().for_each(write);
        } else {
            panels.chunks_exact_mut(len).enumerate().for_each(write);
        }
    }

    /// Makes panels for the sizes of the matrix, unless they are there, and returns them.
    fn panels(&mut self, words: bool) -> &mut Aligned {
        if !matches!(self.form, Form::Panels { .. }) {
            self.form = Form::default();
        }
        let inner = if words { self.rows.div_ceil(2) } else { self.rows };
        match &mut self.form {
            Form::Panels { values, words: are } => {
                *are = words;
                values.reset(inner * self.columns.next_multiple_of(COLUMNS));
                values
            }
            Form::Squares(_) => unreachable!("panels, made above"),
        }
    }

    /// Returns the number of rows of the matrix: the inner dimension of the product.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns of the matrix, without padding.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns what it was packed for.
    pub(crate) fn asked(&self) -> Multiplier {
        self.asked
    }

    /// Returns the squares for a matrix unit, if one multiplies. Vectors do it where it would not
    /// pay, or not keep the precision of the values.
    pub(super) fn squares(&self) -> Option<&unit::Right> {
        match &self.form {
            Form::Squares(right) => Some(right),
            Form::Panels { .. } => None,
        }
    }

    /// Returns whether vectors multiply words of bf16.
    pub(super) fn has_words(&self) -> bool {
        matches!(self.form, Form::Panels { words: true, .. })
    }

    /// Returns the rows of a panel: values along the inner dimension, or words.
    pub(super) fn inner(&self) -> usize {
        if self.has_words() { self.rows.div_ceil(2) } else { self.rows }
    }

    /// Returns the panel that starts at column `at * 64`.
    ///
    /// # Panics
    /// When the matrix is packed for a matrix unit.
    pub(super) fn panel(&self, at: usize) -> Panel<'_> {
        let Form::Panels { values, .. } = &self.form else { panic!("a matrix without panels") };
        let len = self.inner() * COLUMNS;
        let rows = values[at * len..(at + 1) * len].as_chunks().0;
        Panel { rows, columns: (self.columns - at * COLUMNS).min(COLUMNS) }
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::Panels { values: Aligned::default(), words: false }
    }
}

/// Rows of words that are written at a time, of columns.
const WORDS: usize = 16;

/// Writes panel `at` of a matrix `[rows, columns]` for vectors, as values or as words.
fn write(
    source: Source<'_>,
    (rows, columns): (usize, usize),
    at: usize,
    panel: &mut [[f32; COLUMNS]],
    words: bool,
) {
    if !words {
        source.write(0, (at * COLUMNS, columns), panel);
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
        source.write(first, (at * COLUMNS, columns), &mut values[..count]);
        let values = values.as_flattened();
        let all = Columns { values, stride: COLUMNS, rows: count, first: 0, count: COLUMNS };
        round_columns(all, words);
    }
}

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
            let all = Multiplier::all_bf16().into_iter().chain(Multiplier::all_f32());
            for multiplier in all {
                // The memory is not that of a new matrix.
                let mut packed = Packed::empty(multiplier);
                packed.fill(Source::Rows(&[9.0; 100 * 100], 100), 100, 100);
                packed.fill(Source::Rows(&by_rows, columns), rows, columns);
                let source = Source::Columns(&by_columns, rows);
                let transposed = Packed::new(source, rows, columns, multiplier);
                let bits = |of: &Packed| match &of.form {
                    Form::Panels { values, .. } => values.iter().map(|v| v.to_bits()).collect(),
                    Form::Squares(right) => right.bits(),
                };
                assert_eq!(bits(&packed), bits(&transposed), "{multiplier:?} {rows} x {columns}");
            }
            let packed =
                Packed::new(Source::Rows(&by_rows, columns), rows, columns, Multiplier::Vector);
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
