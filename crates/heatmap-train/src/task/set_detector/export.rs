//! Exports a trained detector as a network that `heatmap-core` evaluates without Burn.

use heatmap_core::detect::{Convolution, ResidualBlock, SetNetwork};
use heatmap_models::{FoldedConv, FoldedResNet, ResNet};

use super::SetDetector;
use crate::{Error, Result};

impl SetDetector<ResNet> {
    /// Returns the network in evaluation mode, with normalisation folded into the convolutions, in
    /// single precision.
    ///
    /// # Errors
    /// Returns an error when the network has a stem with pooling or bottleneck blocks, which
    /// `heatmap-core` does not implement.
    pub fn network(&self) -> Result<SetNetwork> {
        let FoldedResNet { stem, pool, blocks } = self.encoder.folded();
        if pool {
            return Err(Error::config(
                "stem",
                "standard",
                "a set network has no pooling; use small-image",
            ));
        }
        let convolution = |conv: &FoldedConv| {
            Convolution::new(conv.shape, conv.stride, &conv.weights, &conv.bias)
        };
        let mut residual = Vec::new();
        for block in &blocks {
            let [first, second] = &block.branch[..] else {
                return Err(Error::config(
                    "block",
                    "Bottleneck",
                    "a set network has blocks of two convolutions",
                ));
            };
            let shortcut = block.shortcut.as_ref().map(convolution).transpose()?;
            residual.push(ResidualBlock {
                branch: [convolution(first)?, convolution(second)?],
                shortcut,
            });
        }
        let numbers = |data: burn::tensor::TensorData| {
            data.convert::<f32>().try_to_vec::<f32>().expect("converted to f32")
        };
        let head = numbers(self.head.weight.val().into_data());
        let bias = self.head.bias.as_ref().map_or(0.0, |bias| numbers(bias.val().into_data())[0]);
        Ok(SetNetwork::new(convolution(&stem)?, residual, head, bias)?)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::{Device, Distribution, Tensor};
    use burn::train::TrainStep;
    use heatmap_core::detect::{BannerMaps, CHANNELS};
    use heatmap_models::{ResNetConfig, StemKind};

    use super::*;
    use crate::data::SetBatch;

    #[test]
    fn the_core_computes_what_burn_does() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let encoder = ResNetConfig::resnet18()
            .with_base_width(8)
            .with_in_channels(CHANNELS)
            .with_stem(StemKind::SmallImage);
        let task = SetDetector::new(encoder.init(&device), &device);
        let shape = [6, CHANNELS, BannerMaps::ROWS, BannerMaps::COLUMNS];
        // Statistics of normalisation that are not those of a fresh network.
        let planes = Tensor::random(shape, Distribution::Default, &device);
        _ = TrainStep::step(
            &task,
            SetBatch { planes, broken: vec![true, false, true, false, true, false] },
        );
        let task = task.valid();
        let network = task.network().expect("a network that the core knows");
        let planes = Tensor::<4>::random(shape, Distribution::Default, &Device::flex());
        let expected: Vec<f64> =
            task.logits(planes.clone()).into_data().convert::<f64>().try_to_vec().expect("f64");
        let planes: Vec<f32> = planes.into_data().try_to_vec().expect("f32");
        for (planes, expected) in planes.chunks_exact(CHANNELS * BannerMaps::POINTS).zip(expected) {
            let logit = network.logit(planes);
            assert!((logit - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{logit} {expected}");
        }
    }

    #[test]
    fn what_the_core_does_not_compute_is_refused() {
        let device = Device::flex();
        let config = ResNetConfig::resnet18().with_base_width(4).with_in_channels(CHANNELS);
        let error = SetDetector::new(config.init(&device), &device)
            .network()
            .expect_err("pooling")
            .to_string();
        assert!(error.contains("no pooling"), "{error}");
        let config = ResNetConfig::resnet50()
            .with_base_width(4)
            .with_in_channels(CHANNELS)
            .with_stem(StemKind::SmallImage);
        let error = SetDetector::new(config.init(&device), &device)
            .network()
            .expect_err("bottlenecks")
            .to_string();
        assert!(error.contains("two convolutions"), "{error}");
    }
}
