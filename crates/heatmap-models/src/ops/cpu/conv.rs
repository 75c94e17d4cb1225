//! Convolution over channels-last images: matrix products of im2col patches and kernels, a block of
//! output pixels at a time.

use std::ops::{Deref, Range};

use rayon::prelude::*;

use super::buffer::Buffer;
use super::patches::{ConvShape, gather, scatter};
use super::product::{
    Multiplier, Packed, ROWS, Source, block_rows, few_rows, multiplier_of_networks, padded_rows,
    parallel_product, parallel_product_then, patches_product, product, reads_patches,
};
use super::winograd::{self, Kernels, Tiles};

/// Up to this many output pixels, the weight is large beside the image, and packing it for a single
/// use costs more than it saves.
const FEW_PIXELS: usize = 256;

/// Values that are borrowed, or that were made for one call.
pub(super) enum Numbers<'a> {
    Borrowed(&'a [f32]),
    Owned(Buffer),
}

impl Deref for Numbers<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Borrowed(numbers) => numbers,
            Self::Owned(numbers) => numbers,
        }
    }
}

/// Transposes a weight `[out_channels, in_channels, k, k]` into
/// `[out_channels, k, k, in_channels]`, whose rows have the order of the patches.
fn kernel_rows(weight: &[f32], shape: &ConvShape) -> Buffer {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut rows = Buffer::new(weight.len());
    rows.par_chunks_mut(area * channels).zip(weight.par_chunks(area * channels)).for_each(
        |(row, kernel)| {
            // The writes are sequential; the strided reads stay within what the L1 cache holds.
            for (place, values) in row.chunks_exact_mut(channels).enumerate() {
                let kernel = kernel[place..].iter().step_by(area);
                values.iter_mut().zip(kernel).for_each(|(value, from)| *value = *from);
            }
        },
    );
    rows
}

/// Inverts [`kernel_rows`].
fn kernel_planes(rows: &[f32], shape: &ConvShape) -> Buffer {
    let (area, channels) = (shape.kernel_size * shape.kernel_size, shape.in_channels);
    let mut weight = Buffer::new(rows.len());
    weight.par_chunks_mut(area * channels).zip(rows.par_chunks(area * channels)).for_each(
        |(kernel, row)| {
            for (channel, places) in kernel.chunks_exact_mut(area).enumerate() {
                let row = row[channel..].iter().step_by(channels);
                places.iter_mut().zip(row).for_each(|(place, from)| *place = *from);
            }
        },
    );
    weight
}

fn rows_of<'a>(weight: &'a [f32], shape: &ConvShape) -> Numbers<'a> {
    if shape.kernel_size == 1 {
        Numbers::Borrowed(weight)
    } else {
        Numbers::Owned(kernel_rows(weight, shape))
    }
}

/// Inverts [`rows_of`].
pub(super) fn planes_of(rows: Buffer, shape: &ConvShape) -> Buffer {
    if shape.kernel_size == 1 { rows } else { kernel_planes(&rows, shape) }
}

/// A layer's weight in the form in which the forward pass multiplies with it.
pub(crate) enum Kernel {
    /// Transformed for Winograd's convolution.
    Winograd(Kernels),
    /// Packed as the right side of a product with patches.
    Right(Packed),
    /// Row-major as the left side of a product: with few pixels, the weight is the larger matrix.
    Left(Buffer),
}

impl Kernel {
    /// Prepares a weight for a layer of this shape, whose image size affects the form. `kept` says
    /// that the kernel will be reused for many calls.
    pub(crate) fn new(weight: &[f32], shape: &ConvShape, kept: bool) -> Self {
        let rows = || rows_of(weight, shape);
        match Kind::of(shape, kept) {
            Kind::Winograd => Self::Winograd(Kernels::forward(weight, shape)),
            Kind::Left => Self::Left(match rows() {
                Numbers::Owned(rows) => rows,
                Numbers::Borrowed(rows) => Buffer::copy_of(rows),
            }),
            Kind::Right => Self::Right(Packed::new(
                Source::Columns(&rows(), shape.patch_len()),
                shape.patch_len(),
                shape.out_channels,
                multiplier_for(shape),
            )),
        }
    }

