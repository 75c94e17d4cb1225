//! 3 x 3 convolution with stride 1 in fewer multiplications: Winograd's minimal filtering F(4 x 4,
//! 3 x 3).
//!
//! Lavin and Gray 2016. Images and kernels are transformed so that a tile of 4 x 4 outputs needs 36
//! products instead of 144. Over all channels and tiles, these are 36 matrix products. The price is
//! precision: sums are off by up to ten times as much as those of a direct convolution, which is a
//! few millionths of the largest.

mod tiles;
mod transform;

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::patches::ConvShape;
use super::product::{
    COLUMNS, Left, Multiplier, Packed, Source, add_columns_product, multiplier_of_networks, product,
};
use super::simd::vectorized;
pub(crate) use tiles::Tiles;
use tiles::{POINTS, Points};
use transform::{LANES, Lanes, both};

/// The approximate number of tiles that a thread processes at a time: their transforms stay in its
/// L2 cache.
const BLOCK: usize = 40;

/// Up to this many tiles, the kernels are larger than the image tiles that they are multiplied
/// with.
const FEW: usize = 64;

/// Returns whether Winograd's convolution pays for the weight gradient of a layer. Sums in the
/// transformed domain are four times as large as the weight, so it takes more tiles than the
/// forward pass.
pub(crate) fn fits_weight_gradient(shape: &ConvShape) -> bool {
    fits(shape, false) && Tiles::of(shape).count() >= 64
}

/// Returns whether Winograd's convolution pays for a layer: it has to be the right kind of
/// convolution, with enough tiles to make up for transforming the kernels. Fewer tiles suffice if
/// the kernels are `kept` for many calls.
pub(crate) fn fits(shape: &ConvShape, kept: bool) -> bool {
    /// The most values in transformed kernels that are used once.
    const MOST: usize = 4 * 1024 * 1024;
    let ConvShape {
        kernel_size, stride, padding, in_channels, out_channels, height, width, ..
    } = *shape;
    (kernel_size, stride, padding) == (3, 1, 1)
        && in_channels.is_multiple_of(LANES)
        && out_channels.is_multiple_of(LANES)
        && height.min(width) >= 4
        && (kept || POINTS * in_channels * out_channels <= MOST)
        && Tiles::of(shape).count() >= if kept { 8 } else { 24 }
        // Its products stay in f32: it adds and subtracts what would be rounded. A matrix unit that
        // rounds is faster without it.
        && !(multiplier_of_networks().is_unit() && multiplier_of_networks().rounds())
}

/// Transformed and packed kernels: one matrix for each of the 36 points of the transformed domain.
pub(crate) struct Kernels {
    points: Vec<Packed>,
}

impl Kernels {
    /// Transforms a weight for the forward pass, from the channels of the image to those of the
    /// output.
    pub(crate) fn forward(weight: &[f32], shape: &ConvShape) -> Self {
        let ConvShape { in_channels, out_channels, .. } = *shape;
        Self::new(in_channels, out_channels, |inner, column, place| {
            weight[(column * in_channels + inner) * 9 + place]
        })
    }

    /// Transforms a weight for the gradient with respect to the image: a convolution from output
    /// channels to input channels, with the kernels rotated by 180 degrees.
    pub(crate) fn backward(weight: &[f32], shape: &ConvShape) -> Self {
        let ConvShape { in_channels, out_channels, .. } = *shape;
        Self::new(out_channels, in_channels, |inner, column, place| {
            weight[(inner * in_channels + column) * 9 + 8 - place]
        })
    }

