//! [`StepOutput`]: what the loop needs to know of a step.

use burn::train::metric::ItemLazy;

/// What the loop needs to know of a step.
pub trait StepOutput: ItemLazy {
    /// The loss, in which the loop looks for NaN and infinity.
    fn loss(&self) -> f64;

    /// Images in the batch.
    fn images(&self) -> usize;

    /// Which of the devices that share a batch says so.
    fn rank(&self) -> usize {
        0
    }

    /// What this device and another one came to in the same step.
    fn joined(self, _other: Self) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// Takes the length of the gradient over all parameters, before clipping.
    fn record_gradient_norm(&mut self, _norm: f64) {}

    /// What the best checkpoint is chosen by, on held-out samples: higher is better.
    fn score(&self) -> f64 {
        -self.loss()
    }
}
