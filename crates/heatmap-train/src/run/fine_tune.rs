//! [`FineTuneConfig`]: what the count and the location run have in common.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::Module;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::Device;
use heatmap_core::Normalization;
use heatmap_core::synth::Preset;
use heatmap_models::{
    Backbone, BackboneConfig, Encoder, FeaturePyramidConfig, LoadOptions, ModelName, StemKind,
    TensorFile,
};
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::settings::Settings;
use super::training::{Selection, TrainingOptions};
use crate::data::{ImageConfig, SampleLoader, SampleSource, Split, cluster_counts_of};
use crate::optim::{AdamConfig, warmup_cosine};
use crate::{Error, Result};

/// Encoder, data and optimisation of a run that learns from labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTuneConfig {
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
    /// Seed of parameters and data.
    pub seed: u64,
    /// Samples to train on, each one once.
    pub samples: usize,
    /// Samples in a batch.
    pub batch_size: usize,
    /// Largest learning rate of AdamW.
    pub learning_rate: f64,
    /// Share of the steps in which the rate rises to it; behind them it falls to zero along a
    /// cosine.
    pub warmup: f64,
    /// Of AdamW; see [`AdamConfig::weight_decay`](crate::optim::AdamConfig).
    pub weight_decay: f64,
    /// Held-out samples that are scored at each checkpoint.
    pub valid_samples: usize,
    /// Checkpoints without a better score after which the run ends; none for never.
    pub patience: Option<usize>,
    /// Steps between checkpoints, and between looks at held-out samples; none for a tenth of all.
    pub checkpoint_every: Option<usize>,
    /// From heatmap to image.
    pub image: ImageConfig,
}

impl FineTuneConfig {
    /// The settings of the report's fine-tuning as far as it tells them, and PyTorch's usual ones
    /// where it does not: ResNet-50, 64 x 64 px, AdamW, one cycle, batches of 64.
    pub fn published_recipe(preset: &str) -> Self {
        Self {
            architecture: ModelName::ResNet(50),
            stem: StemKind::Standard,
            weights: None,
            freeze: 0,
            preset: preset.to_owned(),
            seed: 0,
            samples: 96_000,
            batch_size: 64,
            learning_rate: 1e-3,
            warmup: 0.15,
            weight_decay: 0.01,
            valid_samples: 2_000,
            patience: None,
            checkpoint_every: None,
            image: ImageConfig {
                normalization: Normalization::LogCounts,
                ..ImageConfig::default()
            },
        }
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.samples.div_ceil(self.batch_size.max(1))
    }

    /// Steps between checkpoints.
    pub fn checkpoint_every(&self) -> usize {
        self.checkpoint_every.unwrap_or(self.steps().div_ceil(10))
    }

    /// How far a run of this configuration goes and what it writes on the way.
    pub fn training_options(&self, resume: Option<Checkpoint>) -> TrainingOptions {
        TrainingOptions {
            steps: self.steps(),
            checkpoint_every: self.checkpoint_every(),
            images_per_step: self.batch_size,
            resume,
            selection: Selection::Best { patience: self.patience },
            interrupter: Default::default(),
        }
    }

