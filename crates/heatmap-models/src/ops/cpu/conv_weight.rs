//! The gradient of a convolution with respect to its weight.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::conv::{patches_of, planes_of};
use super::patches::{ConvShape, gather};
use super::product::{
    Packed, ROWS, Source, add_columns_product, add_transposed_product, multiplier_of_networks,
    transposed_patches_product,
};
use super::winograd;

/// Up to this many values in a weight, each thread sums a weight gradient of its own.
const SMALL_WEIGHT: usize = 64 * 1024;

/// Output pixels that are summed into the weight gradient at a time: at least this many if the
/// threads share one sum, at most this many if each has its own.
const PIECE: usize = 512;

/// Values of the im2col patches that are in memory at a time for the weight gradient.
const PATCHES: usize = 4 * 1024 * 1024;

/// Computes the gradient with respect to the weight from that with respect to the output.
pub(crate) fn weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Buffer {
    if winograd::fits_weight_gradient(shape) {
        return winograd::weight_gradient(image, gradient, shape);
    }
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let patches = (image, shape);
    if let Some(rows) = transposed_patches_product(gradient, channels, patches) {
        return planes_of(rows, shape);
    }
    if channels * len <= SMALL_WEIGHT && pixels >= 2 * PIECE * rayon::current_num_threads() {
        return planes_of(small_weight_gradient(image, gradient, shape), shape);
    }
    let mut rows = Buffer::new(channels * len);
    // Pieces are large, because all threads synchronise after each.
    let piece = (PATCHES / len).max(PIECE);
    for start in (0..pixels).step_by(piece) {
        let some = start..(start + piece).min(pixels);
        let patches = patches_of(image, shape, some.clone());
        let patches =
            Packed::new(Source::Rows(&patches, len), some.len(), len, multiplier_of_networks());
        let gradient = &gradient[some.start * channels..some.end * channels];
        add_transposed_product(gradient, channels, &patches, &mut rows, start > 0);
    }
    planes_of(rows, shape)
}

/// Computes the weight gradient for a small weight and many pixels: threads share the pixels.
fn small_weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Buffer {
    /// Partial sums. Their number does not depend on the threads, so neither does the rounding.
    const PARTS: usize = 16;
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let share = pixels.div_ceil(PARTS);
    // As many pixels as have patches that fit into the L2 cache.
    let block = (64 * 1024 / len).clamp(ROWS, PIECE);
    let parts: Vec<Buffer> = (0..pixels.div_ceil(share))
        .into_par_iter()
        .map(|at| {
            let mut rows = Buffer::new(channels * len);
            let (mut patches, mut right, mut left) =
                (Buffer::default(), Packed::empty_of_network(), Buffer::default());
            let end = ((at + 1) * share).min(pixels);
            for start in (at * share..end).step_by(block) {
                let some = start..(start + block).min(end);
                if shape.is_pointwise() {
                    right.fill(
                        Source::Rows(&image[some.start * len..some.end * len], len),
                        some.len(),
                        len,
                    );
                } else {
                    patches.reset(some.len() * len);
                    gather(image, shape, some.clone(), &mut patches);
                    right.fill(Source::Rows(&patches, len), some.len(), len);
                }
                let gradient = &gradient[some.start * channels..some.end * channels];
                let add = start > at * share;
                let columns = 0..channels;
                add_columns_product(
                    (gradient, channels),
                    columns,
                    &right,
                    &mut rows,
                    add,
                    &mut left,
                );
            }
            rows
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_else(|| Buffer::zeros(channels * len));
    parts.for_each(|part| sum.iter_mut().zip(&*part).for_each(|(sum, value)| *sum += value));
    sum
}
