//! NT-Xent: the normalised temperature-scaled cross-entropy loss of SimCLR.
//!
//! Chen et al. 2020, equation 1: each row must identify the other view of its sample among all
//! other rows of the batch. The loss is the mean over the 2N rows; google-research/simclr returns
//! the sum of two means, which is twice this value.

use burn::config::Config;
use burn::tensor::Tensor;
use heatmap_models::ops;

use super::objective::ContrastiveObjective;
use super::projections::Projections;
use super::scores::{Positives, Scores};
use super::similarity::check_temperature;
use super::temperature::Temperature;

/// Configuration of [`NtXent`].
#[derive(Config, Debug)]
pub struct NtXentConfig {
    /// Temperature that divides the cosine similarities; 0.1 to 0.5 in the paper.
    #[config(default = 0.5)]
    pub temperature: f64,
}

/// The NT-Xent loss, made by [`NtXentConfig::init`].
#[derive(Debug, Clone)]
pub struct NtXent {
    temperature: f64,
}

/// The loss of a batch and its contrastive top-1 accuracy.
#[derive(Debug, Clone)]
pub struct NtXentOutput {
    /// Mean cross-entropy over the 2N rows, `[1]`.
    pub loss: Tensor<1>,
    /// Share of rows whose most similar other row is their other view, `[1]`, without gradient.
    pub top1: Tensor<1>,
}

impl NtXentConfig {
    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the temperature is not positive.
    pub fn init(&self) -> NtXent {
        check_temperature(self.temperature);
        NtXent { temperature: self.temperature }
    }
}

impl NtXent {
    /// Computes the loss of two views.
    ///
    /// # Shapes
    /// - `z0`, `z1`: `[pairs, dim]`, not normalised; row i of both belongs to the same sample
    /// - output: `[1]`
    ///
    /// # Panics
    /// Panics when the shapes differ.
    pub fn forward(&self, z0: Tensor<2>, z1: Tensor<2>) -> Tensor<1> {
        self.forward_with_top1(z0, z1).loss
    }

    /// Computes the loss and the contrastive top-1 accuracy; shapes and panics as in
    /// [`NtXent::forward`].
    pub fn forward_with_top1(&self, z0: Tensor<2>, z1: Tensor<2>) -> NtXentOutput {
        let projections = Projections::new(z0, z1);
        if let Some((loss, top1)) = NtXentObjective.fused(&projections.views, self.temperature) {
            return NtXentOutput { loss, top1 };
        }
        composed(projections, self.temperature)
    }
}

/// NT-Xent among the losses that are chosen by name.
#[derive(Debug, Clone, Copy)]
pub struct NtXentObjective;

impl ContrastiveObjective for NtXentObjective {
    fn positives(&self) -> Positives {
        Positives::OtherView
    }

    fn loss(&self, scores: &Scores) -> Tensor<1> {
        scores.cross_entropy()
    }

    fn fused(&self, views: &Tensor<2>, temperature: f64) -> Option<(Tensor<1>, Tensor<1>)> {
        ops::nt_xent(views, temperature)
    }
}

/// Computes the loss with Burn's tensor operations, where there is no fused one.
fn composed(projections: Projections, temperature: f64) -> NtXentOutput {
    let scores = Scores::new(projections, Temperature::Fixed(temperature), Positives::OtherView);
    NtXentOutput { loss: scores.cross_entropy(), top1: scores.top1() }
}

#[cfg(test)]
mod tests;
