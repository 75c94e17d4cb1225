//! Batch normalisation, residual sum and ReLU over values that lie channels last, in as few passes as there can be.
//!
//! Ioffe and Szegedy 2015, algorithm 1. A row is a pixel; every channel has its own statistics.

use rayon::prelude::*;

/// Rows that a thread takes at a time: sums of so many f32 are exact enough, and are then added in f64.
const BLOCK_ROWS: usize = 256;

/// Mean and biased variance of each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

/// Rows in a block: at least enough values to be worth a task.
fn block_len(channels: usize) -> usize {
    BLOCK_ROWS.max(16 * 1024 / channels) * channels
}

/// Mean and variance, by deviations from the mean of each block (Chan, Golub and LeVeque 1983), so that a large mean costs
/// no precision.
pub(crate) fn statistics(values: &[f32], channels: usize) -> Statistics {
    let parts: Vec<(usize, Vec<f32>, Vec<f32>)> = values
        .par_chunks(block_len(channels))
        .map(|block| {
            let rows = block.len() / channels;
            let mut mean = vec![0.0_f32; channels];
            for row in block.chunks_exact(channels) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            mean.iter_mut().for_each(|sum| *sum /= rows as f32);
            let mut squares = vec![0.0_f32; channels];
            for row in block.chunks_exact(channels) {
                for ((sum, value), mean) in squares.iter_mut().zip(row).zip(&mean) {
                    *sum += (value - mean) * (value - mean);
                }
            }
            (rows, mean, squares)
        })
        .collect();
    let rows = (values.len() / channels) as f64;
    let channel = |at: usize| {
        let mean = parts.iter().map(|(n, mean, _)| *n as f64 * f64::from(mean[at])).sum::<f64>() / rows;
        let squares = |(n, block, squares): &(usize, Vec<f32>, Vec<f32>)| {
            f64::from(squares[at]) + *n as f64 * (f64::from(block[at]) - mean).powi(2)
        };
        (mean as f32, (parts.iter().map(squares).sum::<f64>() / rows) as f32)
    };
    let (mean, variance) = (0..channels).map(channel).unzip();
    Statistics { mean, variance }
}

/// `max(0, values * scale + shift + residual)` by channel, with or without the residual and the ReLU.
pub(crate) fn scale_shift(
    values: &[f32],
    (scale, shift): (&[f32], &[f32]),
    residual: Option<&[f32]>,
    relu: bool,
) -> Vec<f32> {
    let channels = scale.len();
    let len = block_len(channels);
    let mut out = vec![0.0; values.len()];
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    out.par_chunks_mut(len).enumerate().for_each(|(at, out)| {
        let values = &values[at * len..at * len + out.len()];
        match residual {
            None => {
                for (out, values) in out.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
                    for (((out, value), scale), shift) in out.iter_mut().zip(values).zip(scale).zip(shift) {
                        *out = (value * scale + shift).max(floor);
                    }
                }
            }
            Some(residual) => {
                let residual = &residual[at * len..at * len + out.len()];
                let rows = out.chunks_exact_mut(channels).zip(values.chunks_exact(channels));
                for ((out, values), residual) in rows.zip(residual.chunks_exact(channels)) {
                    let row = out.iter_mut().zip(values).zip(residual).zip(scale).zip(shift);
                    for ((((out, value), residual), scale), shift) in row {
                        *out = (value * scale + shift + residual).max(floor);
                    }
                }
            }
        }
    });
    out
}

/// Gradients of normalisation, residual sum and ReLU.
pub(crate) struct NormGradients {
    /// Of the values that were normalised.
    pub(crate) values: Vec<f32>,
    /// Of the scale (gamma).
    pub(crate) gamma: Vec<f32>,
    /// Of the shift (beta).
    pub(crate) beta: Vec<f32>,
    /// Of the residual, if there was one: the gradient behind the ReLU.
    pub(crate) residual: Option<Vec<f32>>,
}

