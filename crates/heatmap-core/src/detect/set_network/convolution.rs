//! [`Convolution`]: a small convolution layer with a bias, for one image at a time.

use crate::{Error, Result};

/// A two-dimensional convolution with a square kernel of odd size, zero-padded so that stride 1
/// keeps the size of the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    in_channels: usize,
    out_channels: usize,
    kernel_size: usize,
    stride: usize,
    /// Indexed `[out_channels / LANES, kernel_size, kernel_size, in_channels]`; each entry holds
    /// the weights of [`LANES`] output channels, padded with zeros at the end. This is the order in
    /// which they are read.
    weights: Vec<[f32; LANES]>,
    /// The biases in blocks of [`LANES`], padded in the same way.
    bias: Vec<[f32; LANES]>,
}

/// Activations, `[rows, columns, channels]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activations {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

/// Number of output channels that are summed together.
const LANES: usize = 8;
/// Number of neighbouring output columns that are summed together.
const ABREAST: usize = 6;

impl Convolution {
    /// Makes the layer from weights `[out_channels, in_channels, kernel_size, kernel_size]`
    /// (row-major) and one bias for each output channel. `shape` is `[out_channels, in_channels,
    /// kernel_size]`.
    ///
    /// # Errors
    /// When there are not as many numbers as the shape says, not all are finite, the kernel size is
    /// even, or a size or the stride is 0.
    pub fn new(shape: [usize; 3], stride: usize, weights: &[f32], bias: &[f32]) -> Result<Self> {
        let [out_channels, in_channels, kernel_size] = shape;
        let wrong = |reason: String| {
            Err(Error::Data(format!("a convolution of shape {shape:?}: {reason}")))
        };
        if shape.contains(&0) || kernel_size.is_multiple_of(2) || stride == 0 {
            return wrong("takes channels, a stride and a kernel of odd size".to_owned());
        }
        let area = kernel_size * kernel_size;
        if weights.len() != out_channels * in_channels * area || bias.len() != out_channels {
            return wrong(format!("{} weights and {} biases", weights.len(), bias.len()));
        }
        if !weights.iter().chain(bias).all(|value| value.is_finite()) {
            return wrong("a weight is not finite".to_owned());
        }
        let blocks = out_channels.div_ceil(LANES);
        let mut packed = Self {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            weights: vec![[0.0; LANES]; blocks * area * in_channels],
            bias: vec![[0.0; LANES]; blocks],
        };
        for (out, (own, bias)) in weights.chunks_exact(in_channels * area).zip(bias).enumerate() {
            packed.bias[out / LANES][out % LANES] = *bias;
            for (at, weight) in own.iter().enumerate() {
                let place = packed.place(out, at / area, at % area);
                packed.weights[place][out % LANES] = *weight;
            }
        }
        Ok(packed)
    }

    /// Returns the number of output channels, of input channels, and the kernel size.
    pub fn shape(&self) -> [usize; 3] {
        [self.out_channels, self.in_channels, self.kernel_size]
    }

    /// Returns the stride.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Returns the weights in the order that [`Convolution::new`] takes them.
    pub fn weights(&self) -> Vec<f32> {
        let area = self.kernel_size * self.kernel_size;
        let channels = (0..self.out_channels)
            .flat_map(|out| (0..self.in_channels).map(move |channel| (out, channel)));
        let of = |(out, channel)| {
            (0..area).map(move |tap| self.weights[self.place(out, channel, tap)][out % LANES])
        };
        channels.flat_map(of).collect()
    }

    /// Index into `weights` of the block with the weight of this kernel position.
    fn place(&self, out: usize, channel: usize, tap: usize) -> usize {
        (out / LANES * self.kernel_size * self.kernel_size + tap) * self.in_channels + channel
    }

    /// Returns the bias of each output channel.
    pub fn bias(&self) -> &[f32] {
        &self.bias.as_flattened()[..self.out_channels]
    }

    /// Applies the layer to `x`, adds `shortcut` if there is one, and applies ReLU if `relu` is
    /// set.
    #[inline(always)]
    pub(super) fn forward(
        &self,
        x: &Activations,
        shortcut: Option<&Activations>,
        relu: bool,
    ) -> Activations {
        debug_assert_eq!(x.channels, self.in_channels);
        let padding = self.kernel_size / 2;
        let (rows, columns) = (x.rows.div_ceil(self.stride), x.columns.div_ceil(self.stride));
        // Zero padding on all sides, plus extra columns on the right, so that the last outputs of a
        // row can also be computed `ABREAST` at a time.
        let across = x.columns + 2 * padding + ABREAST * self.stride;
        let line = across * x.channels;
        let mut padded = vec![0.0; (x.rows + 2 * padding) * line];
        for (row, values) in x.values.chunks_exact(x.columns * x.channels).enumerate() {
            let start = (row + padding) * line + padding * x.channels;
            padded[start..start + values.len()].copy_from_slice(values);
        }
        let mut values = vec![0.0; rows * columns * self.out_channels];
        let each = self.kernel_size * self.kernel_size * self.in_channels;
        for row in 0..rows {
            for first in (0..columns).step_by(ABREAST) {
                let origin = row * self.stride * line + first * self.stride * x.channels;
                for (block, (weights, bias)) in
                    self.weights.chunks_exact(each).zip(&self.bias).enumerate()
                {
                    let sums = self.sums(&padded[origin..], line, weights, *bias);
                    for (column, sums) in (first..columns).zip(sums) {
                        let start = (row * columns + column) * self.out_channels;
                        let places = start + block * LANES
                            ..start + self.out_channels.min((block + 1) * LANES);
                        match shortcut {
                            Some(shortcut) => {
                                let past = &shortcut.values[places.clone()];
                                for ((value, sum), past) in
                                    values[places].iter_mut().zip(sums).zip(past)
                                {
                                    *value = limited(sum + past, relu);
                                }
                            }
                            None => values[places]
                                .iter_mut()
                                .zip(sums)
                                .for_each(|(v, sum)| *v = limited(sum, relu)),
                        }
                    }
                }
            }
        }
        Activations { rows, columns, channels: self.out_channels, values }
    }

