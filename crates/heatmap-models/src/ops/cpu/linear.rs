//! Linear layers over the rows of a matrix. Bias and GELU are applied to each block of the product
//! while it is in the cache.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::math;
use super::product::{
    Packed, Source, multiplier_of_networks, parallel_product, parallel_product_then,
    transposed_product,
};
use super::simd::vectorized;

/// Rows that a thread processes at a time in passes without a matrix product.
const BLOCK: usize = 64;

/// Packs a row-major weight `[inputs, outputs]` for the product.
pub(crate) fn packed(weight: &[f32], outputs: usize) -> Packed {
    let inputs = weight.len() / outputs;
    Packed::new(Source::Rows(weight, outputs), inputs, outputs, multiplier_of_networks())
}

/// Computes `x * weight + bias`, where `x` is `[rows, inputs]`.
pub(crate) fn linear(x: &[f32], weight: &Packed, bias: &[f32]) -> Buffer {
    with_bias(x, weight, bias, |_| ())
}

/// Computes GELU of `x * weight + bias`.
pub(crate) fn linear_gelu(x: &[f32], weight: &Packed, bias: &[f32]) -> Buffer {
    with_bias(x, weight, bias, |block| {
        vectorized(
            #[inline(always)]
            || {
                for value in block {
                    *value = math::gelu(*value);
                }
            },
        );
    })
}

/// Computes `x * weight + bias` and applies `then` to each block of it.
fn with_bias(x: &[f32], weight: &Packed, bias: &[f32], then: impl Fn(&mut [f32]) + Sync) -> Buffer {
    let add = |_: usize, block: &mut [f32]| {
        vectorized(
            #[inline(always)]
            || {
                for row in block.chunks_exact_mut(bias.len()) {
                    row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                }
            },
        );
        then(block);
    };
    parallel_product_then(x, x.len() / weight.rows(), weight, add).0
}

/// Computes GELU of each value.
pub(crate) fn gelu(values: &[f32]) -> Buffer {
    let mut out = Buffer::new(values.len());
    let len = BLOCK * 1024;
    out.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(out, values)| {
        vectorized(
            #[inline(always)]
            || {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = math::gelu(*value);
                }
            },
        );
    });
    out
}

/// Multiplies `gradient` by the derivative of GELU at `values`, the input of the GELU.
pub(crate) fn gelu_backward(values: &[f32], gradient: &mut [f32]) {
    let len = BLOCK * 1024;
    gradient.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(gradient, values)| {
        vectorized(
            #[inline(always)]
            || {
                for (gradient, value) in gradient.iter_mut().zip(values) {
                    *gradient *= math::gelu_derivative(*value);
                }
            },
        );
    });
}

/// Computes the gradient with respect to the input from that with respect to the output.
pub(crate) fn input_gradient(weight: &[f32], gradient: &[f32], outputs: usize) -> Buffer {
    let inputs = weight.len() / outputs;
    let source = Source::Columns(weight, outputs);
    let transposed = Packed::new(source, outputs, inputs, multiplier_of_networks());
    parallel_product(gradient, gradient.len() / outputs, &transposed)
}

/// Computes the gradient with respect to the weight, `[inputs, outputs]`.
pub(crate) fn weight_gradient(
    x: &[f32],
    inputs: usize,
    gradient: &[f32],
    outputs: usize,
) -> Buffer {
    transposed_product(x, inputs, gradient, outputs)
}

/// Computes the gradient with respect to the bias: the sum of the rows.
pub(crate) fn bias_gradient(gradient: &[f32], outputs: usize) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = gradient
        .par_chunks(BLOCK * outputs)
        .map(|block| {
            let mut sum = vec![0.0_f32; outputs];
            vectorized(
                #[inline(always)]
                || {
                    for row in block.chunks_exact(outputs) {
                        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                    }
                },
            );
            sum
        })
        .collect();
    let mut sum = vec![0.0_f32; outputs];
    parts.iter().for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    sum
}