    /// Checks all settings and gives the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<Arc<Preset>> {
        let preset = Arc::new(Preset::named(&self.preset)?);
        self.check_data(&(preset.clone() as Arc<dyn SampleSource>))?;
        self.check_encoder()?;
        Ok(preset)
    }

    /// Checks what is said of data and optimisation, for these data instead of the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub(super) fn check_data(&self, source: &Arc<dyn SampleSource>) -> Result<()> {
        let (seed, device) = (self.seed, Device::flex());
        SampleLoader::new(source.clone(), seed, self.image, device, self.samples, self.batch_size)?;
        for (field, value, least) in
            [("batch size", self.batch_size, 2), ("held-out samples", self.valid_samples, 1)]
        {
            if value < least {
                return Err(Error::config(field, value, format!("must be at least {least}")));
            }
        }
        for (field, value) in [("warm-up", self.warmup), ("weight decay", self.weight_decay)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::config(field, value, "must be at least 0 and less than 1"));
            }
        }
        for (field, value) in
            [("patience", self.patience), ("checkpoint every", self.checkpoint_every)]
        {
            if value == Some(0) {
                return Err(Error::config(field, 0, "must be at least 1"));
            }
        }
        self.schedule()?;
        Ok(())
    }

    /// Checks what is said of the encoder.
    fn check_encoder(&self) -> Result<()> {
        self.image.check_for(self.architecture)?;
        let parts = self.architecture.config().num_parts();
        if self.freeze > parts {
            let reason = format!("{} has {parts} parts to freeze", self.architecture);
            return Err(Error::config("freeze", self.freeze, reason));
        }
        if self.freeze > 0 && self.weights.is_none() {
            return Err(Error::config(
                "freeze",
                self.freeze,
                "parts that were never trained; give weights to start from",
            ));
        }
        if self.stem != StemKind::Standard {
            if self.weights.is_some() {
                return Err(Error::config(
                    "stem",
                    self.stem.name(),
                    "a file of weights brings its own",
                ));
            }
            if let ModelName::Vit(..) = self.architecture {
                return Err(Error::config(
                    "stem",
                    self.stem.name(),
                    format!("a {} has none", self.architecture),
                ));
            }
        }
        self.open_weights()?;
        Ok(())
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
                        "cell",
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
            return Err(Error::config("image size", format!("{height} x {width}"), reason));
        }
        Ok(FeaturePyramidConfig::new(channels[first..].to_vec()).with_refinements(refinements))
    }

    /// The maps of the encoder that the settings say.
    ///
    /// # Errors
    /// When the weights cannot be read or are not those of this architecture.
    pub(super) fn map_shapes(&self) -> Result<MapShapes> {
        let config = match self.open_weights()? {
            Some((_, config)) => config,
            None => self.architecture.config().with_stem(self.stem),
        };
        let (strides, channels) = (config.map_strides(), config.map_channels());
        Ok(MapShapes { name: self.architecture.to_string(), strides, channels })
    }

    /// The encoder as the run starts with it.
    ///
    /// # Errors
    /// When the weights cannot be read or are not those of this architecture.
    pub fn encoder(&self, device: &Device) -> Result<Backbone> {
        device.seed(self.seed);
        let channels = self.image.channels;
        let Some((file, found)) = self.open_weights()? else {
            let config = self.architecture.config().with_in_channels(channels).with_stem(self.stem);
            return Ok(config.with_image_size(self.image.height).init(device).materialize());
        };
        let config = found.with_in_channels(channels).with_num_classes(None);
        let mut options = LoadOptions::new().without_head().without_pooler();
        options.grey_stem = channels == 1;
        let (encoder, _) = config.init(device).load_weights(&file, &options)?;
        Ok(encoder.materialize().freeze_leading(self.freeze))
    }

    /// The file of weights and the network that it holds, if it is of this architecture.
    fn open_weights(&self) -> Result<Option<(TensorFile, BackboneConfig)>> {
        let Some(path) = &self.weights else { return Ok(None) };
        let file = TensorFile::open(path)?;
        let found = self.architecture.config_of(&file)?;
        Ok(Some((file, found)))
    }

    pub(super) fn optimizer(&self) -> burn::optim::ModuleOptimizer {
        AdamConfig::new().with_weight_decay(self.weight_decay).init()
    }

    pub(super) fn schedule(&self) -> Result<ModuleLrScheduler> {
        let steps = self.steps();
        let warmup_steps = ((self.warmup * steps as f64) as usize).min(steps - 1);
        warmup_cosine(self.learning_rate, warmup_steps, steps)
    }

    /// Loaders of the samples to train on and of those that are held out.
    pub(super) fn loaders(
        &self,
        source: &Arc<dyn SampleSource>,
        device: &Device,
    ) -> Result<[Arc<SampleLoader>; 2]> {
        let loader = |split: Split, samples| {
            let seed = split.seed(self.seed);
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
        Ok([loader(Split::Train, self.samples)?, loader(Split::Valid, self.valid_samples)?])
    }
}

/// The maps of an encoder: sides of their cells in px and channels, from fine to coarse.
#[derive(Debug, Clone)]
pub(super) struct MapShapes {
    /// Of the encoder, for messages.
    pub(super) name: String,
    pub(super) strides: Vec<usize>,
    pub(super) channels: Vec<usize>,
}

impl MapShapes {
    /// Of a network.
    pub(super) fn of(encoder: &impl Encoder) -> Self {
        let (strides, channels) = (encoder.map_strides(), encoder.map_channels());
        Self { name: "the encoder".to_owned(), strides, channels }
    }
}

/// Checks that a run of `earlier`, which has a [`FineTuneConfig`] as its
/// `training`, can go on under the settings `now`: all but the patience and the steps between
/// checkpoints agrees.
pub(super) fn check_resumes<C: Serialize>(now: &C, earlier: &C) -> Result<()> {
    const FREE: [&str; 2] = ["training.patience", "training.checkpoint_every"];
    Settings::of(now)?.check_same(&Settings::of(earlier)?, |key| FREE.contains(&key))
}
