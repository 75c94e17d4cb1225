//! [`StepStrategy`]: a learning strategy for burn-train whose unit is the optimiser step.
//!
//! Burn's single-device strategy saves at the end of an epoch, and loses the steps of an epoch in
//! which it is interrupted. Here any step can be the last: on an interruption the current step is
//! completed, a checkpoint is written, and the run can be resumed from it. A loss or gradient that
//! is not finite ends the run before the optimiser uses it, so it never affects a checkpoint. A
//! checkpoint is written only when the log has all lines up to its step, so that the log of a
//! resumed run is complete.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use burn::tensor::Device;
use burn::train::{
    EventProcessorTraining, InferenceStep, Interrupter, Learner, LearnerEvent, LearnerModel,
    SupervisedLearningStrategy, SupervisedTrainingEventProcessor, TrainLoader, TrainOutput,
    TrainStep, TrainingComponents, TrainingItem, ValidLoader,
};

use super::best::BestCheckpoint;
use super::metrics_log::{SharedLog, wait_for_lines};
use super::periodic_evaluation::PeriodicEvaluation;
use super::stepper::Stepper;
use crate::optim::{clip_to_norm, global_norm};
use crate::task::StepOutput;
use crate::{Error, Result};

/// Statistics of the training of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TrainingStats {
    /// Number of steps done, including those before a resume.
    pub steps: usize,
    /// Number of images trained on since the run was started or last resumed.
    pub images: usize,
    /// Seconds spent on these images: loading, forward pass, backward pass and optimiser, without
    /// validation and checkpoints.
    pub seconds: f64,
}

/// State that the strategy shares with the function that launched it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) stats: TrainingStats,
    pub(super) failure: Option<Error>,
    pub(super) stopped_early: bool,
}

/// The strategy; see the module documentation.
pub(super) struct StepStrategy<M: LearnerModel> {
    /// Devices to train on; the optimiser runs on the first.
    pub(super) devices: Vec<Device>,
    /// Loader of the training batches of each device.
    pub(super) loaders: Vec<TrainLoader<M>>,
    pub(super) checkpoint_every: usize,
    /// Largest global gradient norm, to which gradients are clipped; `None` for no clipping.
    pub(super) clip_norm: Option<f64>,
    /// Early stopping: number of validations without a better score after which the run ends.
    pub(super) patience: Option<usize>,
    /// Keeps track of the best checkpoint; `None` when the last checkpoint is the result.
    pub(super) best: Option<BestCheckpoint>,
    /// Evaluation of the model every so many steps.
    pub(super) watch: Option<PeriodicEvaluation<M>>,
    pub(super) log: SharedLog,
    pub(super) progress: Arc<Mutex<Progress>>,
}

