//! Batch normalisation, residual sum and ReLU over channels-last values, in as few passes over
//! memory as possible.
//!
//! Ioffe and Szegedy 2015, algorithm 1. Values are `[pixels, channels]`: a row is a pixel, and each
//! channel has its own statistics.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::simd::vectorized;

/// The mean and the biased variance of each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

/// The number of values in the block of rows that a thread processes at a time.
fn block_len(channels: usize) -> usize {
    256.max(16 * 1024 / channels) * channels
}

/// For each channel, the mean of some rows and the sum of squared deviations from it.
#[derive(Debug)]
pub(crate) struct Part {
    rows: usize,
    mean: Vec<f32>,
    squares: Vec<f32>,
}

/// Computes partial statistics of a block of rows, over groups of rows that are short enough for
/// sums in f32 to be accurate.
pub(crate) fn parts(block: &[f32], channels: usize) -> Vec<Part> {
    const ROWS: usize = 256;
    block
        .chunks(ROWS * channels)
        .map(|block| {
            vectorized(
                #[inline(always)]
                || part(block, channels),
            )
        })
        .collect()
}

/// Sums rows by channel: means, then squares of what is off from them.
#[inline(always)]
fn part(block: &[f32], channels: usize) -> Part {
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
    Part { rows, mean, squares }
}

/// Combines partial statistics into mean and variance. Each part counts deviations from its own
/// mean (Chan, Golub and LeVeque 1983), so that a large mean costs no precision.
pub(crate) fn statistics(parts: &[Part], channels: usize) -> Statistics {
    let rows: f64 = parts.iter().map(|part| part.rows as f64).sum();
    let mut mean = vec![0.0_f64; channels];
    for part in parts {
        let add = |(sum, mean): (&mut f64, &f32)| *sum += part.rows as f64 * f64::from(*mean);
        mean.iter_mut().zip(&part.mean).for_each(add);
    }
    mean.iter_mut().for_each(|sum| *sum /= rows);
    let mut variance = vec![0.0_f64; channels];
    for Part { rows, mean: of_part, squares } in parts {
        for (((sum, squares), of_part), mean) in
            variance.iter_mut().zip(squares).zip(of_part).zip(&mean)
        {
            *sum += f64::from(*squares) + *rows as f64 * (f64::from(*of_part) - mean).powi(2);
        }
    }
    let f32s = |values: Vec<f64>, divisor: f64| {
        values.into_iter().map(|value| (value / divisor) as f32).collect()
    };
    Statistics { mean: f32s(mean, 1.0), variance: f32s(variance, rows) }
}

