//! Convolution over images that lie channels last, all images of the batch in one product.

use rayon::prelude::*;

use super::patches::{ConvShape, gather, scatter};
use super::product::{Matrix, product};

/// Patches are gathered for so many values at a time: what a core keeps in its second cache with its part of the result.
const BLOCK_VALUES: usize = 128 * 1024;

/// Up to so many output pixels the weight is large beside the image.
const FEW_PIXELS: usize = 256;

/// Up to so many values of a weight each thread has one of its own for its gradient.
const SMALL_WEIGHT: usize = 64 * 1024;

/// Parts that the pixels are then shared into, and pixels in one at least.
const SHARES: usize = 16;
const MIN_ROWS: usize = 512;

/// `[out_channels, in_channels, k, k]` as `[out_channels, k, k, in_channels]`: rows like those of the patches.
fn kernel_rows(weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut rows = vec![0.0; weight.len()];
    rows.par_chunks_mut(area * channels).zip(weight.par_chunks(area * channels)).for_each(|(row, kernel)| {
        // Either way the writes go straight on and the reads jump within what the first cache holds.
        for (place, values) in row.chunks_exact_mut(channels).enumerate() {
            let kernel = kernel[place..].iter().step_by(area);
            values.iter_mut().zip(kernel).for_each(|(value, from)| *value = *from);
        }
    });
    rows
}

/// The same, rows for columns: `[k * k * in_channels, out_channels]`. As the right side of a product with few rows it is read
/// once, straight on, where the product would take long to turn it over.
fn kernel_columns(weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    /// Kernels that are read side by side: as many streams as the first cache takes, and two of its lines to write.
    const SIDE_BY_SIDE: usize = 32;
    let ConvShape { out_channels, in_channels, kernel_size, .. } = *shape;
    let (area, len) = (kernel_size * kernel_size, shape.patch_len());
    let mut columns = vec![0.0; weight.len()];
    // A thread takes some of the input channels: their rows lie apart in the result, one part for each place.
    let share = in_channels.div_ceil(4 * rayon::current_num_threads()).max(1);
    let mut places: Vec<_> = columns
        .chunks_exact_mut(in_channels * out_channels)
        .map(|place| place.chunks_mut(share * out_channels))
        .collect();
    let shares = (0..in_channels.div_ceil(share)).map(|_| places.iter_mut().filter_map(Iterator::next).collect());
    let shares: Vec<Vec<&mut [f32]>> = shares.collect();
    shares.into_par_iter().enumerate().for_each(|(at, mut places)| {
        for first in (0..out_channels).step_by(SIDE_BY_SIDE) {
            let last = (first + SIDE_BY_SIDE).min(out_channels);
            for channel in 0..places[0].len() / out_channels {
                for (place, rows) in places.iter_mut().enumerate() {
                    let row = &mut rows[channel * out_channels + first..channel * out_channels + last];
                    let from = weight[first * len + (at * share + channel) * area + place..].iter().step_by(len);
                    row.iter_mut().zip(from).for_each(|(value, from)| *value = *from);
                }
            }
        }
    });
    columns
}

/// The way back.
fn kernel_planes(rows: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut weight = vec![0.0; rows.len()];
    weight.par_chunks_mut(area * channels).zip(rows.par_chunks(area * channels)).for_each(|(kernel, row)| {
        for (channel, places) in kernel.chunks_exact_mut(area).enumerate() {
            let row = row[channel..].iter().step_by(channels);
            places.iter_mut().zip(row).for_each(|(place, from)| *place = *from);
        }
    });
    weight
}

fn rows_of<'a>(weight: &'a [f32], shape: &ConvShape) -> std::borrow::Cow<'a, [f32]> {
    if shape.kernel_size == 1 { weight.into() } else { kernel_rows(weight, shape).into() }
}

/// The way back from [`rows_of`].
fn planes_of(rows: Vec<f32>, shape: &ConvShape) -> Vec<f32> {
    if shape.kernel_size == 1 { rows } else { kernel_planes(&rows, shape) }
}

