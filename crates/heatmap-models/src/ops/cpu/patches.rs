//! Convolution as a product: the patches of an image as rows of a matrix, and back.
//!
//! Images lie channels last, [batch, height, width, channels]; a patch is a row of kernel_size *
//! kernel_size * channels values (im2col, Chellapilla et al. 2006).

use std::ops::Range;

/// Sizes of a convolution with a square kernel, the same stride and padding on all sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub(crate) batch: usize,
    pub(crate) in_channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_channels: usize,
    pub(crate) kernel_size: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl ConvShape {
    pub(crate) fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel_size) / self.stride + 1
    }

    pub(crate) fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel_size) / self.stride + 1
    }

    /// Pixels of the output, all images together: the rows of the product.
    pub(crate) fn out_pixels(&self) -> usize {
        self.batch * self.out_height() * self.out_width()
    }

    /// Values in a patch: the columns of the product's left side.
    pub(crate) fn patch_len(&self) -> usize {
        self.kernel_size * self.kernel_size * self.in_channels
    }

    /// Whether the image is its own matrix of patches.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel_size == 1 && self.stride == 1 && self.padding == 0
    }

    /// The part of a kernel's row `k` that lies inside the image when its first pixel is at `at -
    /// padding`, as (first pixel of the image, first place in the kernel, count).
    fn inside(&self, at: usize) -> (usize, usize, usize) {
        let first = self.padding.saturating_sub(at);
        let start = (at + first) - self.padding;
        let last = self.kernel_size.min(self.width + self.padding - at);
        (start, first, last.saturating_sub(first))
    }
}

/// Writes the patches of the output pixels `rows` (counted over all images) into `patches`, one
/// behind another.
pub(crate) fn gather(image: &[f32], shape: &ConvShape, rows: Range<usize>, patches: &mut [f32]) {
    let ConvShape { in_channels, height, width, kernel_size, stride, padding, .. } = *shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let line = kernel_size * in_channels;
    for (row, patch) in rows.zip(patches.chunks_exact_mut(shape.patch_len())) {
        let (at, column) = (row / out_width, row % out_width);
        let (sample, out_row) = (at / out_height, at % out_height);
        let (start, first, count) = shape.inside(column * stride);
        for (k, target) in patch.chunks_exact_mut(line).enumerate() {
            let y = out_row * stride + k;
            if y < padding || y >= height + padding {
                target.fill(0.0);
                continue;
            }
            let source = ((sample * height + y - padding) * width + start) * in_channels;
            let (left, rest) = target.split_at_mut(first * in_channels);
            let (middle, right) = rest.split_at_mut(count * in_channels);
            left.fill(0.0);
            middle.copy_from_slice(&image[source..source + count * in_channels]);
            right.fill(0.0);
        }
    }
}

/// Adds patches, one for each output pixel of
/// `rows`, onto the images they were gathered from; `image` begins with the sample `first_sample`.
pub(crate) fn scatter(
    patches: &[f32],
    shape: &ConvShape,
    rows: Range<usize>,
    first_sample: usize,
    image: &mut [f32],
) {
    let ConvShape { in_channels, height, width, kernel_size, stride, padding, .. } = *shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let line = kernel_size * in_channels;
    for (row, patch) in rows.zip(patches.chunks_exact(shape.patch_len())) {
        let (at, column) = (row / out_width, row % out_width);
        let (sample, out_row) = (at / out_height, at % out_height);
        let (start, first, count) = shape.inside(column * stride);
        for (k, source) in patch.chunks_exact(line).enumerate() {
            let y = out_row * stride + k;
            if y < padding || y >= height + padding {
                continue;
            }
            let target =
                (((sample - first_sample) * height + y - padding) * width + start) * in_channels;
            let source = &source[first * in_channels..(first + count) * in_channels];
            let target = &mut image[target..target + count * in_channels];
            target.iter_mut().zip(source).for_each(|(sum, value)| *sum += value);
        }
    }
}
