//! [`StepOutput`]: what the training loop reads from the output of a step.

use burn::train::metric::ItemLazy;

/// The part of a step's output that the training loop uses.
pub trait StepOutput: ItemLazy {
    /// Returns the loss, which the loop checks for NaN and infinity.
    fn loss(&self) -> f64;

    /// Returns the number of images in the batch.
    fn images(&self) -> usize;

    /// Returns the rank of the device that made this output, when several devices share a batch.
    fn rank(&self) -> usize {
        0
    }

    /// Combines this output with that of another device for the same step.
    fn joined(self, _other: Self) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// Stores the global gradient norm before clipping.
    fn record_gradient_norm(&mut self, _norm: f64) {}

    /// Returns the score on held-out samples that selects the best checkpoint; higher is better.
    fn score(&self) -> f64 {
        -self.loss()
    }
}
