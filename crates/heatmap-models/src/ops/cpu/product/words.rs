//! Words: pairs of bf16 in the bits of an f32.
//!
//! A kernel for bf16 multiplies two neighbouring values along the inner dimension at a time, and
//! adds both products to a sum in f32. So a matrix in bf16 is a matrix of half as many words, which
//! is stored, split and read like one in f32. Values are rounded to nearest, ties to even.

use std::ops::Range;

use super::super::buffer::Buffer;
use super::super::simd::vectorized;
use super::Left;

/// The inner dimension is padded with zeros to a multiple of this many words: a tile of the matrix
/// unit takes 16 at a time.
pub(super) const WORDS: usize = 16;

/// Columns that are converted at a time, when rows of words are made of columns.
const COLUMNS_AT_A_TIME: usize = 16;

/// Returns the number of words for `values` values.
pub(super) fn words(values: usize) -> usize {
    values.div_ceil(2).next_multiple_of(WORDS)
}

/// Rounds two values to bf16, the first into the lower half.
#[inline(always)]
pub(super) fn word(first: f32, second: f32) -> f32 {
    f32::from_bits((rounded(first) >> 16) | (rounded(second) & 0xFFFF_0000))
}

/// Rounds to bf16, in the upper half of the bits. NaN stays NaN.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    // Adds a half of the last place that stays, or a little less if that place is even.
    let nearest = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
    if value.is_nan() { bits | 0x0040_0000 } else { nearest }
}

/// Returns the two values of a word.
#[inline(always)]
pub(super) fn values(word: f32) -> (f32, f32) {
    let bits = word.to_bits();
    (f32::from_bits(bits << 16), f32::from_bits(bits & 0xFFFF_0000))
}

/// Converts rows of `inner` values, `stride` apart, to rows of words, in `copy`.
pub(super) fn rows<'a>(
    values: &[f32],
    (rows, inner): (usize, usize),
    stride: usize,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let words = words(inner);
    copy.reset(rows * words);
    vectorized(|| {
        for (copy, row) in copy.chunks_exact_mut(words.max(1)).zip(values.chunks(stride.max(1))) {
            let (pairs, odd) = row[..inner].as_chunks::<2>();
            for (copy, [first, second]) in copy.iter_mut().zip(pairs) {
                *copy = word(*first, *second);
            }
            copy[pairs.len()..].fill(0.0);
            if let [last] = odd {
                copy[pairs.len()] = word(*last, 0.0);
            }
        }
    });
    Left::rows(copy, rows, words)
}

/// Converts some columns of a row-major matrix, with `stride` values from one row to the next: each
/// becomes a row of words, in `copy`.
pub(super) fn columns<'a>(
    values: &[f32],
    columns: Range<usize>,
    stride: usize,
    copy: &'a mut Buffer,
) -> Left<'a> {
    let (count, inner) = (columns.len(), values.len() / stride);
    let words = words(inner);
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
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_bf16() {
        for (value, expected) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0),
            (-0.0, -0.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            let (first, second) = values(word(value, -value));
            assert_eq!((first.to_bits(), second), (f32::to_bits(expected), -expected), "{value}");
            assert_eq!(half::bf16::from_f32(value).to_f32(), expected, "as the half crate has it");
        }
        assert!(values(word(f32::from_bits(0x7F80_0001), 0.0)).0.is_nan());
    }

    #[test]
    fn rows_and_columns_become_the_same_words() {
        for (rows_, inner) in [(1, 1), (5, 7), (40, 66), (17, 32)] {
            let by_rows: Vec<f32> = (0..rows_ * inner).map(|at| (at % 251) as f32 - 9.0).collect();
            let by_columns: Vec<f32> =
                (0..rows_ * inner).map(|at| by_rows[at % rows_ * inner + at / rows_]).collect();
            let (mut one, mut other) = (Buffer::default(), Buffer::default());
            rows(&by_rows, (rows_, inner), inner, &mut one);
            columns(&by_columns, 0..rows_, rows_, &mut other);
            let bits =
                |buffer: &Buffer| buffer.iter().map(|word| word.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one), bits(&other));
            let words = words(inner);
            for row in 0..rows_ {
                for at in 0..words {
                    let of = |k: usize| if k < inner { by_rows[row * inner + k] } else { 0.0 };
                    assert_eq!(values(one[row * words + at]), (of(2 * at), of(2 * at + 1)));
                }
            }
        }
    }
}
