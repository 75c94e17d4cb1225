//! [`ContrastiveOutput`]: what a step came to, and its metrics.

use burn::tensor::ExecutionError;
use burn::train::metric::ItemLazy;

use crate::metric::scalar_metrics;
use crate::task::StepOutput;

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastiveOutput {
    /// Loss of the batch.
    pub loss: f64,
    /// Share of images whose nearest other projection is that of their pair.
    pub top1: f64,
    /// TemperatureMetric that the loss was taken with.
    pub temperature: f64,
    /// Length of the gradient over all parameters, before clipping; 0 where there was none.
    pub gradient_norm: f64,
    /// Images in the batch: two a pair.
    pub images: usize,
    /// Which of the devices that share the batch says so.
    pub rank: usize,
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

    fn rank(&self) -> usize {
        self.rank
    }

    fn record_gradient_norm(&mut self, norm: f64) {
        self.gradient_norm = norm;
    }

    /// All devices know the loss of the whole batch; each has but its own images.
    fn joined(self, other: Self) -> Self {
        Self { images: self.images + other.images, ..self }
    }
}

scalar_metrics!(ContrastiveOutput {
    /// The loss as a metric.
    ContrastiveLossMetric = "loss", higher_is_better: false, loss;
    /// Contrastive top-1 accuracy as a metric.
    ContrastiveTop1 = "contrastive_top1", higher_is_better: true, top1;
    /// The temperature as a metric, for one that learns.
    TemperatureMetric = "temperature", higher_is_better: false, temperature;
    /// The length of the gradient as a metric.
    GradientNorm = "gradient_norm", higher_is_better: false, gradient_norm;
});
