//! SimCLR: an encoder and a projection head that learn to bring two samples of a class together (Chen et al. 2020).

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{ExecutionError, Tensor};
use burn::train::metric::ItemLazy;
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_models::{Encoder, ProjectionHead};

use crate::data::PairBatch;
use crate::loss::{NtXent, NtXentOutput};
use crate::metric::scalar_metrics;
use crate::run::StepOutput;

/// Encoder, projection head and loss.
#[derive(Module, Debug)]
pub struct SimClr<E: Encoder + ModuleDisplay> {
    encoder: E,
    projection: ProjectionHead,
    #[module(skip)]
    loss: NtXent,
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastiveOutput {
    /// NT-Xent of the batch.
    pub loss: f64,
    /// Share of images whose nearest other projection is that of their pair.
    pub top1: f64,
    /// Images in the batch: two a pair.
    pub images: usize,
}

impl<E: Encoder + ModuleDisplay> SimClr<E> {
    /// The task of these parts.
    pub fn new(encoder: E, projection: ProjectionHead, loss: NtXent) -> Self {
        Self { encoder, projection, loss }
    }

    /// The encoder, for what comes after training.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    fn forward(&self, batch: PairBatch) -> (NtXentOutput, usize) {
        let images = batch.images.dims()[0];
        let projections = self.projection.forward(self.encoder.forward_features(batch.images));
        let view = |at: usize| -> Tensor<2> { projections.clone().narrow(0, at * images / 2, images / 2) };
        (self.loss.forward_with_top1(view(0), view(1)), images)
    }
}

impl<E: Encoder + ModuleDisplay> TrainStep for SimClr<E> {
    type Input = PairBatch;
    type Output = ContrastiveOutput;

    fn step(&self, batch: PairBatch) -> TrainOutput<ContrastiveOutput> {
        let (output, images) = self.forward(batch);
        let gradients = output.loss.backward();
        TrainOutput::new(self, gradients, ContrastiveOutput::read(output, images))
    }
}

impl<E: Encoder + ModuleDisplay> InferenceStep for SimClr<E> {
    type Input = PairBatch;
    type Output = ContrastiveOutput;

    fn step(&self, batch: PairBatch) -> ContrastiveOutput {
        let (output, images) = self.forward(batch);
        ContrastiveOutput::read(output, images)
    }
}

impl ContrastiveOutput {
    fn read(output: NtXentOutput, images: usize) -> Self {
        Self { loss: output.loss.into_scalar(), top1: output.top1.into_scalar(), images }
    }
}

impl ItemLazy for ContrastiveOutput {
    /// Nothing is left on the device.
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for ContrastiveOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }
}

scalar_metrics!(ContrastiveOutput {
    /// The loss as a metric.
    ContrastiveLoss = "loss", higher_is_better: false, loss;
    /// Contrastive top-1 accuracy as a metric.
    ContrastiveTop1 = "contrastive_top1", higher_is_better: true, top1;
});
