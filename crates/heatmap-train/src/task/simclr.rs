//! SimCLR: an encoder and a projection head that learn to bring two samples of a class together (Chen et al. 2020).

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{ExecutionError, Tensor};
use burn::train::metric::{Adaptor, ItemLazy};
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_models::{Encoder, ProjectionHead};

use crate::data::PairBatch;
use crate::loss::{NtXent, NtXentOutput};
use crate::metric::Scalar;
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

/// The loss as a metric.
#[derive(Debug, Clone, Copy)]
pub struct ContrastiveLoss(ContrastiveOutput);

/// Contrastive top-1 accuracy as a metric.
#[derive(Debug, Clone, Copy)]
pub struct ContrastiveTop1(ContrastiveOutput);

impl Scalar for ContrastiveLoss {
    const NAME: &'static str = "loss";
    const HIGHER_IS_BETTER: bool = false;

    fn value(&self) -> f64 {
        self.0.loss
    }

    fn samples(&self) -> usize {
        self.0.images
    }
}

impl Scalar for ContrastiveTop1 {
    const NAME: &'static str = "contrastive_top1";
    const HIGHER_IS_BETTER: bool = true;

    fn value(&self) -> f64 {
        self.0.top1
    }

    fn samples(&self) -> usize {
        self.0.images
    }
}

impl Adaptor<ContrastiveLoss> for ContrastiveOutput {
    fn adapt(&self) -> ContrastiveLoss {
        ContrastiveLoss(*self)
    }
}

impl Adaptor<ContrastiveTop1> for ContrastiveOutput {
    fn adapt(&self) -> ContrastiveTop1 {
        ContrastiveTop1(*self)
    }
}