/// The scale and shift that normalisation applies to each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScaleShift {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl ScaleShift {
    /// Folds statistics, gamma and beta into one scale and one shift for each channel.
    pub(crate) fn new(
        Statistics { mean, variance }: &Statistics,
        gamma: &[f32],
        beta: &[f32],
        epsilon: f32,
    ) -> Self {
        let scale: Vec<f32> = gamma
            .iter()
            .zip(variance)
            .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((beta, mean), scale)| beta - mean * scale)
            .collect();
        Self { scale, shift }
    }

    /// Computes `max(0, values * scale + shift + residual)` in place, with one scale and shift for
    /// each channel; the residual and the ReLU are optional.
    pub(crate) fn apply(&self, values: &mut [f32], residual: Option<&[f32]>, relu: bool) {
        let Self { scale, shift } = self;
        let floor = floor(relu);
        let rows = values.chunks_exact_mut(scale.len());
        vectorized(
            #[inline(always)]
            || match residual {
                None => {
                    for row in rows {
                        for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                            *value = at_least(floor, *value * scale + shift);
                        }
                    }
                }
                Some(residual) => {
                    for (row, residual) in rows.zip(residual.chunks_exact(scale.len())) {
                        for (((value, residual), scale), shift) in
                            row.iter_mut().zip(residual).zip(scale).zip(shift)
                        {
                            *value = at_least(floor, *value * scale + shift + residual);
                        }
                    }
                }
            },
        );
    }

    /// Computes the same as [`ScaleShift::apply`] into a new buffer, on all threads.
    pub(crate) fn applied(&self, values: &[f32], residual: Option<&[f32]>, relu: bool) -> Buffer {
        let Self { scale, shift } = self;
        let floor = floor(relu);
        let len = block_len(scale.len());
        let mut out = Buffer::new(values.len());
        out.par_chunks_mut(len).enumerate().for_each(|(at, out)| {
            let part = at * len..at * len + out.len();
            let rows = out
                .chunks_exact_mut(scale.len())
                .zip(values[part.clone()].chunks_exact(scale.len()));
            vectorized(
                #[inline(always)]
                || match residual {
                    None => {
                        for (row, values) in rows {
                            for (((out, value), scale), shift) in
                                row.iter_mut().zip(values).zip(scale).zip(shift)
                            {
                                *out = at_least(floor, value * scale + shift);
                            }
                        }
                    }
                    Some(residual) => {
                        for ((row, values), residual) in
                            rows.zip(residual[part].chunks_exact(scale.len()))
                        {
                            let row = row.iter_mut().zip(values).zip(residual);
                            for ((((out, value), residual), scale), shift) in
                                row.zip(scale).zip(shift)
                            {
                                *out = at_least(floor, value * scale + shift + residual);
                            }
                        }
                    }
                },
            );
        });
        out
    }
}

