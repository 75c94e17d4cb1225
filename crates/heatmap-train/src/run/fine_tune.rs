//! [`FineTuneConfig`]: the settings that count runs and location runs share.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use heatmap_core::Normalization;
use heatmap_core::synth::Preset;
use heatmap_models::{FeaturePyramidConfig, ModelName, StemKind};
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::map_shapes::MapShapes;
use super::training::{Selection, TrainingOptions};
use super::training_config::TrainingConfig;
use crate::data::{ClusterData, ImageConfig, OwnLog, SampleLoader, SampleSource, Split};
use crate::optim::{OptimizerConfig, OptimizerName, Warmup};
use crate::{Error, Result};

/// Settings of the encoder, the data and the optimisation of a run that trains on labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuneConfig {
    /// Length, optimiser and checkpoints.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// Architecture of the encoder.
    pub architecture: ModelName,
    /// Stem, that is the first layers, of a residual network that is trained from scratch. With
    /// `weights` it must be [`StemKind::Standard`], and the weight file determines the stem.
    pub stem: StemKind,
    /// Path of the weights to start from, in any layout that `heatmap_models` reads; `None` to
    /// train from scratch.
    pub weights: Option<PathBuf>,
    /// Beginnings of the names of tensors in `weights` that are left out, such as those of a
    /// projection head ([`TensorFile::without`](heatmap_models::TensorFile::without)).
    #[serde(default)]
    pub ignore_weights: Vec<String>,
    /// Number of leading parts of the encoder that are frozen. The parts of a ResNet are the stem
    /// and its stages, those of a ViT the embedding and its blocks. Only an encoder with `weights`
    /// can have frozen parts.
    pub freeze: usize,
    /// Name of the preset.
    pub preset: String,
    /// The click log to train on instead of the preset, with labels that say how many clusters its
    /// banners have, or where; the name of the preset then says what the log is called.
    #[serde(default)]
    pub own: Option<OwnLog>,
    /// Number of samples in a batch. Presets are endless, so each of their samples is trained on
    /// once; the banners of a click log are repeated.
    pub batch_size: usize,
    /// Early stopping: number of checkpoints without a better score after which the run ends;
    /// `None` for no early stopping.
    pub patience: Option<usize>,
    /// Numbers of held-out samples, on which checkpoints and the result are scored.
    pub evaluation: HeldOutConfig,
    /// How heatmaps become images.
    pub image: ImageConfig,
}

/// Numbers of held-out samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutConfig {
    /// Number of samples on which each checkpoint is scored; the best checkpoint is the result. A
    /// click log has as many as there are, if these are fewer.
    pub samples: usize,
    /// Number of other samples on which the result is scored; again at most as many as there are.
    pub final_samples: usize,
}

impl FineTuneConfig {
    /// Batch size of the recipes.
    pub(super) const BATCH_SIZE: usize = 64;

    /// Returns the settings of the report's fine-tuning, and PyTorch's usual ones where the report
    /// states none: ResNet-50, images of 64 x 64 px, AdamW, a one-cycle learning-rate schedule,
    /// batches of 64.
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
            ignore_weights: Vec::new(),
            freeze: 0,
            preset: preset.to_owned(),
            own: None,
            batch_size: Self::BATCH_SIZE,
            patience: None,
            evaluation: HeldOutConfig { samples: 2_000, final_samples: 10_000 },
            image: ImageConfig {
                normalization: Normalization::LogCounts,
                ..ImageConfig::default()
            },
        }
    }

    /// Returns the number of samples to train on, over all steps.
    pub fn samples(&self) -> usize {
        self.training.batches * self.batch_size
    }

    /// Returns the options of the training loop for these settings, to resume from `resume` if it
    /// is given; no progress is shown, and the best checkpoint is the result.
    pub fn training_options(&self, resume: Option<Checkpoint>) -> TrainingOptions {
        TrainingOptions::of(&self.training, self.batch_size, self.selection(), resume)
    }

    /// Returns which checkpoint is the result of a run: the best one.
    pub(super) fn selection(&self) -> Selection {
        Selection::Best { patience: self.patience }
    }

    /// Returns whether the setting `key` may change when a run is resumed.
    pub(super) fn may_change(key: &str) -> bool {
        ["patience", "evaluation.final_samples"].contains(&key)
    }

    /// Checks the settings of data and optimisation for training on `source` instead of the preset.
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

    /// Returns the largest number of clusters that a heatmap of the data set may have.
    ///
    /// # Errors
    /// Returns an error when the preset does not exist or its classes stand for something else, or
    /// when the labels of the click log cannot be read.
    pub fn most_clusters(&self) -> Result<usize> {
        match &self.own {
            Some(own) => Ok(own.cluster_table()?.most().unwrap_or(0)),
            None => Ok(ClusterData::of(&Preset::named(&self.preset)?)?.most),
        }
    }

    /// Returns a pyramid that merges the encoder's maps into one map with cells of `cell_px` px
    /// along a side. That is the cell size of one of the encoder's maps, or that of its finest map
    /// divided by a power of two.
    ///
    /// # Errors
    /// Returns an error when no such cells exist, or when the cells of the finest map in the
    /// pyramid do not cover the images exactly, since the positions of cells would then be wrong.
    pub(super) fn pyramid(&self, maps: &MapShapes, cell_px: usize) -> Result<FeaturePyramidConfig> {
        let MapShapes { name, strides, channels } = maps;
        let strides = strides.clone();
        let finest = strides[0];
        // A cell that cannot be cut into halves of whole px is not cut further.
        let halves = |cell: &usize| cell.is_multiple_of(2).then(|| cell / 2);
        let refined = std::iter::successors(halves(&finest), halves);
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

    /// Creates the loaders of the training samples and of the held-out samples for validation.
    pub(super) fn loaders(
        &self,
        source: &Arc<dyn SampleSource>,
        device: &Device,
    ) -> Result<[Arc<SampleLoader>; 2]> {
        let loader = |split: Split, samples: usize| {
            let seed = split.seed(self.training.seed);
            // What is scored is scored once; what is trained on may come again.
            let there = source.num_samples(seed).filter(|_| split != Split::Train);
            let samples = there.map_or(samples, |there| there.min(samples));
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