    /// Transforms the weights that `weight` returns for a row and a column of the matrices and a
    /// place in the kernel.
    fn new(
        inner: usize,
        columns: usize,
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let mut points: Vec<Packed> = (0..POINTS).map(|_| Packed::room(inner, columns)).collect();
        // A thread writes the same panel of all points, because a transform yields all points at
        // once.
        let mut panels: Vec<_> = points.iter_mut().map(Packed::panels_mut).collect();
        let shares: Vec<Vec<&mut [[f32; COLUMNS]]>> = (0..columns.div_ceil(COLUMNS))
            .map(|_| panels.iter_mut().filter_map(Iterator::next).collect())
            .collect();
        shares.into_par_iter().enumerate().for_each(|(panel, mut points)| {
            vectorized(
                #[inline(always)]
                || {
                    for row in 0..inner {
                        for half in 0..COLUMNS / LANES {
                            let first = panel * COLUMNS + half * LANES;
                            if first >= columns {
                                points
                                    .iter_mut()
                                    .for_each(|point| point[row][half * LANES..].fill(0.0));
                                continue;
                            }
                            let place = |y: usize, x: usize| {
                                let mut lanes = Lanes::ZERO;
                                for (lane, value) in lanes.0.iter_mut().enumerate() {
                                    *value = weight(row, first + lane, y * 3 + x);
                                }
                                lanes
                            };
                            both(transform::Kernel, place, |y, x, lanes| {
                                lanes.write(&mut points[y * 6 + x][row][half * LANES..]);
                            });
                        }
                    }
                },
            );
        });
        drop(panels);
        Self { points }
    }
}

/// Convolves `image`, `[batch, height, width, channels]`, with transformed kernels. `on_block` and
/// the result are those of [`forward`](super::conv::forward).
pub(crate) fn convolve<T: Send>(
    image: &[f32],
    kernels: &Kernels,
    tiles: Tiles,
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Buffer, Vec<T>) {
    let (inner, columns) = (kernels.points[0].rows(), kernels.points[0].columns());
    if tiles.count() <= FEW {
        return convolve_few(image, kernels, tiles, on_block);
    }
    let mut out = Buffer::new(tiles.pixels() * columns);
    let results = pieces(&mut out, tiles, columns)
        .into_par_iter()
        .map(|(strips, first_pixel, out)| {
            let count = tiles.tiles_of(&strips).len();
            let (mut left, mut results) =
                (Buffer::new(POINTS * count * inner), Buffer::new(POINTS * count * columns));
            let mut points: Points<'_> = left.chunks_exact_mut(count * inner).collect();
            vectorized(
                #[inline(always)]
                || tiles.transform_image(image, inner, strips.clone(), &mut points),
            );
            let points =
                left.chunks_exact(count * inner).zip(results.chunks_exact_mut(count * columns));
            for ((left, results), right) in points.zip(&kernels.points) {
                product(Left::rows(left, count, inner), right, results);
            }
            vectorized(
                #[inline(always)]
                || tiles.transform_results((&results, count * columns), columns, strips, out),
            );
            on_block(first_pixel, out)
        })
        .collect();
    (out, results)
}

/// Convolves few tiles. The kernels are then most of what is read, so threads share the points and
/// not the tiles: each kernel is read by one thread only.
fn convolve_few<T: Send>(
    image: &[f32],
    kernels: &Kernels,
    tiles: Tiles,
    on_block: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Buffer, Vec<T>) {
    let (inner, columns, count) =
        (kernels.points[0].rows(), kernels.points[0].columns(), tiles.count());
    let (mut left, mut results) =
        (Buffer::new(POINTS * count * inner), Buffer::new(POINTS * count * columns));
    let blocks: Vec<_> = tiles.blocks(BLOCK).collect();
    let targets = shares(&mut left, count, inner, (tiles, &blocks));
    blocks.into_par_iter().zip(targets).for_each(|(strips, mut points)| {
        vectorized(
            #[inline(always)]
            || tiles.transform_image(image, inner, strips, &mut points),
        );
    });
    let points =
        left.par_chunks_exact(count * inner).zip(results.par_chunks_exact_mut(count * columns));
    points.zip(&kernels.points).for_each(|((left, results), right)| {
        product(Left::rows(left, count, inner), right, results);
    });
    let mut out = Buffer::new(tiles.pixels() * columns);
    let results = pieces(&mut out, tiles, columns)
        .into_par_iter()
        .map(|(strips, first_pixel, out)| {
            let points = &results[tiles.tiles_of(&strips).start * columns..];
            vectorized(
                #[inline(always)]
                || tiles.transform_results((points, count * columns), columns, strips, out),
            );
            on_block(first_pixel, out)
        })
        .collect();
    (out, results)
}

