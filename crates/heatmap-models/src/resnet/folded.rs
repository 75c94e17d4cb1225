//! [`FoldedResNet`]: the numbers of a residual network in evaluation mode, for inference without
//! Burn.
//!
//! With fixed running statistics, batch normalisation is a factor and a summand for each channel,
//! and both are folded into the convolution before it.

use burn::tensor::Tensor;

use super::block::Block;
use super::network::ResNet;
use crate::layers::ConvNorm;

/// A convolution with the batch normalisation after it folded in.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedConv {
    /// The numbers of output and of input channels, and the side of the square kernel.
    pub shape: [usize; 3],
    /// The stride. The image is padded with `kernel_size / 2` zeros on each side.
    pub stride: usize,
    /// The weight, `[out_channels, in_channels, kernel_size, kernel_size]`, row-major.
    pub weights: Vec<f32>,
    /// The bias of each output channel.
    pub bias: Vec<f32>,
}

/// The convolutions of a residual block.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedBlock {
    /// The convolutions of the branch, in order. ReLU follows each but the last, and follows the
    /// sum of the last one and the shortcut.
    pub branch: Vec<FoldedConv>,
    /// The convolution of the shortcut; `None` if the shortcut is the identity.
    pub shortcut: Option<FoldedConv>,
}

/// All convolutions of a residual network.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedResNet {
    /// The convolution of the stem, which ReLU follows.
    pub stem: FoldedConv,
    /// Whether 3x3 max pooling with stride 2 follows the stem's ReLU.
    pub pool: bool,
    /// The blocks of all stages, in order.
    pub blocks: Vec<FoldedBlock>,
}

impl ResNet {
    /// Returns the numbers of the network in evaluation mode, without its linear head.
    pub fn folded(&self) -> FoldedResNet {
        let blocks = self.stages.iter().flat_map(|stage| &stage.blocks);
        FoldedResNet {
            stem: self.stem.layer.folded(),
            pool: self.stem.pool.is_some(),
            blocks: blocks.map(Block::folded).collect(),
        }
    }
}

impl Block {
    fn folded(&self) -> FoldedBlock {
        FoldedBlock {
            branch: self.branch.iter().map(ConvNorm::folded).collect(),
            shortcut: self.shortcut.as_ref().map(ConvNorm::folded),
        }
    }
}

impl ConvNorm {
    fn folded(&self) -> FoldedConv {
        let [out_channels, in_channels, kernel_size, _] = self.conv.weight.dims();
        let [gamma, beta] =
            [&self.norm.gamma, &self.norm.beta].map(|parameter| numbers(parameter.val()));
        let [mean, variance] = [&self.norm.running_mean, &self.norm.running_var]
            .map(|running| numbers(running.value_sync()));
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| gamma / (variance + self.norm.epsilon).sqrt())
            .collect();
        let weights = numbers(self.conv.weight.val());
        let each = weights.len() / out_channels;
        FoldedConv {
            shape: [out_channels, in_channels, kernel_size],
            stride: self.conv.stride[0],
            weights: weights
                .iter()
                .enumerate()
                .map(|(at, weight)| (weight * scale[at / each]) as f32)
                .collect(),
            bias: (0..out_channels).map(|at| (beta[at] - mean[at] * scale[at]) as f32).collect(),
        }
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().try_to_vec().expect("converted to f64")
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;
    use crate::{Encoder, ResNetConfig, StemKind};

    /// The convolution of one image, `[channels, rows, columns]`.
    fn convolved(
        conv: &FoldedConv,
        x: &[f64],
        [rows, columns]: [usize; 2],
    ) -> (Vec<f64>, [usize; 2]) {
        let [outs, ins, size] = conv.shape;
        let out_size = [rows.div_ceil(conv.stride), columns.div_ceil(conv.stride)];
        let mut values = Vec::new();
        for (out, row, column) in (0..outs).flat_map(|o| {
            (0..out_size[0]).flat_map(move |r| (0..out_size[1]).map(move |c| (o, r, c)))
        }) {
            let mut sum = f64::from(conv.bias[out]);
            for (channel, down, right) in (0..ins)
                .flat_map(|c| (0..size).flat_map(move |d| (0..size).map(move |r| (c, d, r))))
            {
                let (y, x_) = (row * conv.stride + down, column * conv.stride + right);
                if (size / 2..rows + size / 2).contains(&y)
                    && (size / 2..columns + size / 2).contains(&x_)
                {
                    let at = (channel * rows + y - size / 2) * columns + x_ - size / 2;
                    sum += x[at]
                        * f64::from(
                            conv.weights[((out * ins + channel) * size + down) * size + right],
                        );
                }
            }
            values.push(sum);
        }
        (values, out_size)
    }

    fn relu(values: Vec<f64>) -> Vec<f64> {
        values.into_iter().map(|value| value.max(0.0)).collect()
    }

    #[test]
    fn the_numbers_compute_what_the_network_does() {
        let device = Device::flex();
        let config = ResNetConfig::resnet18()
            .with_base_width(4)
            .with_in_channels(3)
            .with_stem(StemKind::SmallImage);
        let network = config.init(&device);
        // A step in training mode, so that the statistics are not those of a fresh network.
        let training = config.init(&device.clone().autodiff());
        _ = training.forward_features(Tensor::random(
            [4, 3, 9, 8],
            Distribution::Default,
            &device.clone().autodiff(),
        ));
        for network in [network, burn::module::Module::valid(&training)] {
            let images = Tensor::random([1, 3, 9, 8], Distribution::Default, &device);
            let expected = numbers(network.forward_features(images.clone()));
            let folded = network.folded();
            assert!(!folded.pool && folded.blocks.len() == 8);
            let (x, mut size) = convolved(&folded.stem, &numbers(images), [9, 8]);
            let mut x = relu(x);
            for FoldedBlock { branch, shortcut } in &folded.blocks {
                let past = shortcut.as_ref().map_or(x.clone(), |conv| convolved(conv, &x, size).0);
                let (inner, inner_size) = convolved(&branch[0], &x, size);
                let (outer, outer_size) = convolved(&branch[1], &relu(inner), inner_size);
                size = outer_size;
                x = relu(outer.iter().zip(past).map(|(a, b)| a + b).collect());
            }
            let places = size[0] * size[1];
            for (channel, expected) in expected.iter().enumerate() {
                let mean = x[channel * places..][..places].iter().sum::<f64>() / places as f64;
                assert!(
                    (mean - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                    "{mean} {expected}"
                );
            }
        }
    }
}
