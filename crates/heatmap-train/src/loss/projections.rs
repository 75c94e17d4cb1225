//! [`Projections`]: the input of a contrastive loss.

use burn::tensor::Tensor;

use super::memory_bank::BankRows;

/// The projections that a contrastive loss compares, with their labels.
#[derive(Debug, Clone)]
pub struct Projections {
    /// First view of every pair, `[pairs, dim]`, not normalised.
    pub z0: Tensor<2>,
    /// Second view of every pair, `[pairs, dim]`; row i of `z0` and row i of `z1` are a positive
    /// pair.
    pub z1: Tensor<2>,
    /// Class label of each pair. SupCon requires labels; without them no row of a memory bank is
    /// ignored as a false negative.
    pub labels: Option<Vec<usize>>,
    /// Hard negatives: rows that belong to no pair and are negatives of every anchor.
    pub negatives: Option<Negatives>,
    /// Rows of earlier batches from a memory bank.
    pub bank: Option<BankRows>,
}

/// Rows that are negatives of every row of the views, and never positives or anchors.
#[derive(Debug, Clone)]
pub struct Negatives {
    /// The rows, `[n, dim]`, not normalised; gradients flow to them.
    pub rows: Tensor<2>,
    /// The class that each row resembles, `[n]`.
    pub labels: Vec<usize>,
}

impl Projections {
    /// Takes two views, without labels, negatives and bank.
    pub fn new(z0: Tensor<2>, z1: Tensor<2>) -> Self {
        Self { z0, z1, labels: None, negatives: None, bank: None }
    }

    /// Adds the class label of each pair.
    pub fn with_labels(self, labels: Vec<usize>) -> Self {
        Self { labels: Some(labels), ..self }
    }

    /// Adds hard negatives, if there are any.
    pub fn with_negatives(self, negatives: Option<Negatives>) -> Self {
        Self { negatives, ..self }
    }

    /// Adds rows of a memory bank, if there are any.
    pub fn with_bank(self, bank: Option<BankRows>) -> Self {
        Self { bank, ..self }
    }
}
