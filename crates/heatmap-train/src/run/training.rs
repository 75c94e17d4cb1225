//! [`launch`]: trains a task with burn-train, using the training strategy, metrics log, progress
//! bar and checkpoints of this module.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Device;
use burn::train::checkpoint::{CheckpointingAction, CheckpointingStrategy};
use burn::train::metric::store::EventStoreClient;
use burn::train::{
    InferenceStep, Interrupter, Learner, LearnerModel, SupervisedTraining, TrainLoader, TrainStep,
    TrainingStrategy, ValidLoader,
};
use heatmap_core::RunFolder;

use super::checkpoint::{Checkpoint, Checkpoints};
use super::metrics_log::{MetricsLog, SharedLog};
use super::periodic_evaluation::PeriodicEvaluation;
use super::progress::ProgressRenderer;
use super::strategy::{Progress, StepStrategy, TrainingStats};
use super::training_config::TrainingConfig;
use crate::task::StepOutput;
use crate::{Error, Result};

/// Settings of the training loop: how long it runs, and what it writes and shows.
#[derive(Clone)]
pub struct TrainingOptions {
    /// Total number of steps, including those before a resume.
    pub steps: usize,
    /// Number of steps between checkpoints, and between validations. Both also happen at the last
    /// step.
    pub checkpoint_every: usize,
    /// Number of images in a batch, from which the progress bar computes images per second.
    pub images_per_step: usize,
    /// Checkpoint to resume from; `None` to start at the first step.
    pub resume: Option<Checkpoint>,
    /// Selects the checkpoint that is the result of the run.
    pub selection: Selection,
    /// Handle that stops the run after the current step.
    pub interrupter: Interrupter,
    /// Whether progress is shown on stderr: as a bar, or as plain lines if stderr is not a
    /// terminal.
    pub shows_progress: bool,
}

impl TrainingOptions {
    /// Returns the options for a training of this length; no progress is shown.
    pub(super) fn of(
        training: &TrainingConfig,
        images_per_step: usize,
        selection: Selection,
        resume: Option<Checkpoint>,
    ) -> Self {
        Self {
            steps: training.batches,
            checkpoint_every: training.checkpoint_every(),
            images_per_step,
            resume,
            selection,
            interrupter: Default::default(),
            shows_progress: false,
        }
    }
}

/// Selects the checkpoint that is the result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The last checkpoint.
    Last,
    /// The checkpoint with the best score on held-out samples.
    Best {
        /// Early stopping: number of consecutive validations without a better score after which the
        /// run ends; `None` for no early stopping.
        patience: Option<usize>,
    },
}

/// The result of a run: the trained model, and how the training went.
pub struct Outcome<M> {
    /// Trained model, in evaluation mode.
    pub model: M,
    /// Number of steps and images, and seconds of training.
    pub stats: TrainingStats,
    /// Whether the run was stopped by a request before its last step.
    pub interrupted: bool,
    /// Step after which `model` was taken: that of the best checkpoint, or the last step. It is
    /// always the last step when the run was interrupted.
    pub chosen_step: usize,
    /// Whether early stopping ended the run before its last step.
    pub stopped_early: bool,
}

/// Name of the metrics log in the folder of a run.
pub(super) const METRICS: &str = "metrics.jsonl";

/// Devices, data and evaluation of a run, which its [`TrainingOptions`] do not contain.
pub(super) struct Plan<M: LearnerModel> {
    /// Devices to train on; several devices share each batch.
    pub(super) devices: Vec<Device>,
    /// Loader of the training batches of each device.
    pub(super) train: Vec<TrainLoader<M>>,
    /// Loader of the held-out batches.
    pub(super) valid: ValidLoader<M>,
    /// Largest global gradient norm, to which gradients are clipped; `None` for no clipping.
    pub(super) clip_norm: Option<f64>,
    /// Evaluation of the model every so many steps.
    pub(super) watch: Option<PeriodicEvaluation<M>>,
}

