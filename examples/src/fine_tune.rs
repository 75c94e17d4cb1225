//! What `count` and `location` share: their arguments, and what these say about the configuration.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use heatmap_cli::TableArguments;
use heatmap_core::Normalization;
use heatmap_models::{ModelName, StemKind};
use heatmap_train::Result;
use heatmap_train::data::{ImageConfig, OwnLog};
use heatmap_train::run::{FineTuneConfig, HeldOutConfig, TrainingConfig};

use crate::start::RunArguments;
use crate::training_arguments::{TrainingArguments, put};

/// Encoder and data.
#[derive(Debug, Clone, Args)]
pub struct FineTuneArguments {
    #[command(flatten)]
    training: TrainingArguments,

    /// Synthetic data set: count-report, count-separable, location-report, location-separable or
    /// simclr-report [default: that of the report]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Train on the banners of a click table instead, as detect reads them; repeatable
    #[arg(long, value_name = "FILE", conflicts_with = "preset", requires = "labels")]
    clicks: Vec<PathBuf>,

    /// How many clusters these banners have (columns domain, grid_id, clusters), or where (domain,
    /// grid_id, centre_x, centre_y in px, a row for each cluster); repeatable
    #[arg(long, value_name = "FILE", requires = "clicks")]
    labels: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

    /// With --clicks, leave out banners with fewer clicks [default: 20]
    #[arg(long, value_name = "N", requires = "clicks")]
    min_clicks: Option<u64>,

    /// Encoder: resnet18 to resnet152, or vit-ti8, vit-ti16, vit-s8 and so on [default: resnet50]
    #[arg(long, visible_alias = "architecture", value_name = "NAME")]
    arch: Option<ModelName>,

    /// First layers of a ResNet from scratch: standard (an image shrinks to a quarter), half-image
    /// or small-image (not at all) [default: standard]
    #[arg(long, value_name = "NAME")]
    stem: Option<StemKind>,

    /// Weights to start from: a .safetensors, .pth, .bin or .ckpt file or a folder, ours or of
    /// torchvision, timm, transformers, lightly or DINOv2
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Leave out what begins like this in the weights, such as projection_head.; may be repeated
    #[arg(long, value_name = "PREFIX")]
    ignore_weights: Vec<String>,

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

    /// Stop after so many checkpoints without a better score on held-out samples [default: never]
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Held-out samples on which the result is scored after the training [default: 10000 to count,
    /// 5000 to locate]
    #[arg(long, value_name = "N")]
    evaluate_samples: Option<usize>,

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

    fn from_str(text: &str) -> std::result::Result<Self, String> {
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
    ///
    /// # Errors
    /// When tables cannot be written as the user said, or none is read.
    pub fn overlay(&self, seed: Option<u64>, mut config: FineTuneConfig) -> Result<FineTuneConfig> {
        self.training.overlay(seed, &mut config.training);
        put(&mut config.architecture, &self.arch);
        put(&mut config.stem, &self.stem);
        config.weights = self.weights.clone().or(config.weights);
        if !self.ignore_weights.is_empty() {
            config.ignore_weights.clone_from(&self.ignore_weights);
        }
        put(&mut config.freeze, &self.freeze);
        if self.preset.is_some() {
            config.own = None;
        }
        put(&mut config.preset, &self.preset);
        if !self.clicks.is_empty() {
            let mut own = OwnLog::new(self.clicks.clone(), self.labels.clone());
            put(&mut own.min_clicks, &self.min_clicks);
            config.preset = own.name();
            config.own = Some(own);
        }
        self.tables.check_read(config.own.is_some())?;
        if let Some(own) = &mut config.own {
            self.tables.overlay(&mut own.unit, &mut own.format)?;
        }
        put(&mut config.batch_size, &self.batch_size);
        config.patience = self.patience.or(config.patience);
        put(&mut config.evaluation.final_samples, &self.evaluate_samples);
        put(&mut config.image.normalization, &self.normalization);
        if let Some(ImageSize { height, width }) = self.image_size {
            config.image = ImageConfig { height, width, ..config.image };
        }
        Ok(config)
    }
}

/// The smallest run that takes the whole path.
pub fn smoke(config: FineTuneConfig) -> FineTuneConfig {
    FineTuneConfig {
        architecture: ModelName::RESNET_18,
        stem: StemKind::Standard,
        training: TrainingConfig { batches: 4, ..config.training },
        batch_size: 8,
        evaluation: HeldOutConfig { samples: 8, final_samples: 16 },
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
