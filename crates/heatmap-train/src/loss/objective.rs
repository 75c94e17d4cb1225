//! [`ContrastiveObjective`]: what one contrastive loss does differently from the others.

use std::fmt;

use burn::tensor::Tensor;

use super::scores::{Positives, Scores};

/// A contrastive loss, given the scores of a batch. Temperature, memory bank, hard negatives and
/// GradCache are the same for all of them; see [`ContrastiveLoss`](super::ContrastiveLoss), which
/// is made of one of ours by name or of anyone's by
/// [`ContrastiveLoss::new`](super::ContrastiveLoss::new).
pub trait ContrastiveObjective: fmt::Debug + Send + Sync {
    /// Returns which rows are the positives of an anchor.
    fn positives(&self) -> Positives;

    /// Computes the mean loss over the anchors, `[1]`.
    fn loss(&self, scores: &Scores) -> Tensor<1>;

    /// Computes the loss and the contrastive top-1 accuracy, `[1]` each, of views alone at a fixed
    /// temperature in a single operation; `None` where there is no such operation.
    ///
    /// # Shapes
    /// - `views`: `[2 * pairs, dim]`, not normalised, all first views before all second ones
    fn fused(&self, _views: &Tensor<2>, _temperature: f64) -> Option<(Tensor<1>, Tensor<1>)> {
        None
    }
}