    /// Computes one block of output channels for [`ABREAST`] neighbouring outputs. `padded` starts
    /// at the corner of the first output's kernel; `line` is the length of one padded row.
    #[inline(always)]
    fn sums(
        &self,
        padded: &[f32],
        line: usize,
        weights: &[[f32; LANES]],
        bias: [f32; LANES],
    ) -> [[f32; LANES]; ABREAST] {
        let mut sums = [bias; ABREAST];
        let (size, step) = (self.kernel_size * self.in_channels, self.stride * self.in_channels);
        for (down, weights) in weights.chunks_exact(size).enumerate() {
            // All slices have the same known length, so the loop needs no bounds checks.
            let values: [&[f32]; ABREAST] =
                std::array::from_fn(|column| &padded[down * line + column * step..][..size]);
            for at in 0..size {
                for column in 0..ABREAST {
                    for lane in 0..LANES {
                        sums[column][lane] += values[column][at] * weights[at][lane];
                    }
                }
            }
        }
        sums
    }
}

/// The value after ReLU if `relu` is set, else unchanged.
#[inline(always)]
fn limited(value: f32, relu: bool) -> f32 {
    if relu && value < 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand::RngExt;

    #[test]
    fn the_convolution_is_the_naive_sum() {
        let mut rng = sample_rng(2, 0);
        let mut draw =
            |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random::<f32>() - 0.5).collect() };
        for (shape, stride, rows, columns) in [
            ([8, 11, 3], 1, 5, 7),
            ([5, 3, 3], 2, 6, 9),
            ([16, 8, 1], 2, 7, 4),
            ([9, 2, 5], 2, 4, 13),
        ] {
            let [outs, ins, size] = shape;
            let (weights, bias) = (draw(outs * ins * size * size), draw(outs));
            let convolution = Convolution::new(shape, stride, &weights, &bias).unwrap();
            assert_eq!((convolution.weights(), convolution.bias()), (weights.clone(), &bias[..]));
            let x =
                Activations { rows, columns, channels: ins, values: draw(rows * columns * ins) };
            let got = convolution.forward(&x, None, false);
            let shortcut = Activations { values: draw(got.values.len()), ..got.clone() };
            let with = convolution.forward(&x, Some(&shortcut), true);
            assert_eq!((got.rows, got.columns), (rows.div_ceil(stride), columns.div_ceil(stride)));
            for row in 0..got.rows {
                for column in 0..got.columns {
                    for out in 0..outs {
                        let mut sum = f64::from(bias[out]);
                        for (channel, down, right) in (0..ins).flat_map(|c| {
                            (0..size).flat_map(move |d| (0..size).map(move |r| (c, d, r)))
                        }) {
                            let (y, x_) = (row * stride + down, column * stride + right);
                            let inside = |at: usize, size_: usize| {
                                (size / 2..size_ + size / 2).contains(&at)
                            };
                            if inside(y, rows) && inside(x_, columns) {
                                let at = ((y - size / 2) * columns + x_ - size / 2) * ins + channel;
                                let weight =
                                    weights[((out * ins + channel) * size + down) * size + right];
                                sum += f64::from(x.values[at]) * f64::from(weight);
                            }
                        }
                        let at = (row * got.columns + column) * outs + out;
                        assert!((f64::from(got.values[at]) - sum).abs() < 1e-5);
                        let with_shortcut = (sum + f64::from(shortcut.values[at])).max(0.0);
                        assert!((f64::from(with.values[at]) - with_shortcut).abs() < 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_convolution_is_an_error() {
        assert!(Convolution::new([1, 1, 2], 1, &[0.0; 4], &[0.0]).is_err());
        assert!(Convolution::new([1, 1, 3], 1, &[0.0; 8], &[0.0]).is_err());
        assert!(Convolution::new([1, 1, 3], 1, &[f32::NAN; 9], &[0.0]).is_err());
        assert!(Convolution::new([0, 1, 3], 1, &[], &[]).is_err());
    }
}