/// Splits room for the transforms of `count` tiles, `[tiles, channels]` for each point, into that
/// of each run of strips.
fn shares<'a>(
    room: &'a mut [f32],
    count: usize,
    channels: usize,
    (tiles, runs): (Tiles, &[Range<usize>]),
) -> Vec<Points<'a>> {
    let mut rest: Points<'a> = room.chunks_exact_mut(count * channels).collect();
    let share = |strips: &Range<usize>| {
        let len = tiles.tiles_of(strips).len() * channels;
        rest.iter_mut().map(|rest| rest.split_off_mut(..len).unwrap_or_default()).collect()
    };
    runs.iter().map(share).collect()
}

/// Splits the output pixels into blocks: the strips, the index of the first pixel, and the pixels.
fn pieces(out: &mut [f32], tiles: Tiles, columns: usize) -> Vec<(Range<usize>, usize, &mut [f32])> {
    let mut rest = out;
    let piece = |strips: Range<usize>| {
        let pixels = tiles.pixels_of(&strips);
        let block = rest.split_off_mut(..pixels.len() * columns).unwrap_or_default();
        (strips, pixels.start, block)
    };
    tiles.blocks(BLOCK).map(piece).collect()
}

/// Computes the gradient with respect to the weight, `[out_channels, in_channels, 3, 3]`.
pub(crate) fn weight_gradient(image: &[f32], gradient: &[f32], shape: &ConvShape) -> Buffer {
    /// The number of tiles whose transforms are in memory at a time.
    const GROUP: usize = 640;
    let ConvShape { in_channels, out_channels, .. } = *shape;
    let tiles = Tiles::of(shape);
    let mut sums = Buffer::new(POINTS * out_channels * in_channels);
    let blocks: Vec<_> = tiles.blocks(BLOCK).collect();
    for (number, group) in blocks.chunks(GROUP / BLOCK).enumerate() {
        let count: usize = group.iter().map(|strips| tiles.tiles_of(strips).len()).sum();
        let mut images = Buffer::new(POINTS * count * in_channels);
        let mut gradients = Buffer::new(POINTS * count * out_channels);
        let of_images = shares(&mut images, count, in_channels, (tiles, group));
        let of_gradients = shares(&mut gradients, count, out_channels, (tiles, group));
        group.into_par_iter().zip(of_images).zip(of_gradients).for_each(
            |((strips, mut images), mut gradients)| {
                vectorized(
                    #[inline(always)]
                    || tiles.transform_image(image, in_channels, strips.clone(), &mut images),
                );
                vectorized(
                    #[inline(always)]
                    || {
                        tiles.transform_gradient(
                            gradient,
                            out_channels,
                            strips.clone(),
                            &mut gradients,
                        )
                    },
                );
            },
        );
        let points = sums.par_chunks_mut(out_channels * in_channels).enumerate();
        points.for_each_init(
            || (Packed::empty(Multiplier::Vector), Buffer::default()),
            |(right, copy), (point, sums)| {
                let images = &images[point * count * in_channels..][..count * in_channels];
                right.fill(Source::Rows(images, in_channels), count, in_channels);
                let gradients = &gradients[point * count * out_channels..][..count * out_channels];
                let left = (gradients, out_channels);
                add_columns_product(left, 0..out_channels, right, sums, number > 0, copy);
            },
        );
    }
    let mut weight = Buffer::new(out_channels * in_channels * 9);
    weight.par_chunks_mut(in_channels * 9).enumerate().for_each(|(row, weight)| {
        vectorized(
            #[inline(always)]
            || {
                for (half, weight) in weight.chunks_exact_mut(LANES * 9).enumerate() {
                    let at =
                        |point: usize| (point * out_channels + row) * in_channels + half * LANES;
                    let sum = |y: usize, x: usize| Lanes::read(&sums[at(y * 6 + x)..]);
                    both(transform::KernelGradient, sum, |y, x, lanes| {
                        for (channel, value) in lanes.0.iter().enumerate() {
                            weight[channel * 9 + y * 3 + x] = *value;
                        }
                    });
                }
            },
        );
    });
    weight
}
