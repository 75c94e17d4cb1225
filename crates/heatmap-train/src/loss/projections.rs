//! [`Projections`]: the input of a contrastive loss.

use burn::tensor::Tensor;

use super::memory_bank::BankRows;

/// The projections that a contrastive loss compares, with their labels.
#[derive(Debug, Clone)]
pub struct Projections {
    /// Both views of every pair, `[2 * pairs, dim]`, not normalised: all first views before all
    /// second ones, so that rows i and i + pairs are a positive pair.
    pub views: Tensor<2>,
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
    /// Takes the first view of every pair, `[pairs, dim]`, and the second, without labels,
    /// negatives and bank.
    ///
    /// # Panics
    /// Panics when the shapes differ.
    pub fn new(z0: Tensor<2>, z1: Tensor<2>) -> Self {
        assert_eq!(z0.dims(), z1.dims(), "both views need the same shape [pairs, dim]");
        Self::of_views(Tensor::cat(vec![z0, z1], 0))
    }

    /// Takes both views of every pair, `[2 * pairs, dim]`, all first views before all second ones,
    /// without labels, negatives and bank.
    ///
    /// # Panics
    /// Panics when the number of rows is odd.
    pub fn of_views(views: Tensor<2>) -> Self {
        assert!(views.dims()[0].is_multiple_of(2), "each pair has two views");
        Self { views, labels: None, negatives: None, bank: None }
    }

    /// Returns the number of pairs.
    pub fn pairs(&self) -> usize {
        self.views.dims()[0] / 2
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
