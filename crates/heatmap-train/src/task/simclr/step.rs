//! The training step of [`SimClr`]: loss and gradient in one piece, in chunks or on several
//! devices, and the updates that follow the optimiser step.

use std::sync::PoisonError;

use burn::module::ModuleDisplay;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_models::Encoder;
use heatmap_models::ops::keep_running_statistics;

use super::grad_cache::Cached;
use super::projection_exchange::Part;
use super::{ContrastiveOutput, Precision, SimClr};
use crate::data::PairBatch;
use crate::loss::{
    BankRows, ContrastiveLossOutput, LearnableTemperature, Negatives, Projections, Temperature,
};
use crate::optim::{ema_update, global_norm, scale_gradients};

impl<E: Encoder + ModuleDisplay> TrainStep for SimClr<E> {
    type Input = PairBatch;
    type Output = ContrastiveOutput;

    fn step(&self, batch: PairBatch) -> TrainOutput<ContrastiveOutput> {
        if self.options.precision == Precision::F16 {
            self.step_in_f16(batch)
        } else {
            self.scaled_step(batch, 1.0)
        }
    }

    /// Takes the optimiser step, then updates the moving average and the memory bank and clamps the
    /// temperature.
    fn optimize(
        self,
        optim: &mut ModuleOptimizer,
        rate: ModuleLearningRate,
        gradients: GradientsParams,
    ) -> Self {
        let mut task = optim.step(rate, self, gradients);
        if let (Some(decay), Some(average)) = (task.options.ema, task.average.take()) {
            task.average = Some(ema_update(average, &task.encoder, decay));
        }
        task.temperature = task.temperature.map(LearnableTemperature::clamped);
        let rows = task.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some((rows, labels)), Some(bank)) = (rows, task.bank.take()) {
            task.bank = Some(bank.pushed(rows, &labels));
        }
        task
    }
}

impl<E: Encoder + ModuleDisplay> InferenceStep for SimClr<E> {
    type Input = PairBatch;
    type Output = ContrastiveOutput;

    /// Computes the loss of the batch without the memory bank.
    fn step(&self, batch: PairBatch) -> ContrastiveOutput {
        let (images, of_each) = (batch.images.dims()[0], batch.images_per_pair());
        // In evaluation mode, images do not influence each other, so chunks change nothing.
        let part = self.options.chunk.map_or(images, |pairs| of_each * pairs);
        let embed =
            |at: usize| self.embed(batch.images.clone().narrow(0, at, part.min(images - at)));
        let projections = Tensor::cat((0..images).step_by(part).map(embed).collect(), 0);
        let output = self.contrast(projections, batch.labels, None);
        self.output(output, images, 0)
    }
}

impl<E: Encoder + ModuleDisplay> SimClr<E> {
    /// Takes a step with loss scaling: if the gradient overflows, the step is repeated with a
    /// smaller scale.
    fn step_in_f16(&self, batch: PairBatch) -> TrainOutput<ContrastiveOutput> {
        let attempt = || {
            let scale = self.loss_scale.value();
            let TrainOutput { grads, item } = self.scaled_step(batch.clone(), scale);
            TrainOutput { grads: scale_gradients(self, grads, scale.recip()), item }
        };
        let mut output = attempt();
        // A loss that is not finite would not be finite at any scale.
        while output.item.loss.is_finite() && !global_norm(self, &output.grads).is_finite() {
            if !self.loss_scale.overflowed() {
                return output;
            }
            // The first attempt has already updated the running statistics with this batch.
            output = keep_running_statistics(attempt);
        }
        self.loss_scale.succeeded();
        output
    }

    /// Computes the gradient of the loss multiplied by `scale`.
    fn scaled_step(&self, batch: PairBatch, scale: f64) -> TrainOutput<ContrastiveOutput> {
        let pairs = batch.labels.len();
        let chunk = self.options.chunk.unwrap_or(pairs).max(1);
        if chunk >= pairs && self.meeting.is_none() {
            return self.step_in_one_piece(batch, scale);
        }
        self.step_from_parts(batch, chunk, scale)
    }

    fn step_in_one_piece(&self, batch: PairBatch, scale: f64) -> TrainOutput<ContrastiveOutput> {
        let PairBatch { images, labels, .. } = batch;
        let count = images.dims()[0];
        let projections = self.embed(images);
        self.queue_for_bank(projections.clone().inner(), &labels);
        let output = self.contrast(projections, labels, self.bank_rows());
        let gradients = (output.loss.clone() * scale).backward();
        TrainOutput::new(self, gradients, self.output(output, count, 0))
    }

