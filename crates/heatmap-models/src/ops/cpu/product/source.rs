//! [`Source`]: where the values of a matrix are.

use super::super::patches::Patches;
use super::aligned::LINE;

/// A matrix in a slice, in either order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Row-major, with this many values from one row to the next.
    Rows(&'a [f32], usize),
    /// Column-major, with this many values from one column to the next.
    Columns(&'a [f32], usize),
    /// The patches of an image, each a row, of which any 32 values from a multiple of it on lie in
    /// one pixel.
    Patches(Patches<'a>),
}

impl Source<'_> {
    /// Returns the values of `rows` rows and `columns` columns, row-major.
    pub(super) fn values(self, rows: usize, columns: usize) -> Vec<f32> {
        let mut values = vec![0.0; rows * columns];
        let mut some = vec![[0.0; LINE]; rows];
        for first in (0..columns).step_by(LINE) {
            self.write(0, (first, columns), &mut some);
            let count = (columns - first).min(LINE);
            for (row, some) in values.chunks_exact_mut(columns).zip(&some) {
                row[first..first + count].copy_from_slice(&some[..count]);
            }
        }
        values
    }

    /// Writes some rows, from `first_row` on, of the columns from `first` on, as many as there are;
    /// behind the last of `columns`, zeros.
    pub(super) fn write<const N: usize>(
        self,
        first_row: usize,
        (first, columns): (usize, usize),
        panel: &mut [[f32; N]],
    ) {
        let count = (columns - first).min(N);
        match self {
            Source::Rows(values, stride) => {
                for (k, row) in panel.iter_mut().enumerate() {
                    let from = &values[(first_row + k) * stride + first..][..count];
                    if let Ok(from) = <&[f32; N]>::try_from(from) {
                        *row = *from;
                    } else {
                        row[..count].copy_from_slice(from);
                        row[count..].fill(0.0);
                    }
                }
            }
            Source::Patches(patches) => {
                for (k, row) in panel.iter_mut().enumerate() {
                    let start = patches.start(first_row + k);
                    for (at, row) in row.chunks_exact_mut(LINE).enumerate() {
                        let column = first + at * LINE;
                        if column < columns {
                            let values = patches.values(start, patches.place(column), LINE);
                            if values.is_empty() {
                                row.fill(0.0)
                            } else {
                                row.copy_from_slice(values)
                            }
                        } else {
                            row.fill(0.0);
                        }
                    }
                }
            }
            Source::Columns(values, stride) => {
                // Squares of 8 by 8 values, which the compiler transposes in registers.
                let rows = panel.len();
                for (block, panel) in panel.chunks_mut(SQUARE).enumerate() {
                    for from_column in (0..N).step_by(SQUARE) {
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
}

/// The side of the squares in which [`Source::write`] transposes.
const SQUARE: usize = 8;
