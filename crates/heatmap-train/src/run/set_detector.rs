//! Detector runs: configuration, task and training.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::RunFolder;
use heatmap_core::detect::CHANNELS;
use heatmap_core::synth::ReferenceSets;
use heatmap_models::resnet::BlockKind;
use heatmap_models::{ResNet, ResNetConfig, StemKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::migration::group_optimizer;
use super::run_config::RunConfig;
use super::training::{Outcome, Plan, Selection, TrainingOptions, launch};
use super::training_config::TrainingConfig;
use crate::data::{SetLoader, Split};
use crate::metric::ScalarMetric;
use crate::optim::{OptimizerConfig, OptimizerName, Warmup};
use crate::task::{SetDetector, SetDetectorAccuracy, SetDetectorAuroc, SetDetectorLoss};
use crate::{Error, Result};

/// Settings of a detector run, stored as `config.json`: everything that determines what it
/// computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetDetectorConfig {
    /// Length, optimiser and checkpoints.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// Number of channels of the first stage of the residual network; each later stage has twice as
    /// many as the one before it.
    pub base_width: usize,
    /// Number of blocks in each of the four stages.
    pub depths: [usize; 4],
    /// Sets of reference and query banners to train on.
    pub sets: ReferenceSets,
    /// Number of sets in a batch, each with all its queries.
    pub sets_per_batch: usize,
    /// Number of held-out batches that are scored at each checkpoint.
    pub valid_batches: usize,
}

impl Default for SetDetectorConfig {
    fn default() -> Self {
        Self {
            training: TrainingConfig {
                seed: 0,
                batches: 2_400,
                earlier_batches: Vec::new(),
                optimizer: OptimizerConfig {
                    name: OptimizerName::Adamw,
                    learning_rate: 3e-3,
                    warmup_batches: Warmup::Share(0.05),
                    weight_decay: 0.01,
                    ..OptimizerConfig::default()
                },
                checkpoint_every: None,
            },
            base_width: 8,
            depths: [1; 4],
            sets: ReferenceSets::default(),
            sets_per_batch: 8,
            valid_batches: 4,
        }
    }
}

impl SetDetectorConfig {
    /// Creates the task with which the run starts. The random values of its parameters depend only
    /// on the seed.
    pub fn task(&self, device: &Device) -> SetDetector<ResNet> {
        device.seed(self.training.seed);
        let encoder = ResNetConfig::new(BlockKind::Basic, self.depths)
            .with_base_width(self.base_width)
            .with_in_channels(CHANNELS)
            .with_stem(StemKind::SmallImage);
        SetDetector::new(encoder.init(device).materialize(), device).materialize()
    }

    fn loader(&self, split: Split, batches: usize, device: &Device) -> Result<Arc<SetLoader>> {
        let seed = split.seed(self.training.seed);
        SetLoader::new(self.sets.clone(), seed, self.sets_per_batch, batches, device.clone())
            .map(Arc::new)
    }
}

impl RunConfig for SetDetectorConfig {
    type Resolved = ();

    fn training(&self) -> &TrainingConfig {
        &self.training
    }

    fn training_mut(&mut self) -> &mut TrainingConfig {
        &mut self.training
    }

    /// Returns the number of queries in a batch.
    fn images_per_batch(&self) -> usize {
        self.sets_per_batch * self.sets.queries
    }

    fn selection(&self) -> Selection {
        Selection::Best { patience: None }
    }

    fn resolve(&self) -> Result<()> {
        self.training.check()?;
        self.sets.check()?;
        let positive = [
            ("base_width", self.base_width),
            ("depths", self.depths.into_iter().min().unwrap_or(0)),
            ("sets_per_batch", self.sets_per_batch),
            ("valid_batches", self.valid_batches),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        Ok(())
    }

    fn may_change(_key: &str) -> bool {
        false
    }

    fn migrate(values: &mut Map<String, Value>) -> Option<String> {
        group_optimizer(values)
    }
}

/// Trains a network to tell broken banners from good ones.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_set_detector(
    config: &SetDetectorConfig,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<SetDetector<ResNet>>> {
    config.resolve()?;
    let device = device.clone().autodiff();
    let (task, training) = (config.task(&device), &config.training);
    let train = config.loader(Split::Train, training.batches, &device)?;
    let valid = config.loader(Split::Valid, config.valid_batches, &device)?;
    let learner = Learner::new(task, training.optimizer.init(), training.schedule()?);
    let plan = Plan { clip_norm: training.optimizer.clip_norm, ..Plan::new(&device, train, valid) };
    launch(folder, plan, options, learner, |training| {
        training
            .metrics((
                ScalarMetric::<SetDetectorLoss>::new(),
                ScalarMetric::<SetDetectorAuroc>::new(),
                ScalarMetric::<SetDetectorAccuracy>::new(),
            ))
            .metric_train_numeric(LearningRateMetric::new())
    })
}
