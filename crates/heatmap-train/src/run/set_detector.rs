//! The detector run: configuration, and training from it.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::detect::CHANNELS;
use heatmap_core::synth::ReferenceSets;
use heatmap_models::resnet::BlockKind;
use heatmap_models::{ResNet, ResNetConfig, StemKind};
use serde::{Deserialize, Serialize};

use super::fine_tune::check_resumes;
use super::folder::RunFolder;
use super::training::{Outcome, Plan, TrainingOptions, launch};
use crate::data::{SetLoader, Split};
use crate::metric::ScalarMetric;
use crate::optim::{AdamConfig, warmup_cosine};
use crate::task::{SetDetector, SetDetectorAccuracy, SetDetectorAuroc, SetDetectorLoss};
use crate::{Error, Result};

/// Everything that decides what a detector run computes; `config.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetDetectorConfig {
    /// Seed of parameters and data.
    pub seed: u64,
    /// Channels of the first stage of the residual network; those of the others follow from it.
    pub base_width: usize,
    /// Blocks in each of its four stages.
    pub depths: [usize; 4],
    /// What it learns from.
    pub sets: ReferenceSets,
    /// Sets in a batch, each with all its queries.
    pub sets_per_batch: usize,
    /// Batches in all.
    pub batches: usize,
    /// Largest learning rate of AdamW.
    pub learning_rate: f64,
    /// Share of the batches in which the rate rises to it; then it falls to zero along a cosine.
    pub warmup: f64,
    /// Of AdamW.
    pub weight_decay: f64,
    /// Held-out batches that are scored at each checkpoint.
    pub valid_batches: usize,
    /// Batches between checkpoints; none for a tenth of all.
    pub checkpoint_every: Option<usize>,
}

impl Default for SetDetectorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            base_width: 8,
            depths: [1; 4],
            sets: ReferenceSets::default(),
            sets_per_batch: 8,
            batches: 2_400,
            learning_rate: 3e-3,
            warmup: 0.05,
            weight_decay: 0.01,
            valid_batches: 4,
            checkpoint_every: None,
        }
    }
}

impl SetDetectorConfig {
    /// Checks all settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.sets.check()?;
        let positive = [
            ("base width", self.base_width),
            ("depths", self.depths.into_iter().min().unwrap_or(0)),
            ("sets per batch", self.sets_per_batch),
            ("batches", self.batches),
            ("held-out batches", self.valid_batches),
            ("checkpoint every", self.checkpoint_every.unwrap_or(1)),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        for (field, value) in [("warm-up", self.warmup), ("weight decay", self.weight_decay)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::config(field, value, "must be at least 0 and less than 1"));
            }
        }
        warmup_cosine(self.learning_rate, self.warmup_batches(), self.batches)?;
        Ok(())
    }

    /// Checks that a run of `earlier` can go on under this configuration.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        let free = |config: &Self| Self { checkpoint_every: None, ..config.clone() };
        check_resumes(&free(self), &free(earlier))
    }

    /// Batches between checkpoints.
    pub fn checkpoint_every(&self) -> usize {
        self.checkpoint_every.unwrap_or(self.batches.div_ceil(10))
    }

    /// Queries in a batch.
    pub fn images_per_batch(&self) -> usize {
        self.sets_per_batch * self.sets.queries
    }

    /// The task as the run starts with it: its parameters depend on the seed alone.
    pub fn task(&self, device: &Device) -> SetDetector<ResNet> {
        device.seed(self.seed);
        let encoder = ResNetConfig::new(BlockKind::Basic, self.depths)
            .with_base_width(self.base_width)
            .with_in_channels(CHANNELS)
            .with_stem(StemKind::SmallImage);
        SetDetector::new(encoder.init(device).materialize(), device).materialize()
    }

    fn warmup_batches(&self) -> usize {
        ((self.warmup * self.batches as f64) as usize).min(self.batches.saturating_sub(1))
    }

    fn loader(&self, split: Split, batches: usize, device: &Device) -> Result<Arc<SetLoader>> {
        let seed = split.seed(self.seed);
        SetLoader::new(self.sets.clone(), seed, self.sets_per_batch, batches, device.clone())
            .map(Arc::new)
    }
}

/// Trains a network to tell broken banners from good ones.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not
/// finite.
pub fn train_set_detector(
    config: &SetDetectorConfig,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<SetDetector<ResNet>>> {
    config.check()?;
    let device = device.clone().autodiff();
    let task = config.task(&device);
    let train = config.loader(Split::Train, config.batches, &device)?;
    let valid = config.loader(Split::Valid, config.valid_batches, &device)?;
    let optimizer = AdamConfig::new().with_weight_decay(config.weight_decay).init();
    let schedule = warmup_cosine(config.learning_rate, config.warmup_batches(), config.batches)?;
    let learner = Learner::new(task, optimizer, schedule);
    launch(folder, Plan::new(&device, train, valid), options, learner, |training| {
        training
            .metrics((
                ScalarMetric::<SetDetectorLoss>::new(),
                ScalarMetric::<SetDetectorAuroc>::new(),
                ScalarMetric::<SetDetectorAccuracy>::new(),
            ))
            .metric_train_numeric(LearningRateMetric::new())
    })
}
