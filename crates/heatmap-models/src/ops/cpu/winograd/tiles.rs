//! How an image is cut into tiles of 4 x 4 results, and the way of its numbers into the transforms
//! and out of them.

use std::ops::Range;

use super::super::patches::ConvShape;
use super::transform::{self, LANES, Lanes, both};

/// Results along a side of a tile.
const SIDE: usize = 4;

/// Products that a tile takes: a tile is made of 6 x 6 numbers of the image.
pub(crate) const POINTS: usize = 36;

/// Where the transforms of some tiles go: `[tiles, channels]` for each point.
pub(super) type Points<'a> = Vec<&'a mut [f32]>;

/// The tiles of a batch of images. A strip is a row of tiles; strips are counted over all images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    batch: usize,
    height: usize,
    width: usize,
}

impl Tiles {
    pub(crate) fn of(shape: &ConvShape) -> Self {
        Self { batch: shape.batch, height: shape.height, width: shape.width }
    }

    /// Tiles in a strip.
    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(SIDE)
    }

    /// Strips in an image.
    fn down(&self) -> usize {
        self.height.div_ceil(SIDE)
    }

    pub(super) fn count(&self) -> usize {
        self.batch * self.down() * self.across()
    }

    pub(super) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Runs of strips with about so many tiles, at least enough of them that every thread has some.
    pub(super) fn blocks(&self, tiles: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let strips = self.batch * self.down();
        let share = strips.div_ceil(2 * rayon::current_num_threads());
        let run = (tiles / self.across()).clamp(1, share.max(1));
        (0..strips).step_by(run).map(move |first| first..(first + run).min(strips))
    }

    /// The pixels that strips cover.
    pub(super) fn pixels_of(&self, strips: &Range<usize>) -> Range<usize> {
        let first = |strip: usize| {
            let (image, down) = (strip / self.down(), strip % self.down());
            (image * self.height + down * SIDE) * self.width
        };
        first(strips.start)..first(strips.end)
    }

    /// The tiles of strips, counted as strips are.
    pub(super) fn tiles_of(&self, strips: &Range<usize>) -> Range<usize> {
        strips.start * self.across()..strips.end * self.across()
    }

    /// `image` to `[tiles, channels]` for each point.
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
                // The image begins one pixel before the tile.
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

    /// `[tiles, channels]` for each point, a `plane` of numbers from one point to the next, to the
    /// pixels of the strips.
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

    /// The gradient of the result to `[tiles, channels]` for each point.
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

    /// Sample, row and column of the first result of each tile.
    #[inline(always)]
    fn corners(&self, strips: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (across, down) = (self.across(), self.down());
        strips.flat_map(move |strip| {
            (0..across).map(move |column| (strip / down, strip % down * SIDE, column * SIDE))
        })
    }
}
