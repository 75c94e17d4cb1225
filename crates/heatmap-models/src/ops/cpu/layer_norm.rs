//! Layer normalisation over the rows of a matrix (Ba, Kiros and Hinton 2016).

use rayon::prelude::*;

use super::buffer::Buffer;
use super::math::{sum, sum_pairs};
use super::simd::vectorized;

/// Rows that a thread processes at a time.
const BLOCK: usize = 32;

/// Normalises each row of `x` to mean 0 and variance 1, then multiplies by `gamma` and adds `beta`.
pub(crate) fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) -> Buffer {
    let width = gamma.len();
    let mut out = Buffer::new(x.len());
    out.par_chunks_mut(BLOCK * width).zip(x.par_chunks(BLOCK * width)).for_each(|(out, x)| {
        vectorized(
            #[inline(always)]
            || {
                for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let (mean, inverse) = moments(x, epsilon);
                    for (((out, x), gamma), beta) in out.iter_mut().zip(x).zip(gamma).zip(beta) {
                        *out = (x - mean) * inverse * gamma + beta;
                    }
                }
            },
        );
    });
    out
}

/// Returns the mean of a row, and one over its standard deviation.
#[inline(always)]
fn moments(x: &[f32], epsilon: f32) -> (f32, f32) {
    let count = x.len() as f32;
    let mean = sum(x, |value| value) / count;
    let variance = sum(x, |value| (value - mean) * (value - mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Computes the gradients with respect to x, gamma and beta. `gradient` is that with respect to the
/// output; its memory is reused for that of x.
pub(crate) fn backward(
    x: &[f32],
    gamma: &[f32],
    epsilon: f32,
    mut gradient: Buffer,
) -> (Buffer, Vec<f32>, Vec<f32>) {
    let width = gamma.len();
    let count = width as f32;
    let parts: Vec<(Vec<f32>, Vec<f32>)> = gradient
        .par_chunks_mut(BLOCK * width)
        .zip(x.par_chunks(BLOCK * width))
        .map(|(gradient, x)| {
            let (mut of_gamma, mut of_beta) = (vec![0.0_f32; width], vec![0.0_f32; width]);
            vectorized(
                #[inline(always)]
                || {
                    for (gradient, x) in gradient.chunks_exact_mut(width).zip(x.chunks_exact(width))
                    {
                        let (mean, inverse) = moments(x, epsilon);
                        let row = gradient
                            .iter_mut()
                            .zip(x)
                            .zip(gamma)
                            .zip(&mut of_gamma)
                            .zip(&mut of_beta);
                        for ((((gradient, x), gamma), of_gamma), of_beta) in row {
                            *of_gamma += *gradient * (x - mean) * inverse;
                            *of_beta += *gradient;
                            *gradient *= gamma;
                        }
                        let plain = sum(gradient, |value| value) / count;
                        let along = sum_pairs(gradient, x, |gradient, x| gradient * (x - mean))
                            * inverse
                            * inverse
                            / count;
                        for (gradient, x) in gradient.iter_mut().zip(x) {
                            *gradient = inverse * (*gradient - plain - (x - mean) * along);
                        }
                    }
                },
            );
            (of_gamma, of_beta)
        })
        .collect();
    let (mut of_gamma, mut of_beta) = (vec![0.0_f32; width], vec![0.0_f32; width]);
    for (gamma, beta) in &parts {
        of_gamma.iter_mut().zip(gamma).for_each(|(sum, part)| *sum += part);
        of_beta.iter_mut().zip(beta).for_each(|(sum, part)| *sum += part);
    }
    (gradient, of_gamma, of_beta)
}
