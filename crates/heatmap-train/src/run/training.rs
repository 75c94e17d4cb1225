//! [`launch`]: a task, an optimiser and loaders under burn-train, with our strategy, log, bar and
//! checkpoints.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Device;
use burn::train::checkpoint::{CheckpointingAction, CheckpointingStrategy};
use burn::train::metric::store::EventStoreClient;
use burn::train::{
    InferenceStep, Interrupter, Learner, LearnerModel, SupervisedTraining, TrainLoader, TrainStep,
    TrainingStrategy, ValidLoader,
};

use super::checkpoint::Checkpoint;
use super::folder::RunFolder;
use super::metrics_log::{MetricsLog, SharedLog};
use super::periodic_evaluation::PeriodicEvaluation;
use super::progress::ProgressRenderer;
use super::strategy::{Progress, StepStrategy, TrainingStats};
use crate::task::StepOutput;
use crate::{Error, Result};

/// How far a run goes and what it writes on the way.
#[derive(Clone)]
pub struct TrainingOptions {
    /// Steps in all.
    pub steps: usize,
    /// Steps between checkpoints, and between validations.
    pub checkpoint_every: usize,
    /// Images in a batch, for the bar.
    pub images_per_step: usize,
    /// Where to go on, if not at the beginning.
    pub resume: Option<Checkpoint>,
    /// Whether the run ends with the checkpoint of the best validation, or with the last.
    pub selection: Selection,
    /// A handle to stop the run after the step it is in.
    pub interrupter: Interrupter,
    /// Whether a bar, or lines where there is no terminal, show on stderr how far the run is.
    pub shows_progress: bool,
}

/// Which checkpoint is the result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The last one.
    Last,
    /// The one with the best score on held-out samples.
    Best {
        /// Validations without a better score after which the run ends early; none for never.
        patience: Option<usize>,
    },
}

/// A trained model and how the run went.
pub struct Outcome<M> {
    /// The model in evaluation mode.
    pub model: M,
    /// Steps, images and seconds.
    pub stats: TrainingStats,
    /// Whether it was asked to stop before its last step.
    pub interrupted: bool,
    /// The step whose model this is: the best, or the last.
    pub chosen_step: usize,
    /// Whether it ended because the score had not become better for long enough.
    pub stopped_early: bool,
}

/// Name of the log in a run's folder.
pub(super) const METRICS: &str = "metrics.jsonl";

/// What a run trains on, and how it goes beside its options.
pub(super) struct Plan<M: LearnerModel> {
    /// Where it trains: several devices share each batch.
    pub(super) devices: Vec<Device>,
    /// The batches of each device.
    pub(super) train: Vec<TrainLoader<M>>,
    /// Held-out batches.
    pub(super) valid: ValidLoader<M>,
    /// Largest length of a gradient.
    pub(super) clip_norm: Option<f64>,
    /// Looks at the model now and then.
    pub(super) watch: Option<PeriodicEvaluation<M>>,
}

impl<M: LearnerModel> Plan<M> {
    /// On one device, with nothing special.
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

/// Trains; `register` adds metrics.
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
    let checkpoints = folder.checkpoints();
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

/// When to write a checkpoint is decided by the strategy that runs the steps.
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
