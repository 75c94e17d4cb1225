//! [`FineTuneConfig`]: what the count and the location run have in common.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use heatmap_core::Normalization;
use heatmap_core::synth::Preset;
use heatmap_models::{FeaturePyramidConfig, ModelName, StemKind};
use serde::{Deserialize, Serialize};

use super::map_shapes::MapShapes;
use super::training_config::TrainingConfig;
use crate::data::{ImageConfig, SampleLoader, SampleSource, Split, cluster_counts_of};
use crate::optim::{OptimizerConfig, OptimizerName, Warmup};
use crate::{Error, Result};

/// Encoder, data and optimisation of a run that learns from labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuneConfig {
    /// Length, optimiser and checkpoints.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// The encoder.
    pub architecture: ModelName,
    /// First layers of a residual network that starts from scratch; a file of weights brings its
    /// own.
    pub stem: StemKind,
    /// Weights to start from, in any layout that `heatmap_models` reads; none to start from
    /// scratch.
    pub weights: Option<PathBuf>,
    /// Leading parts of the encoder that do not train: of a ResNet the stem and its stages, of a
    /// ViT the patches and its blocks.
    pub freeze: usize,
    /// Name of the preset.
    pub preset: String,
    /// Samples in a batch; each sample is trained on once.
    pub batch_size: usize,
    /// Checkpoints without a better score after which the run ends; none for never.
    pub patience: Option<usize>,
    /// Samples that are not trained on, by which checkpoints and the result are scored.
    pub evaluation: HeldOutConfig,
    /// From heatmap to image.
    pub image: ImageConfig,
}

/// Numbers of held-out samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutConfig {
    /// Samples on which each checkpoint is scored; the best one is the result.
    pub samples: usize,
    /// Further samples on which the result is scored.
    pub final_samples: usize,
}

impl FineTuneConfig {
    /// Samples in a batch of the recipes.
    pub(super) const BATCH_SIZE: usize = 64;

    /// The settings of the report's fine-tuning as far as it tells them, and PyTorch's usual ones
    /// where it does not: ResNet-50, 64 x 64 px, AdamW, one cycle, batches of 64.
    pub fn published_recipe(preset: &str) -> Self {
        Self {
            training: TrainingConfig {
                seed: 0,
                batches: 1_500,
                earlier_batches: Vec::new(),
                optimizer: OptimizerConfig {
                    name: OptimizerName::Adamw,
                    warmup_batches: Warmup::Share(0.15),
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                checkpoint_every: None,
            },
            architecture: ModelName::RESNET_50,
            stem: StemKind::Standard,
            weights: None,
            freeze: 0,
            preset: preset.to_owned(),
            batch_size: Self::BATCH_SIZE,
            patience: None,
            evaluation: HeldOutConfig { samples: 2_000, final_samples: 10_000 },
            image: ImageConfig {
                normalization: Normalization::LogCounts,
                ..ImageConfig::default()
            },
        }
    }

    /// Returns the number of samples to train on.
    pub fn samples(&self) -> usize {
        self.training.batches * self.batch_size
    }

    /// Returns whether the setting `key` may change when a run is resumed.
    pub(super) fn may_change(key: &str) -> bool {
        ["patience", "evaluation.final_samples"].contains(&key)
    }

    /// Checks what is said of data and optimisation, for these data instead of the preset.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub(super) fn check_data(&self, source: &Arc<dyn SampleSource>) -> Result<()> {
        self.training.check()?;
        for (field, value, least) in [
            ("batch_size", self.batch_size, 2),
            ("evaluation.samples", self.evaluation.samples, 1),
            ("evaluation.final_samples", self.evaluation.final_samples, 1),
        ] {
            if value < least {
                return Err(Error::config(field, value, format!("must be at least {least}")));
            }
        }
        if self.patience == Some(0) {
            return Err(Error::config("patience", 0, "must be at least 1"));
        }
        self.loaders(source, &Device::flex()).map(drop)
    }

    pub(super) fn check_freeze(&self) -> Result<()> {
        let parts = self.architecture.config().num_parts();
        if self.freeze > parts {
            let reason = format!("{} has {parts} parts to freeze", self.architecture);
            return Err(Error::config("freeze", self.freeze, reason));
        }
        if self.freeze > 0 && self.weights.is_none() {
            let reason = "parts that were never trained; give weights to start from";
            return Err(Error::config("freeze", self.freeze, reason));
        }
        Ok(())
    }

    pub(super) fn check_stem(&self) -> Result<()> {
        let reason = match self.architecture.config().with_stem(self.stem) {
            _ if self.stem == StemKind::Standard => return Ok(()),
            _ if self.weights.is_some() => "a file of weights brings its own".to_owned(),
            None => format!("a {} has none", self.architecture),
            Some(_) => return Ok(()),
        };
        Err(Error::config("stem", self.stem.name(), reason))
    }

    /// The numbers of clusters that the classes of the preset are.
    ///
    /// # Errors
    /// When they are something else.
    pub fn counts(&self) -> Result<RangeInclusive<usize>> {
        cluster_counts_of(&Preset::named(&self.preset)?)
    }

    /// The maps of the encoder in one with cells of `cell_px` px along a side: the encoder's own,
    /// or its finest map cut into finer ones.
    ///
    /// # Errors
    /// When there are no such cells, or they do not cover the images exactly: then they would not
    /// lie where they seem to.
    pub(super) fn pyramid(&self, maps: &MapShapes, cell_px: usize) -> Result<FeaturePyramidConfig> {
        let MapShapes { name, strides, channels } = maps;
        let strides = strides.clone();
        let finest = strides[0];
        let refined = (1..).map_while(move |times| Some(finest >> times).filter(|cell| *cell > 0));
        let (first, refinements) = match strides.iter().position(|&stride| stride == cell_px) {
            Some(first) => (first, 0),
            None => match refined.clone().position(|cell| cell == cell_px) {
                Some(at) => (0, at + 1),
                None => {
                    let mut known: Vec<usize> = refined.chain(strides).collect();
                    known.sort_unstable();
                    return Err(Error::config(
                        "cell_px",
                        cell_px,
                        format!("{name} has cells of {known:?} px"),
                    ));
                }
            },
        };
        let ImageConfig { height, width, .. } = self.image;
        let whole = strides[first];
        if !height.is_multiple_of(whole) || !width.is_multiple_of(whole) {
            let reason = format!("cells of {whole} px do not cover it exactly");
            return Err(Error::config("image_size", format!("{height} x {width}"), reason));
        }
        Ok(FeaturePyramidConfig::new(channels[first..].to_vec()).with_refinements(refinements))
    }

    /// Loaders of the samples to train on and of those that are held out.
    pub(super) fn loaders(
        &self,
        source: &Arc<dyn SampleSource>,
        device: &Device,
    ) -> Result<[Arc<SampleLoader>; 2]> {
        let loader = |split: Split, samples| {
            let seed = split.seed(self.training.seed);
            SampleLoader::new(
                source.clone(),
                seed,
                self.image,
                device.clone(),
                samples,
                self.batch_size,
            )
            .map(Arc::new)
        };
        Ok([loader(Split::Train, self.samples())?, loader(Split::Valid, self.evaluation.samples)?])
    }
}