    fn step_from_parts(
        &self,
        batch: PairBatch,
        chunk: usize,
        scale: f64,
    ) -> TrainOutput<ContrastiveOutput> {
        let _here = self.meeting.as_ref().map(|meeting| meeting.panic_guard());
        let (rank, pairs, images) = (batch.share.rank, batch.labels.len(), batch.images.dims()[0]);
        let cached = Cached::embed(self, batch, chunk);
        let all = match &self.meeting {
            Some(meeting) => {
                join(&meeting.all_gather(rank, cached.part.clone()), &cached.part.views[0])
            }
            None => cached.part.clone(),
        };
        let (of_each, all_pairs) = (all.views.len(), all.labels.len());
        let projections = Tensor::cat(all.views, 0);
        if rank == 0 {
            self.queue_for_bank(projections.clone(), &all.labels);
        }
        let leaf = Tensor::from_inner(projections).require_grad();
        let output = self.contrast(leaf.clone(), all.labels, self.bank_rows());
        let gradients = (output.loss.clone() * scale).backward();
        let gradient = leaf.grad(&gradients).expect("the loss is of these");
        // Every device has computed the loss of the whole batch; each back-propagates only the
        // gradient of its own images.
        let own = |view: usize| gradient.clone().narrow(0, view * all_pairs + rank * pairs, pairs);
        let mut sum = GradientsAccumulator::new();
        let own: Vec<Tensor<2>> = (0..of_each).map(own).collect();
        sum.accumulate(self, cached.backward(self, &own));
        if rank == 0 {
            // The gradient of the learnt temperature must be counted only once.
            sum.accumulate(self, GradientsParams::from_grads(gradients, self));
        }
        TrainOutput { grads: sum.grads(), item: self.output(output, images, rank) }
    }

    /// Computes the loss of projections: the two views of every pair, then their negatives, if any.
    fn contrast(
        &self,
        projections: Tensor<2>,
        labels: Vec<usize>,
        bank: Option<BankRows>,
    ) -> ContrastiveLossOutput {
        let temperature = match &self.temperature {
            Some(learned) => learned.temperature(),
            None => Temperature::Fixed(self.loss.temperature()),
        };
        let (rows, of_views) = (projections.dims()[0], 2 * labels.len());
        let negatives = (rows > of_views).then(|| Negatives {
            labels: labels.repeat((rows - of_views) / labels.len()),
            rows: projections.clone().narrow(0, of_views, rows - of_views),
        });
        let views = match negatives {
            Some(_) => projections.narrow(0, 0, of_views),
            None => projections,
        };
        self.loss.forward(Projections { views, labels: Some(labels), negatives, bank }, temperature)
    }

    fn bank_rows(&self) -> Option<BankRows> {
        self.bank.as_ref().and_then(|bank| bank.rows())
    }

    /// Stores the views among the projections, which the memory bank takes after the optimiser
    /// step.
    fn queue_for_bank(&self, projections: Tensor<2>, labels: &[usize]) {
        if self.bank.is_some() {
            let rows = projections.narrow(0, 0, 2 * labels.len());
            *self.pending.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((rows, labels.repeat(2)));
        }
    }

    fn output(
        &self,
        output: ContrastiveLossOutput,
        images: usize,
        rank: usize,
    ) -> ContrastiveOutput {
        let temperature =
            self.temperature.as_ref().map(|temperature| temperature.value().into_scalar::<f64>());
        ContrastiveOutput {
            loss: output.loss.into_scalar(),
            top1: output.top1.into_scalar(),
            temperature: temperature.unwrap_or(self.loss.temperature()),
            gradient_norm: 0.0,
            images,
            rank,
        }
    }
}

/// Concatenates the parts of all devices, on the device of `like`.
fn join(parts: &[Part], like: &Tensor<2>) -> Part {
    let device = like.device();
    let all = |view: usize| {
        Tensor::cat(
            parts.iter().map(|part| part.views[view].clone().to_device(&device)).collect(),
            0,
        )
    };
    let labels = parts.iter().flat_map(|part| part.labels.iter().copied()).collect();
    Part { views: (0..parts[0].views.len()).map(all).collect(), labels }
}