    /// Returns whether it has the form that [`Kernel::new`] would choose.
    pub(crate) fn suits(&self, shape: &ConvShape, kept: bool) -> bool {
        let kind = match self {
            Self::Winograd(_) => Kind::Winograd,
            Self::Right(packed) if packed.asked() != multiplier_for(shape) => return false,
            Self::Right(_) => Kind::Right,
            Self::Left(_) => Kind::Left,
        };
        kind == Kind::of(shape, kept)
    }
}

/// Returns what the forward pass of a layer multiplies with.
fn multiplier_for(shape: &ConvShape) -> Multiplier {
    multiplier_of_networks().for_rows(shape.out_pixels())
}

/// The forms of a [`Kernel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Winograd,
    Right,
    Left,
}

impl Kind {
    fn of(shape: &ConvShape, kept: bool) -> Self {
        if winograd::fits(shape, kept) {
            return Self::Winograd;
        }
        if shape.out_pixels() <= FEW_PIXELS && !kept { Self::Left } else { Self::Right }
    }
}

/// Convolves `image`, `[batch, height, width, in_channels]`, into
/// `[batch, out_height, out_width, out_channels]`. `on_block` is the epilogue: it gets each block
/// of output pixels while it is in the cache, with the index of the block's first pixel. Its
/// results are returned too, in order.
pub(crate) fn forward<T: Send>(
    image: &[f32],
    kernel: &Kernel,
    shape: &ConvShape,
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Buffer, Vec<T>) {
    let (pixels, channels) = (shape.out_pixels(), shape.out_channels);
    let kernel = match kernel {
        Kernel::Winograd(kernels) => {
            return winograd::convolve(image, kernels, Tiles::of(shape), on_block);
        }
        Kernel::Left(rows) => return forward_few(image, rows, shape, on_block),
        Kernel::Right(kernel) => kernel,
    };
    if shape.is_pointwise() || few_rows(pixels, kernel) {
        return parallel_product_then(
            &patches_of(image, shape, 0..pixels),
            pixels,
            kernel,
            on_block,
        );
    }
    let mut out = Buffer::new(pixels * channels);
    let block = block_rows(pixels, kernel);
    let results = out
        .par_chunks_mut(block * channels)
        .enumerate()
        .map_init(Buffer::default, |patches, (at, out)| {
            let rows = at * block..at * block + out.len() / channels;
            patches_product((image, shape), rows, kernel, out, patches);
            on_block(at * block, out)
        })
        .collect();
    (out, results)
}

/// Convolves few pixels, where the weight is the larger matrix: it is the left side of the product,
/// unpacked, and the small result is transposed.
fn forward_few<T: Send>(
    image: &[f32],
    kernel: &[f32],
    shape: &ConvShape,
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Buffer, Vec<T>) {
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let patches = patches_of(image, shape, 0..pixels);
    let patches =
        Packed::new(Source::Columns(&patches, len), len, pixels, multiplier_of_networks());
    let transposed = parallel_product(kernel, channels, &patches);
    let mut out = Buffer::new(pixels * channels);
    let block = pixels.div_ceil(2 * rayon::current_num_threads()).max(1);
    let results = out.par_chunks_mut(block * channels).enumerate().map(|(at, out)| {
        for (row, out) in out.chunks_exact_mut(channels).enumerate() {
            let from = transposed[at * block + row..].iter().step_by(pixels);
            out.iter_mut().zip(from).for_each(|(value, from)| *value = *from);
        }
        on_block(at * block, out)
    });
    let results = results.collect();
    (out, results)
}

/// Returns the im2col patches of some output pixels, row by row: the image itself for a pointwise
/// convolution, else gathered on all threads.
pub(super) fn patches_of<'a>(
    image: &'a [f32],
    shape: &ConvShape,
    rows: Range<usize>,
) -> Numbers<'a> {
    let len = shape.patch_len();
    if shape.is_pointwise() {
        return Numbers::Borrowed(&image[rows.start * len..rows.end * len]);
    }
    let mut patches = Buffer::new(rows.len() * len);
    let block = rows.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    patches.par_chunks_mut(block * len).enumerate().for_each(|(at, patches)| {
        let first = rows.start + at * block;
        gather(image, shape, first..first + patches.len() / len, patches);
    });
    Numbers::Owned(patches)
}

