//! What all contrastive losses are made of: every row of a batch scored against the batch and a memory bank.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::contrastive::Projections;
use super::memory_bank::BankRows;
use super::similarity::{check_views, normalized};
use super::temperature::Temperature;

/// In place of what a row does not see. Finite, because an infinity times the zero gradient behind it would be NaN; far below
/// any 1 / temperature in use.
const HIDDEN: f64 = -1e9;

/// What a row is to be drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Positives {
    /// Its other view. Rows of the bank with its label are not seen: they would be false negatives.
    OtherView,
    /// All other rows with its label, of the batch and of the bank.
    SameLabel,
}

/// Scores of rows against columns; the columns are the rows of both views, then those of the bank.
#[derive(Debug)]
pub(super) struct Scores {
    /// Cosine similarity / temperature, `[rows, columns]`.
    logits: Tensor<2>,
    /// What the row is to be drawn to.
    positives: Tensor<2, Bool>,
    /// What the row does not see: itself, and false negatives.
    hidden: Tensor<2, Bool>,
}

impl Scores {
    /// The scores of a batch.
    ///
    /// # Panics
    /// When shapes do not fit, or labels are missing that the positives need.
    pub(super) fn new(projections: Projections, temperature: Temperature, kind: Positives) -> Self {
        let Projections { z0, z1, labels, bank } = projections;
        let pairs = check_views(&z0, &z1);
        let z = normalized(Tensor::cat(vec![z0, z1], 0));
        let mut columns = z.clone();
        if let Some(BankRows { rows, labels }) = &bank {
            assert_eq!(rows.dims()[1], z.dims()[1], "the memory bank and the views need the same dimension");
            assert_eq!(labels.dims()[0], rows.dims()[0], "one label per row of the memory bank");
            // Without autodiff it is a constant, whatever device it comes from.
            columns = Tensor::cat(vec![columns, rows.clone().without_autodiff().cast(z.dtype())], 0);
        }
        if let Some(labels) = &labels {
            assert_eq!(labels.len(), pairs, "one label per pair");
        }
        let masks = Masks { pairs, device: z.device().without_autodiff() };
        let (positives, hidden) = masks.of(kind, labels.as_deref(), bank.map(|bank| bank.labels));
        // Scaling the rows is less work than scaling the scores.
        let logits = temperature.divide(z).matmul(columns.transpose());
        Self { logits, positives, hidden }
    }

    /// Mean over the rows of the cross-entropy of picking a positive, itself a mean over the positives, `[1]`: SupCon, and with
    /// one positive NT-Xent.
    pub(super) fn cross_entropy(&self) -> Tensor<1> {
        (self.log_sum() - self.attraction()).mean()
    }

    /// How much a row is drawn: the mean score of its positives, `[rows, 1]`.
    pub(super) fn attraction(&self) -> Tensor<2> {
        let positives = self.positives.clone().float().cast(self.logits.dtype());
        (self.logits.clone() * positives.clone()).sum_dim(1) / positives.sum_dim(1)
    }

    /// The logarithm of the sum of exp(score) over all that a row sees, `[rows, 1]`.
    fn log_sum(&self) -> Tensor<2> {
        log_sum_exp(self.logits.clone(), self.hidden.clone())
    }

    /// The same without the positives; 0 for a row that sees nothing else.
    pub(super) fn log_sum_of_negatives(&self) -> Tensor<2> {
        let others = self.hidden.clone().bool_or(self.positives.clone());
        let none = others.clone().all_dim(1);
        log_sum_exp(self.logits.clone(), others).mask_fill(none, 0.0)
    }

    /// Share of rows whose highest score is that of a positive, `[1]`, without gradient.
    pub(super) fn top1(&self) -> Tensor<1> {
        let logits = self.logits.clone().without_autodiff();
        let right = logits.clone().mask_fill(self.positives.clone().bool_not(), HIDDEN).max_dim(1);
        let best = logits.mask_fill(self.hidden.clone(), HIDDEN).max_dim(1);
        right.greater_equal(best).float().mean()
    }
}

/// Makes the masks of a batch.
struct Masks {
    pairs: usize,
    device: Device,
}

impl Masks {
    /// Positives, and what is hidden.
    fn of(
        &self,
        kind: Positives,
        labels: Option<&[usize]>,
        bank: Option<Tensor<1, Int>>,
    ) -> (Tensor<2, Bool>, Tensor<2, Bool>) {
        let rows = 2 * self.pairs;
        let size = bank.as_ref().map_or(0, |bank| bank.dims()[0]);
        let shape = [rows, rows + size];
        let column = |at: &dyn Fn(usize) -> usize| {
            let values: Vec<i64> = (0..rows).map(|row| at(row) as i64).collect();
            Tensor::<2, Int>::from_data(TensorData::new(values, [rows, 1]), &self.device)
        };
        let across = column(&|row| row);
        let index = (0..rows + size).map(|column| column as i64).collect();
        let index = Tensor::<2, Int>::from_data(TensorData::new::<i64, _>(index, [1, rows + size]), &self.device);
        let index = index.expand(shape);
        let itself = index.clone().equal(across.expand(shape));
        let same_label = labels.map(|labels| {
            let of_rows = column(&|row| labels[row % self.pairs]);
            let mut of_columns = vec![of_rows.clone().reshape([rows])];
            // A record may have brought back another type of integers.
            of_columns.extend(bank.map(|bank| bank.without_autodiff().cast(of_rows.dtype())));
            let of_columns = Tensor::cat(of_columns, 0).reshape([1, rows + size]);
            of_rows.expand(shape).equal(of_columns.expand(shape))
        });
        match (kind, same_label) {
            (Positives::OtherView, same_label) => {
                let other = index.clone().equal(column(&|row| (row + self.pairs) % rows).expand(shape));
                let of_bank = index.greater_equal_elem(rows as i64);
                let hidden = match same_label {
                    Some(same_label) if size > 0 => itself.bool_or(same_label.bool_and(of_bank)),
                    _ => itself,
                };
                (other, hidden)
            }
            // Every row has a positive: its other view.
            (Positives::SameLabel, Some(same_label)) => (same_label.bool_and(itself.clone().bool_not()), itself),
            (Positives::SameLabel, None) => panic!("the supervised contrastive loss needs labels"),
        }
    }
}

/// ln sum exp along the second axis, of what is not hidden: `[rows, 1]`.
fn log_sum_exp(logits: Tensor<2>, hidden: Tensor<2, Bool>) -> Tensor<2> {
    let logits = logits.mask_fill(hidden, HIDDEN);
    let largest = logits.clone().detach().max_dim(1);
    (logits - largest.clone()).exp().sum_dim(1).log() + largest
}
