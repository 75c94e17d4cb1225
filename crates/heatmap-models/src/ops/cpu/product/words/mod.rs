//! The left side of a product in bf16 with vectors, as a matrix of words.

mod round;

use std::ops::Range;

use super::super::buffer::Buffer;
use super::left::Left;
use super::tile::{ROWS, Strides};
pub(super) use round::{Columns, columns as round_columns};

/// Converts rows of `inner` values, `stride` apart, to rows of words, in `copy`.
pub(super) fn rows<'a>(
    values: &[f32],
    (rows, inner): (usize, usize),
    stride: usize,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let words = inner.div_ceil(2);
    copy.reset(rows * words);
    for (copy, row) in copy.chunks_exact_mut(words.max(1)).zip(values.chunks(stride.max(1))) {
        round::neighbours(&row[..inner], copy);
    }
    Left::rows(copy, rows, words)
}

/// Converts some columns of a row-major matrix, with `stride` values from one row to the next, to
/// tiles one after another, in `copy`: each has the words of [`ROWS`] columns side by side.
pub(super) fn columns<'a>(
    values: &[f32],
    columns: Range<usize>,
    stride: usize,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (count, rows) = (columns.len(), values.len() / stride);
    let step = rows.div_ceil(2) * ROWS;
    copy.reset(count.div_ceil(ROWS) * step);
    for (tile, copy) in copy.chunks_exact_mut(step.max(1)).enumerate() {
        let first = columns.start + tile * ROWS;
        let count = (columns.end - first).min(ROWS);
        let columns = Columns { values, stride, rows, first, count };
        round_columns::<ROWS>(columns, copy.as_chunks_mut().0);
    }
    Left { values: copy, rows: count, strides: Strides { row: 1, inner: ROWS }, step }
}

#[cfg(test)]
mod tests {
    use super::super::word::values;
    use super::*;

    /// Returns the word at a place of the left side.
    fn word_of(left: &Left<'_>, row: usize, at: usize) -> f32 {
        let (tile, row) = (row / ROWS, row % ROWS);
        left.values[tile * left.step + row * left.strides.row + at * left.strides.inner]
    }

    #[test]
    fn rows_and_columns_become_the_same_words() {
        for (rows_, inner) in [(1, 1), (5, 7), (40, 66), (17, 97)] {
            // Some are between two numbers of bf16.
            let number = |at: usize| (at % 251) as f32 * 1.0099 - 9.0;
            let by_rows: Vec<f32> = (0..rows_ * inner).map(number).collect();
            let by_columns: Vec<f32> =
                (0..rows_ * inner).map(|at| by_rows[at % rows_ * inner + at / rows_]).collect();
            let (mut one, mut other) = (Buffer::default(), Buffer::default());
            let one = rows(&by_rows, (rows_, inner), inner, &mut one);
            let other = columns(&by_columns, 0..rows_, rows_, &mut other);
            let rounded = |row: usize, k: usize| {
                let value = if k < inner { by_rows[row * inner + k] } else { 0.0 };
                half::bf16::from_f32(value).to_f32()
            };
            for (row, at) in (0..rows_ * inner.div_ceil(2))
                .map(|at| (at / inner.div_ceil(2), at % inner.div_ceil(2)))
            {
                let expected = (rounded(row, 2 * at), rounded(row, 2 * at + 1));
                for left in [&one, &other] {
                    let found = values(word_of(left, row, at));
                    assert_eq!(found, expected, "{rows_} x {inner}: {row} {at}");
                }
            }
        }
    }
}