/// Computes the gradient with respect to the image as a convolution of the output's gradient with
/// the kernels rotated by 180 degrees, if a matrix unit reads its patches where they lie: it writes
/// no patches, as [`image_gradient`] does otherwise.
fn image_gradient_by_patches(
    kernel_rows: &[f32],
    gradient: &[f32],
    shape: &ConvShape,
) -> Option<Buffer> {
    let ConvShape { in_channels, out_channels, kernel_size, stride, padding, .. } = *shape;
    if stride != 1 || kernel_size == 1 || kernel_size != 2 * padding + 1 {
        return None;
    }
    let turned = ConvShape { in_channels: out_channels, out_channels: in_channels, ..*shape };
    let (inner, area) = (turned.patch_len(), kernel_size * kernel_size);
    if !reads_patches(&turned) {
        return None;
    }
    // From `[out, k, k, in]` to `[k, k, out, in]`, the last place first.
    let mut rows = Buffer::new(kernel_rows.len());
    rows.par_chunks_exact_mut(out_channels * in_channels).enumerate().for_each(|(place, rows)| {
        for (channel, row) in rows.chunks_exact_mut(in_channels).enumerate() {
            let from = (channel * area + area - 1 - place) * in_channels;
            row.copy_from_slice(&kernel_rows[from..from + in_channels]);
        }
    });
    let source = Source::Rows(&rows, in_channels);
    let kernel = Kernel::Right(Packed::new(source, inner, in_channels, multiplier_of_networks()));
    Some(forward(gradient, &kernel, &turned, |_, _| ()).0)
}

/// Computes the gradient with respect to the image from that with respect to the output.
pub(crate) fn image_gradient(weight: &[f32], gradient: &[f32], shape: &ConvShape) -> Buffer {
    if winograd::fits(shape, false) {
        return winograd::convolve(
            gradient,
            &Kernels::backward(weight, shape),
            Tiles::of(shape),
            |_, _| (),
        )
        .0;
    }
    let (pixels, channels, len) = (shape.out_pixels(), shape.out_channels, shape.patch_len());
    let source = rows_of(weight, shape);
    if let Some(image) = image_gradient_by_patches(&source, gradient, shape) {
        return image;
    }
    let kernel = Packed::new(Source::Rows(&source, len), channels, len, multiplier_of_networks());
    if shape.is_pointwise() {
        return parallel_product(gradient, pixels, &kernel);
    }
    let sample_len = shape.height * shape.width * shape.in_channels;
    let sample_pixels = pixels / shape.batch;
    let mut image = Buffer::new(shape.batch * sample_len);
    if few_rows(pixels, &kernel) {
        let patches = parallel_product(gradient, pixels, &kernel);
        image.par_chunks_mut(sample_len).enumerate().for_each(|(sample, image)| {
            image.fill(0.0);
            let rows = sample * sample_pixels..(sample + 1) * sample_pixels;
            scatter(&patches[rows.start * len..rows.end * len], shape, rows, sample, image);
        });
        return image;
    }
    // Each task takes whole images, so that no two threads add to the same one; several if they are
    // small, so that more rows are multiplied with each panel of the kernel.
    let group = (4 * ROWS)
        .div_ceil(sample_pixels)
        .min(shape.batch.div_ceil(rayon::current_num_threads()))
        .max(1);
    image.par_chunks_mut(group * sample_len).enumerate().for_each_init(
        || (Buffer::default(), Buffer::default()),
        |(patches, copy), (at, image)| {
            image.fill(0.0);
            let first = at * group;
            let end = (first + image.len() / sample_len) * sample_pixels;
            let block = block_rows(usize::MAX / 4, &kernel);
            for start in (first * sample_pixels..end).step_by(block) {
                let rows = start..(start + block).min(end);
                patches.reset(rows.len() * len);
                let left = &gradient[rows.start * channels..rows.end * channels];
                product(padded_rows(left, rows.len(), &kernel, copy), &kernel, patches);
                scatter(patches, shape, rows, first, image);
            }
        },
    );
    image
}
