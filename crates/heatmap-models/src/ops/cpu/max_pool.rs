//! Max pooling over channels-last images.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::patches::ConvShape;
use super::simd::vectorized;

/// Computes the largest value in the window of each output pixel. `shape` has as many output
/// channels as input channels.
pub(crate) fn max_pool(image: &[f32], shape: &ConvShape) -> Buffer {
    let mut largest = Buffer::new(shape.out_pixels() * shape.in_channels);
    let line = shape.out_width() * shape.in_channels;
    largest.par_chunks_mut(line).enumerate().for_each(|(at, largest)| {
        vectorized(
            #[inline(always)]
            || {
                windows(shape, at, |pixel, Place { first, .. }, from| {
                    let largest = &mut largest[pixel..pixel + shape.in_channels];
                    for (largest, value) in
                        largest.iter_mut().zip(&image[from..from + shape.in_channels])
                    {
                        *largest = if first | above(*value, *largest) { *value } else { *largest };
                    }
                });
            },
        );
    });
    largest
}

/// Returns whether `value` replaces the largest value so far. NaN does, and is not replaced by a
/// number, as in PyTorch.
#[inline(always)]
fn above(value: f32, largest: f32) -> bool {
    (value > largest) | value.is_nan()
}

/// Computes the same as [`max_pool`], and the place of each maximum in its window, counted row by
/// row: the first of equal ones, as in PyTorch. A window has at most 256 places.
///
/// # Panics
/// When a window has more places than a byte can number.
pub(crate) fn max_pool_with_places(image: &[f32], shape: &ConvShape) -> (Buffer, Vec<u8>) {
    assert!(shape.kernel_size <= 16, "a window of more than 256 places");
    let mut largest = Buffer::new(shape.out_pixels() * shape.in_channels);
    let mut places = vec![0_u8; largest.len()];
    let line = shape.out_width() * shape.in_channels;
    let lines = largest.par_chunks_mut(line).zip(places.par_chunks_mut(line)).enumerate();
    lines.for_each(|(at, (largest, places))| {
        vectorized(
            #[inline(always)]
            || {
                windows(shape, at, |pixel, Place { number, first }, from| {
                    let channels = pixel..pixel + shape.in_channels;
                    let both = largest[channels.clone()].iter_mut().zip(&mut places[channels]);
                    for ((largest, found), value) in
                        both.zip(&image[from..from + shape.in_channels])
                    {
                        let taken = first | above(*value, *largest);
                        *largest = if taken { *value } else { *largest };
                        *found = if taken { number as u8 } else { *found };
                    }
                });
            },
        );
    });
    (largest, places)
}

/// A place of a window that lies inside the image.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The index of the place in the whole window, row by row.
    number: usize,
    /// Whether it is the first place of the window that lies inside the image.
    first: bool,
}

/// Calls `each` for every place inside the image of every window of an output line, with the index
/// of the output pixel's first value in the line, the place, and the index of the input pixel's
/// first value in the images.
#[inline(always)]
fn windows(shape: &ConvShape, line: usize, mut each: impl FnMut(usize, Place, usize)) {
    let ConvShape { in_channels: channels, height, width, kernel_size, stride, padding, .. } =
        *shape;
    let (sample, out_row) = (line / shape.out_height(), line % shape.out_height());
    for out_column in 0..shape.out_width() {
        let mut first = true;
        for number in 0..kernel_size * kernel_size {
            let (y, x) = (
                out_row * stride + number / kernel_size,
                out_column * stride + number % kernel_size,
            );
            if y >= padding && y < height + padding && x >= padding && x < width + padding {
                let from = ((sample * height + y - padding) * width + x - padding) * channels;
                each(out_column * channels, Place { number, first }, from);
                first = false;
            }
        }
    }
}

/// Computes the gradient with respect to the image: each output's gradient is added at the place of
/// its maximum.
pub(crate) fn max_pool_backward(gradient: &[f32], places: &[u8], shape: &ConvShape) -> Buffer {
    let ConvShape {
        batch, in_channels: channels, height, width, kernel_size, stride, padding, ..
    } = *shape;
    let out_width = shape.out_width();
    let (sample_len, out_len) = (height * width * channels, gradient.len() / batch);
    let mut image = Buffer::new(batch * sample_len);
    let samples = image
        .par_chunks_mut(sample_len)
        .zip(gradient.par_chunks(out_len))
        .zip(places.par_chunks(out_len));
    samples.for_each(|((image, gradient), places)| {
        image.fill(0.0);
        let pixels = gradient.chunks_exact(channels).zip(places.chunks_exact(channels)).enumerate();
        for (at, (gradient, places)) in pixels {
            let (top, left) = (at / out_width * stride, at % out_width * stride);
            for (channel, (gradient, place)) in gradient.iter().zip(places).enumerate() {
                let place = usize::from(*place);
                let (y, x) =
                    (top + place / kernel_size - padding, left + place % kernel_size - padding);
                image[(y * width + x) * channels + channel] += gradient;
            }
        }
    });
    image
}
