//! NT-Xent (Chen et al. 2020, equation 1) with its gradient, a block of rows at a time.
//!
//! The similarity matrix is never in memory as a whole; each pass computes a block of its rows.
//! Because the matrix is symmetric, one pass over its rows gives the whole gradient once the
//! log-sum-exp of every row is known.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::math::{exp, largest, sum, sum_pairs};
use super::product::{Left, Multiplier, Packed, ROWS, Source, product};
use super::simd::vectorized;

/// Rows of the similarity matrix that a thread computes at a time.
const BLOCK: usize = 4 * ROWS;

/// The mean loss, the top-1 accuracy (the share of rows whose most similar row is the right one),
/// and the gradient with respect to the rows.
pub(crate) struct Contrast {
    pub(crate) loss: f32,
    pub(crate) top1: f32,
    pub(crate) gradient: Buffer,
}

/// Computes NT-Xent of `rows`, `[2 * N, width]`; row i and row i + N are the two views of a sample.
pub(crate) fn nt_xent(rows: &[f32], width: usize, temperature: f32) -> Contrast {
    let count = rows.len() / width;
    let (unit, lengths) = normalized(rows, width);
    let transposed = Packed::new(Source::Columns(&unit, width), width, count, Multiplier::f32());
    let scale = 1.0 / temperature;
    let other = |row: usize| (row + count / 2) % count;
    // Computes the similarities of some rows to all rows, divided by the temperature. The
    // similarity of a row to itself is masked.
    let similarities = |first: usize, block: &mut [f32]| {
        let some = block.len() / count;
        product(
            Left::rows(&unit[first * width..(first + some) * width], some, width),
            &transposed,
            block,
        );
        vectorized(
            #[inline(always)]
            || block.iter_mut().for_each(|value| *value *= scale),
        );
        for (row, block) in block.chunks_exact_mut(count).enumerate() {
            block[first + row] = f32::NEG_INFINITY;
        }
    };
    let blocks =
        || (0..count).into_par_iter().step_by(BLOCK).map(|first| first..(first + BLOCK).min(count));
    let read: Vec<(f32, f32, bool)> = blocks()
        .map_init(Buffer::default, |block, some| {
            block.reset(some.len() * count);
            similarities(some.start, block);
            let read = |(row, block): (usize, &[f32])| {
                let right = block[other(some.start + row)];
                let most = vectorized(
                    #[inline(always)]
                    || largest(block),
                );
                // The masked entry adds the smallest value that `exp` returns, which is not quite
                // zero, so it is subtracted again.
                let total = vectorized(
                    #[inline(always)]
                    || sum(block, |value| exp(value - most)),
                ) - exp(f32::NEG_INFINITY);
                (most + total.ln(), right, right >= most)
            };
            block.chunks_exact(count).enumerate().map(read).collect::<Vec<_>>()
        })
        .flatten_iter()
        .collect();
    let logarithms: Vec<f32> = read.iter().map(|(logarithm, ..)| *logarithm).collect();
    let loss = read.iter().map(|(logarithm, right, _)| f64::from(logarithm - right)).sum::<f64>()
        / count as f64;
    let hits = read.iter().filter(|(.., hit)| *hit).count();

    let plain = Packed::new(Source::Rows(&unit, width), count, width, Multiplier::f32());
    let mut gradient = Buffer::new(rows.len());
    gradient.par_chunks_mut(BLOCK * width).enumerate().for_each_init(
        Buffer::default,
        |block, (at, gradient)| {
            let first = at * BLOCK;
            let some = gradient.len() / width;
            block.reset(some * count);
            similarities(first, block);
            for (row, block) in block.chunks_exact_mut(count).enumerate() {
                let own = logarithms[first + row];
                vectorized(
                    #[inline(always)]
                    || {
                        for (value, logarithm) in block.iter_mut().zip(&logarithms) {
                            *value = exp(*value - own) + exp(*value - logarithm);
                        }
                    },
                );
                block[first + row] = 0.0;
                block[other(first + row)] -= 2.0;
            }
            product(Left::rows(block, some, count), &plain, gradient);
            // Backward through the normalisation to length 1: the component along the row drops
            // out.
            let factor = scale / count as f32;
            let units = unit[first * width..].chunks_exact(width).zip(&lengths[first..]);
            vectorized(
                #[inline(always)]
                || {
                    for (gradient, (unit, length)) in gradient.chunks_exact_mut(width).zip(units) {
                        let along = sum_pairs(gradient, unit, |gradient, unit| gradient * unit);
                        for (gradient, unit) in gradient.iter_mut().zip(unit) {
                            *gradient = (*gradient - along * unit) * factor / length;
                        }
                    }
                },
            );
        },
    );
    Contrast { loss: loss as f32, top1: hits as f32 / count as f32, gradient }
}

/// Returns the rows scaled to length 1, and their original lengths; a row of zeros stays zero.
fn normalized(rows: &[f32], width: usize) -> (Buffer, Vec<f32>) {
    let mut unit = Buffer::copy_of(rows);
    let lengths = unit
        .par_chunks_exact_mut(width)
        .map(|row| {
            vectorized(
                #[inline(always)]
                || {
                    let length = sum(row, |value| value * value).max(1e-24).sqrt();
                    row.iter_mut().for_each(|value| *value /= length);
                    length
                },
            )
        })
        .collect();
    (unit, lengths)
}
