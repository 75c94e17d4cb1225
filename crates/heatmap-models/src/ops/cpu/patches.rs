//! Convolution as a matrix product: `gather` writes the patches of an image as the rows of a matrix
//! (im2col, Chellapilla et al. 2006), and `scatter` adds them back (col2im).
//!
//! Images are channels last, `[batch, height, width, channels]`; a patch is a row of
//! `kernel_size * kernel_size * channels` values.

use std::ops::Range;

/// The sizes of a convolution with a square kernel and the same stride and padding in both
/// directions.
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
    /// Returns the height of the output.
    ///
    /// # Panics
    /// When the padded image is smaller than the kernel.
    pub(crate) fn out_height(&self) -> usize {
        self.out_side(self.height)
    }

    /// Returns the width of the output.
    ///
    /// # Panics
    /// When the padded image is smaller than the kernel.
    pub(crate) fn out_width(&self) -> usize {
        self.out_side(self.width)
    }

    fn out_side(&self, side: usize) -> usize {
        let places = (side + 2 * self.padding).checked_sub(self.kernel_size);
        places.expect("a kernel that fits into the padded image") / self.stride + 1
    }

    /// The number of output pixels in the whole batch: the rows of the product.
    pub(crate) fn out_pixels(&self) -> usize {
        self.batch * self.out_height() * self.out_width()
    }

    /// The number of values in a patch: the columns of the product's left side.
    pub(crate) fn patch_len(&self) -> usize {
        self.kernel_size * self.kernel_size * self.in_channels
    }

    /// Returns whether the patches are the image itself, as for a 1x1 convolution without stride or
    /// padding.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel_size == 1 && self.stride == 1 && self.padding == 0
    }

    /// Returns the part of a kernel row that lies inside the image if its first place is at column
    /// `at - padding` of the image, as (first column of the image, first place in the kernel row,
    /// count).
    fn inside(&self, at: usize) -> (usize, usize, usize) {
        let first = self.padding.saturating_sub(at);
        let start = (at + first) - self.padding;
        let last = self.kernel_size.min(self.width + self.padding - at);
        (start, first, last.saturating_sub(first))
    }
}

/// The patches of an image as the rows of a matrix, without a copy. Values that lie beside each
/// other in a patch and in one pixel are read as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patches<'a> {
    image: &'a [f32],
    shape: ConvShape,
    /// The output pixel of the first row, counted over the whole batch.
    first: usize,
    /// The first column.
    column: usize,
}

/// Where a patch begins in the padded image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatchStart {
    sample: usize,
    y: usize,
    x: usize,
}

/// Some values of every patch: in which of its pixels, and from which channel on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    y: usize,
    x: usize,
    channel: usize,
}

impl<'a> Patches<'a> {
    /// Takes the patches from an output pixel on, and of them the columns from `column` on.
    pub(crate) fn new(image: &'a [f32], shape: &ConvShape, first: usize, column: usize) -> Self {
        Self { image, shape: *shape, first, column }
    }

    /// Returns whether any `count` values of a patch, from a multiple of it on, lie in one pixel.
    pub(crate) fn fit(shape: &ConvShape, count: usize) -> bool {
        shape.in_channels.is_multiple_of(count)
    }

    /// Returns where the patch of a row begins.
    pub(crate) fn start(&self, row: usize) -> PatchStart {
        let (width, height) = (self.shape.out_width(), self.shape.out_height());
        let (at, column) = ((self.first + row) / width, (self.first + row) % width);
        let stride = self.shape.stride;
        PatchStart { sample: at / height, y: at % height * stride, x: column * stride }
    }

    /// Returns where the values of a column lie in a patch.
    pub(crate) fn place(&self, column: usize) -> Place {
        let ConvShape { in_channels, kernel_size, .. } = self.shape;
        let (pixel, channel) =
            ((self.column + column) / in_channels, (self.column + column) % in_channels);
        Place { y: pixel / kernel_size, x: pixel % kernel_size, channel }
    }

    /// Returns `count` values of a patch, which must lie in one pixel; none if that is padding.
    #[inline(always)]
    pub(crate) fn values(&self, start: PatchStart, place: Place, count: usize) -> &'a [f32] {
        let ConvShape { in_channels, height, width, padding, .. } = self.shape;
        // Beside the image, the difference wraps to a large number.
        let y = (start.y + place.y).wrapping_sub(padding);
        let x = (start.x + place.x).wrapping_sub(padding);
        if y >= height || x >= width {
            return &[];
        }
        let from = ((start.sample * height + y) * width + x) * in_channels + place.channel;
        &self.image[from..from + count]
    }
}

/// Writes the patches of the output pixels `rows`, which are counted over the whole batch, into
/// `patches`, one after another.
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

/// Adds patches, one for each of the output pixels `rows`, to the image pixels that [`gather`]
/// reads them from. The first image in `image` is that of sample `first_sample`.
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
