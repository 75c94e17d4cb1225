//! [`Projections`]: what a contrastive loss compares.

use burn::tensor::Tensor;

use super::memory_bank::BankRows;

/// What a contrastive loss compares.
#[derive(Debug, Clone)]
pub struct Projections {
    /// First views, `[pairs, dim]`, not normalised.
    pub z0: Tensor<2>,
    /// Second views, `[pairs, dim]`; row i of both belongs to the same sample.
    pub z1: Tensor<2>,
    /// The class of each pair. SupCon needs them; without them no row of a memory bank is left out.
    pub labels: Option<Vec<usize>>,
    /// Rows that belong to no pair and are negatives of all.
    pub negatives: Option<Negatives>,
    /// Rows of earlier batches.
    pub bank: Option<BankRows>,
}

/// Rows that are negatives of every row of the views, and positives of none.
#[derive(Debug, Clone)]
pub struct Negatives {
    /// Not normalised, `[n, dim]`; gradients flow to them.
    pub rows: Tensor<2>,
    /// The class that each is like, `[n]`.
    pub labels: Vec<usize>,
}

impl Projections {
    /// Two views, without labels, negatives and bank.
    pub fn new(z0: Tensor<2>, z1: Tensor<2>) -> Self {
        Self { z0, z1, labels: None, negatives: None, bank: None }
    }

    /// With the class of each pair.
    pub fn with_labels(self, labels: Vec<usize>) -> Self {
        Self { labels: Some(labels), ..self }
    }

    /// With rows that are negatives of all, if there are any.
    pub fn with_negatives(self, negatives: Option<Negatives>) -> Self {
        Self { negatives, ..self }
    }

    /// With rows of a memory bank, if there are any.
    pub fn with_bank(self, bank: Option<BankRows>) -> Self {
        Self { bank, ..self }
    }
}
