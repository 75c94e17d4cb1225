//! [`TaskOutput`]: the output of a step of the caller's own task, and its metrics.

use burn::tensor::ExecutionError;
use burn::train::metric::ItemLazy;

use crate::metric::scalar_metrics;
use crate::task::StepOutput;

/// What a step of the caller's own task computes, for [`train_task`](crate::run::train_task) and
/// [`train_pair_task`](crate::run::train_pair_task).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskOutput {
    /// Loss of the batch.
    pub loss: f64,
    /// Score of the batch, such as an accuracy; higher is better. It selects the best checkpoint.
    pub score: f64,
    /// Number of images in the batch.
    pub images: usize,
}

impl ItemLazy for TaskOutput {
    /// Does nothing, since no value is left on the device.
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for TaskOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }

    fn score(&self) -> f64 {
        self.score
    }
}

scalar_metrics!(TaskOutput {
    /// Metric that reports the loss.
    TaskLoss = "loss", higher_is_better: false, loss;
    /// Metric that reports the score.
    TaskScore = "score", higher_is_better: true, score;
});