/// Rows of the product that a thread takes at a time.
fn block_rows(shape: &ConvShape) -> usize {
    (BLOCK_VALUES / shape.patch_len()).clamp(64, 1024)
}

/// `image` `[batch, height, width, in_channels]` and `weight` `[out_channels, in_channels, k, k]` to
/// `[batch, out_height, out_width, out_channels]`.
pub(crate) fn forward(image: &[f32], weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    if pixels <= FEW_PIXELS {
        return forward_few(image, weight, shape);
    }
    let kernel = kernel_columns(weight, shape);
    let kernel = Matrix::new(&kernel, len, channels);
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

/// For few pixels the weight is the large matrix: it comes first in the product, as it is, and the small result is turned
/// over.
fn forward_few(image: &[f32], weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let kernel = rows_of(weight, shape);
    let patches = if shape.is_pointwise() { image.into() } else { std::borrow::Cow::from(all_patches(image, shape)) };
    let mut turned = vec![0.0; channels * pixels];
    let right = Matrix::new(&patches, pixels, len).transposed();
    product(Matrix::new(&kernel, channels, len), right, &mut turned, false, true);
    let mut out = vec![0.0; pixels * channels];
    out.par_chunks_mut(channels).enumerate().for_each(|(pixel, row)| {
        row.iter_mut().zip(turned[pixel..].iter().step_by(pixels)).for_each(|(value, from)| *value = *from);
    });
    out
}

fn all_patches(image: &[f32], shape: &ConvShape) -> Vec<f32> {
    let mut patches = vec![0.0; shape.out_pixels() * shape.patch_len()];
    gather_on_all_threads(image, shape, 0, &mut patches);
    patches
}

/// Gathers the patches of the output pixels from `first` on, as many as there is room for.
fn gather_on_all_threads(image: &[f32], shape: &ConvShape, first: usize, patches: &mut [f32]) {
    let len = shape.patch_len();
    let block = (patches.len() / len).div_ceil(4 * rayon::current_num_threads()).max(1);
    patches.par_chunks_mut(block * len).enumerate().for_each(|(at, patches)| {
        let first = first + at * block;
        gather(image, shape, first..first + patches.len() / len, patches);
    });
}

/// Gradient of the weight, from that of the output.
pub(crate) fn weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    if channels * len <= SMALL_WEIGHT && pixels >= 4 * MIN_ROWS {
        return planes_of(small_weight_gradient(image, gradient, shape), shape);
    }
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
        gather_on_all_threads(image, shape, start, patches);
        let left = Matrix::new(&gradient[start * channels..end * channels], end - start, channels).transposed();
        product(left, Matrix::new(patches, end - start, len), &mut rows, start > 0, true);
    }
    planes_of(rows, shape)
}

/// For a small weight and many pixels: each thread sums its own pixels up in a weight of its own. The pixels are shared out
/// in the same way for any number of threads, and the parts are added in order.
fn small_weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Vec<f32> {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let share = pixels.div_ceil(SHARES).max(MIN_ROWS);
    let block = (BLOCK_VALUES / (len + channels)).clamp(64, share);
    let parts: Vec<Vec<f32>> = (0..pixels.div_ceil(share))
        .into_par_iter()
        .map(|at| {
            let end = ((at + 1) * share).min(pixels);
            let mut rows = vec![0.0; channels * len];
            let mut patches = if shape.is_pointwise() { Vec::new() } else { vec![0.0; block * len] };
            for start in (at * share..end).step_by(block) {
                let some = start..(start + block).min(end);
                let patches = if shape.is_pointwise() {
                    &image[some.start * len..some.end * len]
                } else {
                    let patches = &mut patches[..some.len() * len];
                    gather(image, shape, some.clone(), patches);
                    patches
                };
                let left = &gradient[some.start * channels..some.end * channels];
                let left = Matrix::new(left, some.len(), channels).transposed();
                product(left, Matrix::new(patches, some.len(), len), &mut rows, start > at * share, false);
            }
            rows
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_else(|| vec![0.0; channels * len]);
    parts.for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    sum
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
