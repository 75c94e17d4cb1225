//! The left side of a product in bf16, as a matrix of words.

mod round;

use std::ops::Range;

use super::super::buffer::Buffer;
use super::super::simd::vectorized;
use super::tile::bf16::Bf16Kernel;
use super::word::word;
use super::{Left, ROWS, Strides};
pub(super) use round::{Columns, columns as round_columns};

/// Columns that are converted at a time, when rows of words are made of columns.
const COLUMNS_AT_A_TIME: usize = 16;

/// Returns the number of words for `values` values along the inner dimension, which is padded with
/// zeros to what the kernel takes at a time.
pub(super) fn words(values: usize, kernel: Bf16Kernel) -> usize {
    values.div_ceil(2).next_multiple_of(kernel.words_at_a_time())
}

/// Converts rows of `inner` values, `stride` apart, to rows of words, in `copy`.
pub(super) fn rows<'a>(
    values: &[f32],
    (rows, inner): (usize, usize),
    stride: usize,
    kernel: Bf16Kernel,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let words = words(inner, kernel);
    copy.reset(rows * words);
    for (copy, row) in copy.chunks_exact_mut(words.max(1)).zip(values.chunks(stride.max(1))) {
        round::neighbours(&row[..inner], copy);
    }
    Left::rows(copy, rows, words)
}

/// Converts some columns of a row-major matrix, with `stride` values from one row to the next: each
/// becomes a row of words, in `copy`, in the order in which the kernel reads them.
pub(super) fn columns<'a>(
    values: &[f32],
    columns: Range<usize>,
    stride: usize,
    kernel: Bf16Kernel,
    copy: &'a mut Buffer,
) -> Left<'a> {
    if kernel.is_matrix_unit() {
        columns_to_rows(values, columns, stride, kernel, copy)
    } else {
        columns_to_tiles(values, columns, stride, kernel, copy)
    }
}

/// Converts columns to tiles one after another, of which each has the words of [`ROWS`] columns
/// side by side.
fn columns_to_tiles<'a>(
    values: &[f32],
    columns: Range<usize>,
    stride: usize,
    kernel: Bf16Kernel,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (count, inner) = (columns.len(), words(values.len() / stride, kernel));
    let step = inner * ROWS;
    copy.reset(count.div_ceil(ROWS) * step);
    for (tile, copy) in copy.chunks_exact_mut(step.max(1)).enumerate() {
        let first = columns.start + tile * ROWS;
        let count = (columns.end - first).min(ROWS);
        let columns = Columns { values, stride, rows: values.len() / stride, first, count };
        round_columns::<ROWS>(columns, copy.as_chunks_mut().0);
    }
    Left { values: copy, rows: count, strides: Strides { row: 1, inner: ROWS }, step }
}

/// Converts columns to rows of words one after another.
fn columns_to_rows<'a>(
    values: &[f32],
    columns: Range<usize>,
    stride: usize,
    kernel: Bf16Kernel,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (count, inner) = (columns.len(), values.len() / stride);
    let words = words(inner, kernel);
    copy.reset(count * words);
    vectorized(|| {
        for first in (0..count).step_by(COLUMNS_AT_A_TIME) {
            let some = (count - first).min(COLUMNS_AT_A_TIME);
            let from = columns.start + first;
            let copy = &mut copy[first * words..(first + some) * words];
            copy.fill(0.0);
            for (at, pair) in values.chunks(2 * stride).enumerate() {
                let row = &pair[from..from + some];
                let next = pair.get(stride + from..stride + from + some);
                for column in 0..some {
                    let second = next.map_or(0.0, |next| next[column]);
                    copy[column * words + at] = word(row[column], second);
                }
            }
        }
    });
    Left::rows(copy, count, words)
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
        let kernels: Vec<Bf16Kernel> =
            Bf16Kernel::all().into_iter().chain([Bf16Kernel::Portable]).collect();
        for ((rows_, inner), kernel) in [(1, 1), (5, 7), (40, 66), (17, 97)]
            .into_iter()
            .flat_map(|sizes| kernels.iter().map(move |kernel| (sizes, *kernel)))
        {
            // Some are between two numbers of bf16.
            let number = |at: usize| (at % 251) as f32 * 1.0099 - 9.0;
            let by_rows: Vec<f32> = (0..rows_ * inner).map(number).collect();
            let by_columns: Vec<f32> =
                (0..rows_ * inner).map(|at| by_rows[at % rows_ * inner + at / rows_]).collect();
            let (mut one, mut other) = (Buffer::default(), Buffer::default());
            let one = rows(&by_rows, (rows_, inner), inner, kernel, &mut one);
            let other = columns(&by_columns, 0..rows_, rows_, kernel, &mut other);
            let rounded = |row: usize, k: usize| {
                let value = if k < inner { by_rows[row * inner + k] } else { 0.0 };
                half::bf16::from_f32(value).to_f32()
            };
            for (row, at) in (0..rows_ * words(inner, kernel))
                .map(|at| (at / words(inner, kernel), at % words(inner, kernel)))
            {
                let expected = (rounded(row, 2 * at), rounded(row, 2 * at + 1));
                for left in [&one, &other] {
                    let found = values(word_of(left, row, at));
                    assert_eq!(found, expected, "{kernel:?} {rows_} x {inner}: {row} {at}");
                }
            }
        }
    }
}