impl<M: LearnerModel> Plan<M> {
    /// Creates a plan for one device, without gradient clipping and periodic evaluation.
    pub(super) fn new(device: &Device, train: TrainLoader<M>, valid: ValidLoader<M>) -> Self {
        Self {
            devices: vec![device.clone()],
            train: vec![train],
            valid,
            clip_norm: None,
            watch: None,
        }
    }
}

/// Trains a task in `folder`, from its first step or from the checkpoint in `options`. `register`
/// adds the metrics.
///
/// # Errors
/// Returns an error when a batch cannot be loaded, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub(super) fn launch<M>(
    folder: &RunFolder,
    plan: Plan<M>,
    options: &TrainingOptions,
    learner: Learner<M>,
    register: impl FnOnce(SupervisedTraining<M>) -> SupervisedTraining<M>,
) -> Result<Outcome<M>>
where
    M: LearnerModel,
    <M as TrainStep>::Output: StepOutput,
    <M as InferenceStep>::Output: StepOutput,
{
    let done = options.resume.as_ref().map_or(0, |checkpoint| checkpoint.step);
    let checkpoints = Checkpoints::of(folder);
    if done > 0 {
        checkpoints.check_records(done, learner.model())?;
    }
    checkpoints.prepare(done)?;
    let progress = Arc::new(Mutex::new(Progress::default()));
    let (best, patience) = match options.selection {
        Selection::Last => (None, None),
        Selection::Best { patience } => (Some(checkpoints.best()?), patience),
    };
    let log = SharedLog::new(MetricsLog::open(&folder.file(METRICS), done)?);
    let first = plan.train[0].clone();
    let strategy = StepStrategy {
        devices: plan.devices.into_iter().map(Device::autodiff).collect(),
        loaders: plan.train,
        checkpoint_every: options.checkpoint_every.max(1),
        clip_norm: plan.clip_norm,
        patience,
        best: best.clone(),
        watch: plan.watch,
        log: log.clone(),
        progress: progress.clone(),
    };
    let renderer = ProgressRenderer::new(options.steps, done, options.images_per_step);
    let renderer = if options.shows_progress { renderer } else { renderer.silent() };
    let [model_part, optimizer_part, scheduler_part] = checkpoints.checkpointers(best.clone());
    let mut training = SupervisedTraining::new(folder.path(), first, plan.valid)
        .num_epochs(options.steps)
        .with_application_logger(None)
        .with_metric_logger(log)
        .renderer(Box::new(renderer))
        .with_interrupter(options.interrupter.clone())
        .with_custom_checkpointers(model_part, optimizer_part, scheduler_part)
        .with_checkpointing_strategy(Always)
        .with_training_strategy(TrainingStrategy::Custom(Arc::new(strategy)));
    if done > 0 {
        training = training.checkpoint(done);
    }
    let result = register(training).launch(learner);

    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    let stats = progress.stats;
    if let Some(failure) = progress.failure.take() {
        return Err(failure);
    }
    if let Some(error) = result.error {
        return Err(Error::Training { step: stats.steps, reason: error.to_string() });
    }
    let stopped_early = progress.stopped_early;
    let interrupted = stats.steps < options.steps && !stopped_early;
    let (mut model, mut chosen_step) = (result.model, stats.steps);
    if let Some(step) =
        best.and_then(|best| best.step()).filter(|step| *step != stats.steps && !interrupted)
    {
        model = model.load_record(checkpoints.model_record(step)?);
        chosen_step = step;
    }
    Ok(Outcome { model, stats, interrupted, chosen_step, stopped_early })
}

/// Saves a checkpoint at every call: [`StepStrategy`] decides when one is written.
struct Always;

impl CheckpointingStrategy for Always {
    fn checkpointing(
        &mut self,
        _step: usize,
        _store: &EventStoreClient,
    ) -> Vec<CheckpointingAction> {
        vec![CheckpointingAction::Save]
    }
}

#[cfg(test)]
mod tests;
