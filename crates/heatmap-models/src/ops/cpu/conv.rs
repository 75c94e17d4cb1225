//! Convolution over images that lie channels last, all images of the batch in one product.

use rayon::prelude::*;

use super::patches::{ConvShape, gather, scatter};
use super::product::{Matrix, product};

/// Patches are gathered for so many values at a time: what a core keeps in its second cache with its part of the result.
const BLOCK_VALUES: usize = 128 * 1024;

/// `[out_channels, in_channels, k, k]` as `[out_channels, k, k, in_channels]`: rows like those of the patches.
fn kernel_rows(weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut rows = vec![0.0; weight.len()];
    rows.par_chunks_mut(area * channels).zip(weight.par_chunks(area * channels)).for_each(|(row, kernel)| {
        for (channel, places) in kernel.chunks_exact(area).enumerate() {
            places.iter().enumerate().for_each(|(place, value)| row[place * channels + channel] = *value);
        }
    });
    rows
}

/// The way back.
fn kernel_planes(rows: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut weight = vec![0.0; rows.len()];
    weight.par_chunks_mut(area * channels).zip(rows.par_chunks(area * channels)).for_each(|(kernel, row)| {
        for (place, values) in row.chunks_exact(channels).enumerate() {
            values.iter().enumerate().for_each(|(channel, value)| kernel[channel * area + place] = *value);
        }
    });
    weight
}

fn rows_of<'a>(weight: &'a [f32], shape: &ConvShape) -> std::borrow::Cow<'a, [f32]> {
    if shape.kernel_size == 1 { weight.into() } else { kernel_rows(weight, shape).into() }
}

/// Rows of the product that a thread takes at a time.
fn block_rows(shape: &ConvShape) -> usize {
    (BLOCK_VALUES / shape.patch_len()).clamp(64, 1024)
}

/// `image` `[batch, height, width, in_channels]` and `weight` `[out_channels, in_channels, k, k]` to
/// `[batch, out_height, out_width, out_channels]`.
pub(crate) fn forward(image: &[f32], weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let kernel = rows_of(weight, shape);
    let kernel = Matrix::new(&kernel, channels, len).transposed();
    let mut out = vec![0.0; pixels * channels];
    if shape.is_pointwise() {
        product(Matrix::new(image, pixels, len), kernel, &mut out, false, true);
        return out;
    }
    let block = block_rows(shape);
    if pixels < 2 * block * rayon::current_num_threads() {
        let patches = all_patches(image, shape);
        product(Matrix::new(&patches, pixels, len), kernel, &mut out, false, true);
        return out;
    }
    out.par_chunks_mut(block * channels).enumerate().for_each_init(
        || vec![0.0; block * len],
        |patches, (at, out)| {
            let rows = at * block..at * block + out.len() / channels;
            let patches = &mut patches[..rows.len() * len];
            gather(image, shape, rows.clone(), patches);
            product(Matrix::new(patches, rows.len(), len), kernel, out, false, false);
        },
    );
    out
}

fn all_patches(image: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, len) = (shape.out_pixels(), shape.patch_len());
    let mut patches = vec![0.0; pixels * len];
    let block = pixels.div_ceil(4 * rayon::current_num_threads()).max(1);
    patches.par_chunks_mut(block * len).enumerate().for_each(|(at, patches)| {
        gather(image, shape, at * block..at * block + patches.len() / len, patches);
    });
    patches
}

/// Gradient of the weight, from that of the output.
pub(crate) fn weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let mut rows = vec![0.0; channels * len];
    let left = Matrix::new(gradient, pixels, channels).transposed();
    if shape.is_pointwise() {
        product(left, Matrix::new(image, pixels, len), &mut rows, false, true);
        return rows;
    }
    // A piece of the patches at a time, on all threads: the sum over pixels is the inner side of the product.
    let piece = (4 * 1024 * 1024 / len).clamp(256, pixels.max(256));
    let mut patches = vec![0.0; piece.min(pixels) * len];
    for start in (0..pixels).step_by(piece) {
        let end = (start + piece).min(pixels);
        let patches = &mut patches[..(end - start) * len];
        let block = (end - start).div_ceil(4 * rayon::current_num_threads()).max(1);
        patches.par_chunks_mut(block * len).enumerate().for_each(|(at, patches)| {
            let first = start + at * block;
            gather(image, shape, first..first + patches.len() / len, patches);
        });
        let left = Matrix::new(&gradient[start * channels..end * channels], end - start, channels).transposed();
        product(left, Matrix::new(patches, end - start, len), &mut rows, start > 0, true);
    }
    if shape.kernel_size == 1 { rows } else { kernel_planes(&rows, shape) }
}

/// Gradient of the image, from that of the output.
pub(crate) fn image_gradient(weight: &[f32], gradient: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let kernel = rows_of(weight, shape);
    let kernel = Matrix::new(&kernel, channels, len);
    let sample_len = shape.height * shape.width * shape.in_channels;
    let mut image = vec![0.0; shape.batch * sample_len];
    if shape.is_pointwise() {
        product(Matrix::new(gradient, pixels, channels), kernel, &mut image, false, true);
        return image;
    }
    let sample_pixels = pixels / shape.batch;
    if sample_pixels >= 256 && shape.batch >= rayon::current_num_threads() {
        // Large images: each thread has its own, a block at a time.
        let block = block_rows(shape);
        image.par_chunks_mut(sample_len).enumerate().for_each_init(
            || vec![0.0; block * len],
            |patches, (sample, image)| {
                let end = (sample + 1) * sample_pixels;
                for start in (sample * sample_pixels..end).step_by(block) {
                    let rows = start..(start + block).min(end);
                    let patches = &mut patches[..rows.len() * len];
                    let left = &gradient[rows.start * channels..rows.end * channels];
                    product(Matrix::new(left, rows.len(), channels), kernel, patches, false, false);
                    scatter(patches, shape, rows, sample, image);
                }
            },
        );
        return image;
    }
    // Small images: a group of them in one product on all threads.
    let group = (8 * 1024 * 1024 / (len * sample_pixels)).clamp(1, shape.batch);
    let mut patches = vec![0.0; group * sample_pixels * len];
    for (at, images) in image.chunks_mut(group * sample_len).enumerate() {
        let first = at * group;
        let samples = images.len() / sample_len;
        let rows = first * sample_pixels..(first + samples) * sample_pixels;
        let patches = &mut patches[..rows.len() * len];
        let left = &gradient[rows.start * channels..rows.end * channels];
        product(Matrix::new(left, rows.len(), channels), kernel, patches, false, true);
        images.par_chunks_mut(sample_len).zip(patches.par_chunks(sample_pixels * len)).enumerate().for_each(
            |(at, (image, patches))| {
                let sample = first + at;
                scatter(patches, shape, sample * sample_pixels..(sample + 1) * sample_pixels, sample, image);
            },
        );
    }
    image
}