impl<M: LearnerModel> StepStrategy<M> {
    /// Returns whether early stopping applies: the last `patience` validations gave no better
    /// score.
    fn is_enough(&self) -> bool {
        let evaluations_since_best =
            self.best.as_ref().map_or(0, BestCheckpoint::evaluations_since_best);
        self.patience.is_some_and(|most| evaluations_since_best >= most)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the gradient norm and clips the gradients.
    ///
    /// # Errors
    /// Returns an error when the loss or the gradient norm is not finite.
    fn guard<T: StepOutput>(
        &self,
        step: usize,
        model: &M,
        output: TrainOutput<T>,
    ) -> Result<TrainOutput<T>> {
        let TrainOutput { grads, mut item } = output;
        let check = |what: &str, value: f64| match value.is_finite() {
            true => Ok(()),
            false => {
                let reason = format!("the {what} is {value}; a lower learning rate may help");
                Err(Error::Training { step, reason })
            }
        };
        check("loss", item.loss())?;
        let norm = global_norm(model, &grads);
        check("length of the gradient", norm)?;
        item.record_gradient_norm(norm);
        let grads = match self.clip_norm {
            Some(most) => clip_to_norm(model, grads, norm, most),
            None => grads,
        };
        Ok(TrainOutput { grads, item })
    }

    /// Evaluates the model with `watch` if it is given, and checks that all lines of the log were
    /// written.
    fn settle(
        &self,
        step: usize,
        learner: &Learner<M>,
        watch: Option<&PeriodicEvaluation<M>>,
    ) -> Result<()> {
        if let Some(watch) = watch {
            self.log.write("valid", step, watch.look(&learner.model())?);
        }
        self.log.check()
    }

    fn fail(&self, interrupter: &Interrupter, error: Error) {
        let reason = error.to_string();
        self.progress().failure = Some(error);
        interrupter.stop(Some(&reason));
    }
}

impl<M> SupervisedLearningStrategy<M> for StepStrategy<M>
where
    M: LearnerModel,
    <M as TrainStep>::Output: StepOutput,
    <M as InferenceStep>::Output: StepOutput,
{
    fn fit(
        &self,
        components: TrainingComponents<M>,
        mut learner: Learner<M>,
        _first: TrainLoader<M>,
        valid: ValidLoader<M>,
        starting_epoch: usize,
    ) -> (M, SupervisedTrainingEventProcessor<M>) {
        let TrainingComponents {
            mut event_processor,
            mut checkpointer,
            interrupter,
            event_store,
            ..
        } = components;
        let total = components.num_epochs;
        let mut step = starting_epoch - 1;
        let sliced = self.devices.iter().zip(&self.loaders);
        let loaders: Vec<TrainLoader<M>> =
            sliced.map(|(device, loader)| loader.to_device(device).slice(step, total)).collect();
        let main = &self.devices[0];
        let valid = valid.to_device(&main.clone().inner());
        learner.fork(main);
        self.progress().stats.steps = step;

        let start = LearnerEvent::StartSplit { epoch_number: 1, total_items: total };
        interrupter.fail_on_error(event_processor.process_train(start));
        if step > 0 && step < total && self.is_enough() {
            // Early stopping had already ended the run that is resumed.
            self.progress().stopped_early = true;
            return (learner.model(), event_processor);
        }
        if interrupter.should_stop() {
            return (learner.model(), event_processor);
        }
        let mut steps = Stepper::new(&loaders, &self.devices);
        loop {
            let began = Instant::now();
            let output = match steps.next(&learner) {
                Ok(None) => break,
                Ok(Some(output)) => output,
                Err(error) => {
                    interrupter.fail(error);
                    break;
                }
            };
            let output = match self.guard(step + 1, &learner.model(), output) {
                Ok(output) => output,
                Err(error) => {
                    self.fail(&interrupter, error);
                    break;
                }
            };
            learner.lr_step();
            learner.optimizer_step(output.grads);
            step += 1;
            {
                let stats = &mut self.progress().stats;
                stats.steps = step;
                stats.images += output.item.images();
                stats.seconds += began.elapsed().as_secs_f64();
            }
            let progress =
                burn::data::dataloader::Progress::new(step, total, Some("batches".to_owned()));
            let item =
                TrainingItem::new(output.item, progress, Some(step), Some(learner.lr_current()));
            interrupter
                .fail_on_error(event_processor.process_train(LearnerEvent::ProcessedItem(item)));

            // Read once a step: a request that comes later ends the run after the next step, so
            // that there is a checkpoint of the last one.
            let stop = interrupter.should_stop();
            let due = step.is_multiple_of(self.checkpoint_every) || step == total;
            let watch = self.watch.as_ref().filter(|watch| watch.is_due(step, total));
            if due || stop || watch.is_some() {
                let mut enough = false;
                // A step at which a checkpoint is due is scored even when the user stops the run
                // there, because a resumed run does not repeat the step.
                if due {
                    let score = validate(&learner, &valid, &mut event_processor, &interrupter);
                    if let (Some(best), Some(score)) = (&self.best, score) {
                        best.record(step, score);
                        enough = self.is_enough();
                    }
                }
                // Metrics are computed in one thread and written to the log in another, and both
                // may lag behind. Once both have answered, the log has all lines up to this step.
                interrupter.fail_on_error(event_processor.flush());
                wait_for_lines(&event_store);
                if let Err(error) = self.settle(step, &learner, watch) {
                    self.fail(&interrupter, error);
                    break;
                }
                // A run can be resumed from where a user stopped it, but not from an error.
                if interrupter.error().is_some() {
                    break;
                }
                if let Some(checkpointer) = checkpointer.as_mut().filter(|_| due || stop) {
                    checkpointer.checkpoint(&learner, step, &event_store);
                }
                if enough && step < total {
                    self.progress().stopped_early = true;
                    break;
                }
            }
            if stop || interrupter.error().is_some() {
                break;
            }
        }
        (learner.model(), event_processor)
    }
}

/// Computes the outputs of the current model for all held-out batches, and returns their mean score
/// per image; `None` when a batch cannot be loaded or there are no images.
fn validate<M: LearnerModel>(
    learner: &Learner<M>,
    valid: &ValidLoader<M>,
    event_processor: &mut SupervisedTrainingEventProcessor<M>,
    interrupter: &Interrupter,
) -> Option<f64>
where
    <M as InferenceStep>::Output: StepOutput,
{
    let model = learner.model().valid();
    let start = LearnerEvent::StartSplit { epoch_number: 1, total_items: valid.num_items() };
    interrupter.fail_on_error(event_processor.process_valid(start));
    let mut batches = valid.iter();
    let (mut sum, mut images) = (0.0, 0);
    while let Some(batch) = batches.next() {
        match batch {
            Ok(batch) => {
                let progress = batches.progress();
                let output = InferenceStep::step(&model, batch);
                sum += output.score() * output.images() as f64;
                images += output.images();
                let item = TrainingItem::new(output, progress, None, None);
                interrupter.fail_on_error(
                    event_processor.process_valid(LearnerEvent::ProcessedItem(item)),
                );
            }
            Err(error) => {
                interrupter.fail(error);
                return None;
            }
        }
    }
    interrupter.fail_on_error(event_processor.process_valid(LearnerEvent::EndSplit(1)));
    (images > 0).then(|| sum / images as f64)
}
