//! What `count` and `location` share: their arguments, and what these say about the configuration.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use heatmap_core::Normalization;
use heatmap_models::{ModelName, StemKind};
use heatmap_train::data::ImageConfig;
use heatmap_train::run::FineTuneConfig;

use crate::start::RunArguments;

/// Encoder, data and optimisation.
#[derive(Debug, Clone, Args)]
pub struct FineTuneArguments {
    /// Synthetic data set: count-report, count-separable, location-report, location-separable or
    /// simclr-report [default: that of the report]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Samples to train on, each of them once: the training budget [default: 96000]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// Encoder: resnet18 to resnet152, or vit-ti8, vit-ti16, vit-s8 and so on [default: resnet50]
    #[arg(long, visible_alias = "architecture", value_name = "NAME")]
    arch: Option<ModelName>,

    /// First layers of a ResNet from scratch: standard (an image shrinks to a quarter), half-image
    /// or small-image (not at all) [default: standard]
    #[arg(long, value_name = "NAME")]
    stem: Option<StemKind>,

    /// Weights to start from: a .safetensors, .pth or .bin file, ours or of torchvision, timm or
    /// transformers
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Leading parts of the encoder that keep their weights: of a ResNet the stem and its stages,
    /// of a ViT the patches and its blocks; needs --weights [default: 0]
    #[arg(long, value_name = "N")]
    freeze: Option<usize>,

    /// Size of the images in px, such as 64 or 52x60 (height x width); a bin becomes a square of as
    /// many px as fit [default: 64]
    #[arg(long, value_name = "PX")]
    image_size: Option<ImageSize>,

    /// Scaling of the heatmaps: max, total, log1p, sqrt, logcounts or sqrtcounts [default:
    /// logcounts]
    #[arg(long, value_name = "NAME")]
    normalization: Option<Normalization>,

    /// Samples in a batch [default: 64]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// Largest learning rate of AdamW [default: 0.001]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,

    /// Share of the batches in which the rate rises to it; then it falls to zero along a cosine
    /// [default: 0.15]
    #[arg(long, value_name = "SHARE")]
    warmup: Option<f64>,

    /// Weight decay of AdamW [default: 0.01]
    #[arg(long, value_name = "FACTOR")]
    weight_decay: Option<f64>,

    /// Stop after so many checkpoints without a better score on held-out samples [default: never]
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Batches between checkpoints, and between looks at held-out samples [default: a tenth of all]
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<usize>,

    /// Where the settings come from.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `64` or `52x60`, height by width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ImageSize {
    height: usize,
    width: usize,
}

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| "not a number of px such as 64, or two such as 52x60".to_owned())
        };
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        Ok(Self { height: number(height)?, width: number(width)? })
    }
}

impl FineTuneArguments {
    /// `config` with what the user said in its place.
    pub fn overlay(&self, seed: Option<u64>, config: FineTuneConfig) -> FineTuneConfig {
        let ImageConfig { height, width, .. } = config.image;
        let ImageSize { height, width } = self.image_size.unwrap_or(ImageSize { height, width });
        FineTuneConfig {
            architecture: self.arch.unwrap_or(config.architecture),
            stem: self.stem.unwrap_or(config.stem),
            weights: self.weights.clone().or(config.weights),
            freeze: self.freeze.unwrap_or(config.freeze),
            preset: self.preset.clone().unwrap_or(config.preset),
            seed: seed.unwrap_or(config.seed),
            samples: self.samples.unwrap_or(config.samples),
            batch_size: self.batch_size.unwrap_or(config.batch_size),
            learning_rate: self.learning_rate.unwrap_or(config.learning_rate),
            warmup: self.warmup.unwrap_or(config.warmup),
            weight_decay: self.weight_decay.unwrap_or(config.weight_decay),
            valid_samples: config.valid_samples,
            patience: self.patience.or(config.patience),
            checkpoint_every: self.checkpoint_every.or(config.checkpoint_every),
            image: ImageConfig {
                height,
                width,
                normalization: self.normalization.unwrap_or(config.image.normalization),
                ..config.image
            },
        }
    }
}

/// The smallest run that takes the whole path.
pub fn smoke(config: FineTuneConfig) -> FineTuneConfig {
    FineTuneConfig {
        architecture: ModelName::ResNet(18),
        stem: StemKind::Standard,
        samples: 32,
        batch_size: 8,
        valid_samples: 8,
        ..config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_size_is_one_number_or_two() {
        assert_eq!("64".parse(), Ok(ImageSize { height: 64, width: 64 }));
        assert_eq!("52x60".parse(), Ok(ImageSize { height: 52, width: 60 }));
        for wrong in ["", "x", "52x", "52x60x3", "-1"] {
            assert!(wrong.parse::<ImageSize>().is_err(), "{wrong}");
        }
    }
}