/// The lower bound of the output: zero with ReLU, none without.
fn floor(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

/// The gradients of normalisation, residual sum and ReLU.
pub(crate) struct NormGradients {
    /// With respect to the values before normalisation.
    pub(crate) values: Buffer,
    /// With respect to the scale (gamma).
    pub(crate) gamma: Vec<f32>,
    /// With respect to the shift (beta).
    pub(crate) beta: Vec<f32>,
    /// With respect to the residual, if there was one; this is the gradient of the ReLU's input.
    pub(crate) residual: Option<Buffer>,
}

/// Tells where the ReLU after a normalisation passes gradients on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReluMask<'a> {
    /// Everywhere, because there is no ReLU.
    Everywhere,
    /// Where the normalised values are positive.
    ByValues,
    /// Where the output, which includes the residual, is positive.
    ByOutput(&'a [f32]),
}

/// Runs the backward pass of normalisation by batch statistics. `values` are the values before
/// normalisation, and `affine` is the scale and shift that normalised them. `gradient` is that with
/// respect to the output; its memory is reused for the result.
pub(crate) fn backward(
    values: &[f32],
    open: ReluMask<'_>,
    mut gradient: Buffer,
    statistics: &Statistics,
    affine: &ScaleShift,
    epsilon: f32,
    with_residual: bool,
) -> NormGradients {
    let channels = affine.scale.len();
    let len = block_len(channels);
    let inverse: Vec<f32> =
        statistics.variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
    let (mean, ScaleShift { scale, shift }) = (&statistics.mean, affine);
    let sums: Vec<(Vec<f32>, Vec<f32>)> = gradient
        .par_chunks_mut(len)
        .enumerate()
        .map(|(at, gradient)| {
            let part = at * len..at * len + gradient.len();
            let values = &values[part.clone()];
            if let ReluMask::ByOutput(output) = open {
                // The masked gradient is stored, because it is the residual's gradient.
                let both = gradient.iter_mut().zip(&output[part]);
                both.for_each(|(gradient, output)| *gradient = if_positive(*output, *gradient));
            }
            let (mut beta, mut gamma) = (vec![0.0_f32; channels], vec![0.0_f32; channels]);
            vectorized(
                #[inline(always)]
                || {
                    for (gradient, values) in
                        gradient.chunks_exact(channels).zip(values.chunks_exact(channels))
                    {
                        let sums = beta.iter_mut().zip(&mut gamma);
                        let row = sums.zip(gradient).zip(values).zip(mean);
                        if let ReluMask::ByValues = open {
                            for (((((beta, gamma), gradient), value), mean), (scale, shift)) in
                                row.zip(scale.iter().zip(shift))
                            {
                                let opened = if_positive(value * scale + shift, *gradient);
                                *beta += opened;
                                *gamma += opened * (value - mean);
                            }
                        } else {
                            for ((((beta, gamma), gradient), value), mean) in row {
                                *beta += gradient;
                                *gamma += gradient * (value - mean);
                            }
                        }
                    }
                },
            );
            (beta, gamma)
        })
        .collect();
    let (mut beta, mut d_gamma) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
    for (of_beta, of_gamma) in &sums {
        beta.iter_mut().zip(of_beta).for_each(|(sum, part)| *sum += f64::from(*part));
        d_gamma.iter_mut().zip(of_gamma).for_each(|(sum, part)| *sum += f64::from(*part));
    }
    let beta: Vec<f32> = beta.into_iter().map(|sum| sum as f32).collect();
    let d_gamma: Vec<f32> = d_gamma
        .into_iter()
        .zip(&inverse)
        .map(|(sum, inverse)| (sum * f64::from(*inverse)) as f32)
        .collect();
    let rows = (values.len() / channels) as f32;
    // The gradient with respect to the values is a * masked gradient + b * values + c for each
    // channel, where a is the scale.
    let b: Vec<f32> =
        (0..channels).map(|at| -scale[at] * inverse[at] * d_gamma[at] / rows).collect();
    let c: Vec<f32> =
        (0..channels).map(|at| -scale[at] * beta[at] / rows - b[at] * mean[at]).collect();
    if with_residual {
        // `gradient` is kept as the residual's gradient, so that of the values needs a buffer of
        // its own.
        let mut of_values = Buffer::new(values.len());
        let blocks =
            of_values.par_chunks_mut(len).zip(gradient.par_chunks(len)).zip(values.par_chunks(len));
        blocks.for_each(|((out, gradient), values)| {
            vectorized(
                #[inline(always)]
                || {
                    let rows = out.chunks_exact_mut(channels).zip(gradient.chunks_exact(channels));
                    for ((out, gradient), values) in rows.zip(values.chunks_exact(channels)) {
                        let row =
                            out.iter_mut().zip(gradient).zip(values).zip(scale).zip(&b).zip(&c);
                        row.for_each(|(((((out, gradient), value), a), b), c)| {
                            *out = a * gradient + b * value + c
                        });
                    }
                },
            );
        });
        return NormGradients { values: of_values, gamma: d_gamma, beta, residual: Some(gradient) };
    }
    gradient.par_chunks_mut(len).zip(values.par_chunks(len)).for_each(|(gradient, values)| {
        vectorized(
            #[inline(always)]
            || {
                for (gradient, values) in
                    gradient.chunks_exact_mut(channels).zip(values.chunks_exact(channels))
                {
                    let row = gradient.iter_mut().zip(values).zip(scale).zip(&b).zip(&c);
                    if let ReluMask::ByValues = open {
                        for (((((out, value), a), b), c), shift) in row.zip(shift) {
                            *out = a * if_positive(value * a + shift, *out) + b * value + c;
                        }
                    } else {
                        for ((((out, value), a), b), c) in row {
                            *out = a * *out + b * value + c;
                        }
                    }
                }
            },
        );
    });
    NormGradients { values: gradient, gamma: d_gamma, beta, residual: None }
}

/// Returns the larger of both. NaN stays NaN, which `f32::max` would hide.
#[inline(always)]
fn at_least(floor: f32, value: f32) -> f32 {
    if value < floor { floor } else { value }
}

/// Returns `value` where `sign` is positive (or NaN, as in PyTorch) and zero elsewhere. There is no
/// branch, so that the loop is vectorised.
#[inline(always)]
fn if_positive(sign: f32, value: f32) -> f32 {
    f32::from_bits(value.to_bits() & u32::from(sign <= 0.0).wrapping_sub(1))
}
