//! [`Tiles`]: how an image is divided into tiles of 4 x 4 outputs, and how values are read into the
//! transforms and written from them.

use std::ops::Range;

use super::super::patches::ConvShape;
use super::transform::{self, LANES, Lanes, both};

/// The outputs along a side of a tile.
const SIDE: usize = 4;

/// The points of the transformed domain: a tile is made from 6 x 6 pixels of the image, and needs
/// one product at each.
pub(crate) const POINTS: usize = 36;

/// Destinations for the transforms of some tiles: `[tiles, channels]` for each point.
pub(super) type Points<'a> = Vec<&'a mut [f32]>;

/// The tiles of a batch of images. A strip is a row of tiles; strips are counted over the whole
/// batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    batch: usize,
    height: usize,
    width: usize,
}

impl Tiles {
    /// Returns the tiles of a layer's images.
    pub(crate) fn of(shape: &ConvShape) -> Self {
        Self { batch: shape.batch, height: shape.height, width: shape.width }
    }

    /// Returns the number of tiles in a strip.
    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(SIDE)
    }

    /// Returns the number of strips in an image.
    fn down(&self) -> usize {
        self.height.div_ceil(SIDE)
    }

    /// Returns the number of tiles in the batch.
    pub(super) fn count(&self) -> usize {
        self.batch * self.down() * self.across()
    }

    /// Returns the number of pixels in the batch.
    pub(super) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Divides the strips into runs of about `tiles` tiles, and into enough runs that every thread
    /// has some.
    pub(super) fn blocks(&self, tiles: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let strips = self.batch * self.down();
        let share = strips.div_ceil(2 * rayon::current_num_threads());
        let run = (tiles / self.across()).clamp(1, share.max(1));
        (0..strips).step_by(run).map(move |first| first..(first + run).min(strips))
    }

    /// Returns the range of pixels that strips cover.
    pub(super) fn pixels_of(&self, strips: &Range<usize>) -> Range<usize> {
        let first = |strip: usize| {
            let (image, down) = (strip / self.down(), strip % self.down());
            (image * self.height + down * SIDE) * self.width
        };
        first(strips.start)..first(strips.end)
    }

    /// Returns the range of tiles in strips, counted over the whole batch.
    pub(super) fn tiles_of(&self, strips: &Range<usize>) -> Range<usize> {
        strips.start * self.across()..strips.end * self.across()
    }

    /// Transforms image tiles, into `[tiles, channels]` for each point.
    #[inline(always)]
    pub(super) fn transform_image(
        &self,
        image: &[f32],
        channels: usize,
        strips: Range<usize>,
        out: &mut Points<'_>,
    ) {
        for (at, (sample, y, x)) in self.corners(strips).enumerate() {
            for first in (0..channels).step_by(LANES) {
                // The 6 x 6 pixels begin one pixel above and to the left of the tile (padding 1).
                let pixel = |row: usize, column: usize| {
                    let (row, column) = ((y + row).wrapping_sub(1), (x + column).wrapping_sub(1));
                    if row >= self.height || column >= self.width {
                        return Lanes::ZERO;
                    }
                    Lanes::read(
                        &image[((sample * self.height + row) * self.width + column) * channels
                            + first..],
                    )
                };
                let write = |row: usize, column: usize, lanes: Lanes| {
                    lanes.write(&mut out[row * 6 + column][at * channels + first..]);
                };
                both(transform::Image, pixel, write);
            }
        }
    }

    /// Transforms products back into the output pixels of the strips. The products are
    /// `[tiles, channels]` for each point, with `plane` values from one point to the next.
    #[inline(always)]
    pub(super) fn transform_results(
        &self,
        (points, plane): (&[f32], usize),
        channels: usize,
        strips: Range<usize>,
        out: &mut [f32],
    ) {
        let begin = self.pixels_of(&strips).start;
        for (at, (sample, y, x)) in self.corners(strips).enumerate() {
            for first in (0..channels).step_by(LANES) {
                let points = &points[at * channels + first..];
                let point =
                    |row: usize, column: usize| Lanes::read(&points[(row * 6 + column) * plane..]);
                both(transform::Output, point, |row, column, lanes| {
                    if y + row < self.height && x + column < self.width {
                        let pixel =
                            (sample * self.height + y + row) * self.width + x + column - begin;
                        lanes.write(&mut out[pixel * channels + first..]);
                    }
                });
            }
        }
    }

    /// Transforms the gradient with respect to the output, into `[tiles, channels]` for each point.
    #[inline(always)]
    pub(super) fn transform_gradient(
        &self,
        gradient: &[f32],
        channels: usize,
        strips: Range<usize>,
        out: &mut Points<'_>,
    ) {
        for (at, (sample, y, x)) in self.corners(strips).enumerate() {
            for first in (0..channels).step_by(LANES) {
                let pixel = |row: usize, column: usize| {
                    if y + row >= self.height || x + column >= self.width {
                        return Lanes::ZERO;
                    }
                    let pixel = (sample * self.height + y + row) * self.width + x + column;
                    Lanes::read(&gradient[pixel * channels + first..])
                };
                let write = |row: usize, column: usize, lanes: Lanes| {
                    lanes.write(&mut out[row * 6 + column][at * channels + first..]);
                };
                both(transform::OutputGradient, pixel, write);
            }
        }
    }

    /// Yields the sample, row and column of the first output of each tile.
    #[inline(always)]
    fn corners(&self, strips: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (across, down) = (self.across(), self.down());
        strips.flat_map(move |strip| {
            (0..across).map(move |column| (strip / down, strip % down * SIDE, column * SIDE))
        })
    }
}