/// Backward pass. `output` is what the forward pass gave; where it is zero the ReLU was closed.
pub(crate) fn backward(
    values: &[f32],
    output: Option<&[f32]>,
    gradient: &[f32],
    statistics: &Statistics,
    gamma: &[f32],
    epsilon: f32,
    with_residual: bool,
) -> NormGradients {
    let channels = gamma.len();
    let len = block_len(channels);
    let inverse: Vec<f32> = statistics.variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
    let mean = &statistics.mean;
    // The gradient behind the ReLU: written once, because the residual needs it and the second pass does too.
    let mut opened = vec![0.0; values.len()];
    let sums: Vec<(Vec<f32>, Vec<f32>)> = opened
        .par_chunks_mut(len)
        .enumerate()
        .map(|(at, opened)| {
            let part = at * len..at * len + opened.len();
            let (values, gradient) = (&values[part.clone()], &gradient[part.clone()]);
            match output {
                Some(output) => {
                    // Without a branch, so that many are done at once.
                    let open = |output: f32| u32::from(output > 0.0).wrapping_neg();
                    let all = opened.iter_mut().zip(gradient).zip(&output[part]);
                    all.for_each(|((opened, gradient), output)| {
                        *opened = f32::from_bits(gradient.to_bits() & open(*output));
                    });
                }
                None => opened.copy_from_slice(gradient),
            }
            let (mut beta, mut gamma) = (vec![0.0_f32; channels], vec![0.0_f32; channels]);
            for (opened, values) in opened.chunks_exact(channels).zip(values.chunks_exact(channels)) {
                let row = beta.iter_mut().zip(&mut gamma).zip(opened).zip(values).zip(mean);
                for ((((beta, gamma), opened), value), mean) in row {
                    *beta += opened;
                    *gamma += opened * (value - mean);
                }
            }
            (beta, gamma)
        })
        .collect();
    let (mut beta, mut d_gamma) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
    for (of_beta, of_gamma) in &sums {
        beta.iter_mut().zip(of_beta).for_each(|(sum, part)| *sum += f64::from(*part));
        d_gamma.iter_mut().zip(of_gamma).for_each(|(sum, part)| *sum += f64::from(*part));
    }
    let beta: Vec<f32> = beta.into_iter().map(|sum| sum as f32).collect();
    let d_gamma: Vec<f32> =
        d_gamma.into_iter().zip(&inverse).map(|(sum, inverse)| (sum * f64::from(*inverse)) as f32).collect();
    let rows = (values.len() / channels) as f32;
    // d values = a * opened + b * values + c for each channel.
    let a: Vec<f32> = (0..channels).map(|at| gamma[at] * inverse[at]).collect();
    let b: Vec<f32> = (0..channels).map(|at| -a[at] * inverse[at] * d_gamma[at] / rows).collect();
    let c: Vec<f32> = (0..channels).map(|at| -a[at] * beta[at] / rows - b[at] * mean[at]).collect();
    let one = |out: &mut [f32], opened: Option<&[f32]>, values: &[f32]| {
        // In place when nobody else needs the opened gradient.
        match opened {
            None => {
                for (out, values) in out.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
                    for ((((out, value), a), b), c) in out.iter_mut().zip(values).zip(&a).zip(&b).zip(&c) {
                        *out = a * *out + b * value + c;
                    }
                }
            }
            Some(opened) => {
                let rows = out.chunks_exact_mut(channels).zip(values.chunks_exact(channels));
                for ((out, values), opened) in rows.zip(opened.chunks_exact(channels)) {
                    let row = out.iter_mut().zip(values).zip(opened).zip(&a).zip(&b).zip(&c);
                    for (((((out, value), opened), a), b), c) in row {
                        *out = a * opened + b * value + c;
                    }
                }
            }
        }
    };
    if with_residual {
        let mut out = vec![0.0; values.len()];
        let parts = out.par_chunks_mut(len).zip(opened.par_chunks(len)).zip(values.par_chunks(len));
        parts.for_each(|((out, opened), values)| one(out, Some(opened), values));
        NormGradients { values: out, gamma: d_gamma, beta, residual: Some(opened) }
    } else {
        opened.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(out, values)| one(out, None, values));
        NormGradients { values: opened, gamma: d_gamma, beta, residual: None }
    }
}
