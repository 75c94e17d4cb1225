//! [`train_task`] and [`train_pair_task`]: training with a head and a loss of the caller's own.

use std::sync::Arc;

use burn::tensor::Device;
use burn::train::metric::LearningRateMetric;
use burn::train::{InferenceStep, Learner, LearnerModel, SupervisedTraining, TrainStep};
use heatmap_core::RunFolder;

use super::fine_tune::FineTuneConfig;
use super::simclr::pair_plan;
use super::simclr_config::SimClrConfig;
use super::training::{Outcome, Plan, TrainingOptions, launch};
use super::training_config::TrainingConfig;
use crate::data::{ClassSource, PairBatch, SampleBatch, SampleSource};
use crate::metric::ScalarMetric;
use crate::task::{TaskLoss, TaskOutput, TaskScore};
use crate::{Error, Result};

/// Trains the caller's own network on labelled samples: its encoder, head and loss are whatever its
/// `TrainStep` makes of a [`SampleBatch`]. Everything else is as in the other runs: the metrics
/// log, progress, checkpoints, the choice of the best one, and going on from one. Of `config`, the
/// settings of encoder, weights and preset are ignored; `options` are usually
/// [`FineTuneConfig::training_options`].
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_task<M>(
    config: &FineTuneConfig,
    task: M,
    source: Arc<dyn SampleSource>,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<M>>
where
    M: LearnerModel
        + TrainStep<Input = SampleBatch, Output = TaskOutput>
        + InferenceStep<Input = SampleBatch, Output = TaskOutput>,
{
    config.check_data(&source)?;
    let device = device.clone().autodiff();
    let [train, valid] = config.loaders(&source, &device)?;
    let plan =
        Plan { clip_norm: config.training.optimizer.clip_norm, ..Plan::new(&device, train, valid) };
    launch(folder, plan, options, learner(task, &config.training)?, with_metrics)
}

/// Trains the caller's own network on pairs of images: encoder, projections and contrastive loss
/// are whatever its `TrainStep` makes of a [`PairBatch`]. Of `config`, the settings of
/// architecture, projections, loss, preset and evaluation are ignored, and it must have one device.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_pair_task<M>(
    config: &SimClrConfig,
    task: M,
    source: Arc<dyn ClassSource>,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<M>>
where
    M: LearnerModel
        + TrainStep<Input = PairBatch, Output = TaskOutput>
        + InferenceStep<Input = PairBatch, Output = TaskOutput>,
{
    if config.devices != 1 {
        let reason = "a batch is shared between devices by the SimCLR task alone";
        return Err(Error::config("devices", config.devices, reason));
    }
    let plan = pair_plan(config, &source, std::slice::from_ref(device))?;
    launch(folder, plan, options, learner(task, &config.training)?, with_metrics)
}

fn learner<M: LearnerModel>(task: M, training: &TrainingConfig) -> Result<Learner<M>> {
    Ok(Learner::new(task, training.optimizer.init(), training.schedule()?))
}

fn with_metrics<M>(training: SupervisedTraining<M>) -> SupervisedTraining<M>
where
    M: LearnerModel + TrainStep<Output = TaskOutput> + InferenceStep<Output = TaskOutput>,
{
    training
        .metrics((ScalarMetric::<TaskLoss>::new(), ScalarMetric::<TaskScore>::new()))
        .metric_train_numeric(LearningRateMetric::new())
}
