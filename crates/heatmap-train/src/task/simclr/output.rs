//! [`ContrastiveOutput`]: the output of a SimCLR step, and its metrics.

use burn::tensor::ExecutionError;
use burn::train::metric::ItemLazy;

use crate::metric::scalar_metrics;
use crate::task::StepOutput;

/// The output of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastiveOutput {
    /// Loss of the batch.
    pub loss: f64,
    /// Contrastive top-1 accuracy: share of views whose most similar other projection is a
    /// positive.
    pub top1: f64,
    /// Temperature with which the loss was computed.
    pub temperature: f64,
    /// Global gradient norm before clipping; 0 if no gradient was computed.
    pub gradient_norm: f64,
    /// Number of images in the batch: two views per pair, and its negatives.
    pub images: usize,
    /// Rank of the device that made this output, when several devices share the batch.
    pub rank: usize,
}

impl ItemLazy for ContrastiveOutput {
    /// Does nothing, since no value is left on the device.
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

    fn rank(&self) -> usize {
        self.rank
    }

    fn record_gradient_norm(&mut self, norm: f64) {
        self.gradient_norm = norm;
    }

    /// Adds the numbers of images; every device already has the loss of the whole batch.
    fn joined(self, other: Self) -> Self {
        Self { images: self.images + other.images, ..self }
    }
}

scalar_metrics!(ContrastiveOutput {
    /// Metric that reports the loss.
    ContrastiveLossMetric = "loss", higher_is_better: false, loss;
    /// Metric that reports the contrastive top-1 accuracy.
    ContrastiveTop1 = "contrastive_top1", higher_is_better: true, top1;
    /// Metric that reports the temperature, of interest if it is learnt.
    TemperatureMetric = "temperature", higher_is_better: false, temperature;
    /// Metric that reports the global gradient norm before clipping.
    GradientNorm = "gradient_norm", higher_is_better: false, gradient_norm;
});
