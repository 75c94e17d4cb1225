//! A linear layer over the rows of a matrix, with its bias and perhaps a GELU while the product is
//! at hand.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::math;
use super::product::{Packed, Source, parallel_product, parallel_product_then, transposed_product};
use super::simd::vectorized;

/// Rows that a thread takes at a time where nothing is multiplied.
const BLOCK: usize = 64;

/// A weight `[inputs, outputs]`, row by row, as the layer multiplies with it.
pub(crate) fn packed(weight: &[f32], outputs: usize) -> Packed {
    Packed::new(Source::Rows(weight, outputs), weight.len() / outputs, outputs)
}

/// `x * weight + bias`; `x` is `[rows, inputs]`.
pub(crate) fn linear(x: &[f32], weight: &Packed, bias: &[f32]) -> Buffer {
    with_bias(x, weight, bias, |_| ())
}

/// GELU of the same.
pub(crate) fn linear_gelu(x: &[f32], weight: &Packed, bias: &[f32]) -> Buffer {
    with_bias(x, weight, bias, |block| {
        vectorized(|| block.iter_mut().for_each(|value| *value = math::gelu(*value)));
    })
}

fn with_bias(x: &[f32], weight: &Packed, bias: &[f32], then: impl Fn(&mut [f32]) + Sync) -> Buffer {
    let add = |_: usize, block: &mut [f32]| {
        vectorized(|| {
            for row in block.chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
        });
        then(block);
    };
    parallel_product_then(x, x.len() / weight.rows(), weight, add).0
}

/// GELU of each number.
pub(crate) fn gelu(values: &[f32]) -> Buffer {
    let mut out = Buffer::new(values.len());
    let len = BLOCK * 1024;
    out.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(out, values)| {
        vectorized(|| {
            out.iter_mut().zip(values).for_each(|(out, value)| *out = math::gelu(*value))
        });
    });
    out
}

/// The gradient behind a GELU becomes that before it.
pub(crate) fn gelu_backward(values: &[f32], gradient: &mut [f32]) {
    let len = BLOCK * 1024;
    gradient.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(gradient, values)| {
        vectorized(|| {
            gradient
                .iter_mut()
                .zip(values)
                .for_each(|(gradient, value)| *gradient *= math::gelu_derivative(*value));
        });
    });
}

/// Gradient of `x`, from that of the result.
pub(crate) fn input_gradient(weight: &[f32], gradient: &[f32], outputs: usize) -> Buffer {
    let inputs = weight.len() / outputs;
    let transposed = Packed::new(Source::Columns(weight, outputs), outputs, inputs);
    parallel_product(gradient, gradient.len() / outputs, &transposed)
}

/// Gradient of the weight.
pub(crate) fn weight_gradient(
    x: &[f32],
    inputs: usize,
    gradient: &[f32],
    outputs: usize,
) -> Buffer {
    transposed_product(x, inputs, gradient, outputs)
}

/// Gradient of the bias: the sum of the rows.
pub(crate) fn bias_gradient(gradient: &[f32], outputs: usize) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = gradient
        .par_chunks(BLOCK * outputs)
        .map(|block| {
            let mut sum = vec![0.0_f32; outputs];
            vectorized(|| {
                for row in block.chunks_exact(outputs) {
                    sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                }
            });
            sum
        })
        .collect();
    let mut sum = vec![0.0_f32; outputs];
    parts.iter().for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    sum
}
