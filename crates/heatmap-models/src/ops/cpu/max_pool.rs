//! Max pooling over images that lie channels last.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::patches::ConvShape;

/// The largest value under the window of each output pixel, and at which place of the window it was: the first of several,
/// as in PyTorch. `shape` has as many channels out as in, and at most 256 places in a window.
pub(crate) fn max_pool(image: &[f32], shape: &ConvShape) -> (Buffer, Vec<u8>) {
    let ConvShape { in_channels: channels, height, width, kernel_size, stride, padding, .. } = *shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let line = out_width * channels;
    let mut largest = Buffer::new(shape.out_pixels() * channels);
    let mut places = vec![0_u8; largest.len()];
    let lines = largest.par_chunks_mut(line).zip(places.par_chunks_mut(line)).enumerate();
    lines.for_each(|(at, (largest, places))| {
        largest.fill(f32::NEG_INFINITY);
        let (sample, out_row) = (at / out_height, at % out_height);
        let pixels = largest.chunks_exact_mut(channels).zip(places.chunks_exact_mut(channels)).enumerate();
        for (out_column, (largest, places)) in pixels {
            for place in 0..kernel_size * kernel_size {
                let (y, x) = (out_row * stride + place / kernel_size, out_column * stride + place % kernel_size);
                if y < padding || y >= height + padding || x < padding || x >= width + padding {
                    continue;
                }
                let from = ((sample * height + y - padding) * width + x - padding) * channels;
                let values = &image[from..from + channels];
                for ((largest, found), value) in largest.iter_mut().zip(places.iter_mut()).zip(values) {
                    let above = value > largest;
                    *largest = if above { *value } else { *largest };
                    *found = if above { place as u8 } else { *found };
                }
            }
        }
    });
    (largest, places)
}

/// The gradient of the image: each output's goes to the place it came from.
pub(crate) fn max_pool_backward(gradient: &[f32], places: &[u8], shape: &ConvShape) -> Buffer {
    let ConvShape { batch, in_channels: channels, height, width, kernel_size, stride, padding, .. } = *shape;
    let out_width = shape.out_width();
    let (sample_len, out_len) = (height * width * channels, gradient.len() / batch);
    let mut image = Buffer::new(batch * sample_len);
    let samples = image.par_chunks_mut(sample_len).zip(gradient.par_chunks(out_len)).zip(places.par_chunks(out_len));
    samples.for_each(|((image, gradient), places)| {
        image.fill(0.0);
        let pixels = gradient.chunks_exact(channels).zip(places.chunks_exact(channels)).enumerate();
        for (at, (gradient, places)) in pixels {
            let (top, left) = (at / out_width * stride, at % out_width * stride);
            for (channel, (gradient, place)) in gradient.iter().zip(places).enumerate() {
                let place = usize::from(*place);
                let (y, x) = (top + place / kernel_size - padding, left + place % kernel_size - padding);
                image[(y * width + x) * channels + channel] += gradient;
            }
        }
    });
    image
}
