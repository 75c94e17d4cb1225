//! What all contrastive losses are made of: every row of a batch scored against the batch and a
//! memory bank.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::memory_bank::BankRows;
use super::projections::{Negatives, Projections};
use super::similarity::{check_views, normalized};
use super::temperature::Temperature;

/// In place of what a row does not see. Finite, because an infinity times the zero gradient behind
/// it would be NaN; far below any 1 / temperature in use.
const HIDDEN: f64 = -1e9;

/// What a row is to be drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Positives {
    /// Its other view. Rows of the bank with its label are not seen: they would be false negatives.
    OtherView,
    /// All other rows with its label, of the batch and of the bank.
    SameLabel,
}

/// Scores of rows against columns; the columns are the rows of both views, then those of the bank,
/// then the negatives.
#[derive(Debug)]
pub(super) struct Scores {
    /// Cosine similarity / temperature, `[rows, columns]`.
    logits: Tensor<2>,
    /// What the row is to be drawn to.
    positives: Tensor<2, Bool>,
    /// What the row does not see: itself, and false negatives.
    hidden: Tensor<2, Bool>,
    /// The negatives that are like the row's class, where there are negatives.
    alike: Option<Tensor<2, Bool>>,
    /// Logarithm of how many times a column counts, where some count otherwise than once.
    log_counts: Option<Tensor<2>>,
}

impl Scores {
    /// The scores of a batch.
    ///
    /// # Panics
    /// When shapes do not fit, or labels are missing that the positives need.
    pub(super) fn new(projections: Projections, temperature: Temperature, kind: Positives) -> Self {
        let Projections { z0, z1, labels, negatives, bank } = projections;
        let pairs = check_views(&z0, &z1);
        let z = normalized(Tensor::cat(vec![z0, z1], 0));
        let mut columns = vec![z.clone()];
        if let Some(BankRows { rows, labels }) = &bank {
            assert_eq!(
                rows.dims()[1],
                z.dims()[1],
                "the memory bank and the views need the same dimension"
            );
            assert_eq!(labels.dims()[0], rows.dims()[0], "one label per row of the memory bank");
            // Without autodiff it is a constant, whatever device it comes from.
            columns.push(rows.clone().without_autodiff().cast(z.dtype()));
        }
        if let Some(Negatives { rows, labels: classes }) = &negatives {
            assert!(labels.is_some(), "negatives of classes need the classes of the pairs");
            assert_eq!(
                rows.dims()[1],
                z.dims()[1],
                "the negatives and the views need the same dimension"
            );
            assert_eq!(classes.len(), rows.dims()[0], "one label per negative");
            columns.push(normalized(rows.clone()));
        }
        if let Some(labels) = &labels {
            assert_eq!(labels.len(), pairs, "one label per pair");
        }
        let masks = Masks { pairs, device: z.device().without_autodiff() };
        let negatives = negatives.map(|negatives| negatives.labels);
        let (positives, hidden, alike) =
            masks.of(kind, labels.as_deref(), bank.map(|bank| bank.labels), negatives);
        // Scaling the rows is less work than scaling the scores.
        let logits = temperature.divide(z).matmul(Tensor::cat(columns, 0).transpose());
        Self { logits, positives, hidden, alike, log_counts: None }
    }

    /// These scores where a negative counts `weight` times for the rows of the class that it is
    /// like.
    pub(super) fn with_negative_weight(self, weight: f64) -> Self {
        let counts = |alike: Tensor<2, Bool>| alike.float().cast(self.logits.dtype()) * weight.ln();
        let log_counts = self.alike.clone().filter(|_| weight != 1.0).map(counts);
        Self { log_counts, ..self }
    }

    /// Mean over the rows of the cross-entropy of picking a positive, itself a mean over the
    /// positives, `[1]`: SupCon, and with one positive NT-Xent.
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
        log_sum_exp(self.counted(), self.hidden.clone())
    }

    /// The scores, raised where a column counts several times.
    fn counted(&self) -> Tensor<2> {
        match &self.log_counts {
            Some(log_counts) => self.logits.clone() + log_counts.clone(),
            None => self.logits.clone(),
        }
    }

    /// The same without the positives; 0 for a row that sees nothing else.
    pub(super) fn log_sum_of_negatives(&self) -> Tensor<2> {
        let others = self.hidden.clone().bool_or(self.positives.clone());
        let none = others.clone().all_dim(1);
        log_sum_exp(self.counted(), others).mask_fill(none, 0.0)
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
    /// Positives, what is hidden, and which of the negatives are like the class of a row.
    fn of(
        &self,
        kind: Positives,
        labels: Option<&[usize]>,
        bank: Option<Tensor<1, Int>>,
        negatives: Option<Vec<usize>>,
    ) -> (Tensor<2, Bool>, Tensor<2, Bool>, Option<Tensor<2, Bool>>) {
        let rows = 2 * self.pairs;
        let size = bank.as_ref().map_or(0, |bank| bank.dims()[0]);
        let columns = rows + size + negatives.as_ref().map_or(0, Vec::len);
        let shape = [rows, columns];
        let column = |at: &dyn Fn(usize) -> usize| {
            let values: Vec<i64> = (0..rows).map(|row| at(row) as i64).collect();
            Tensor::<2, Int>::from_data(TensorData::new(values, [rows, 1]), &self.device)
        };
        let across = column(&|row| row);
        let index = (0..columns).map(|column| column as i64).collect();
        let index = Tensor::<2, Int>::from_data(
            TensorData::new::<i64, _>(index, [1, columns]),
            &self.device,
        );
        let index = index.expand(shape);
        let itself = index.clone().equal(across.expand(shape));
        let of_negatives = index.clone().greater_equal_elem((rows + size) as i64);
        let same_label = labels.map(|labels| {
            let of_rows = column(&|row| labels[row % self.pairs]);
            let mut of_columns = vec![of_rows.clone().reshape([rows])];
            // A record may have brought back another type of integers.
            of_columns.extend(bank.map(|bank| bank.without_autodiff().cast(of_rows.dtype())));
            of_columns.extend(negatives.as_ref().map(|labels| {
                let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
                Tensor::from_data(TensorData::new(labels, [columns - rows - size]), &self.device)
            }));
            let of_columns = Tensor::cat(of_columns, 0).reshape([1, columns]);
            of_rows.expand(shape).equal(of_columns.expand(shape))
        });
        let alike = same_label.clone().filter(|_| negatives.is_some());
        let alike = alike.map(|same_label| same_label.bool_and(of_negatives.clone()));
        let (positives, hidden) = match (kind, same_label) {
            (Positives::OtherView, same_label) => {
                let other =
                    index.clone().equal(column(&|row| (row + self.pairs) % rows).expand(shape));
                let of_bank =
                    index.greater_equal_elem(rows as i64).bool_and(of_negatives.bool_not());
                let hidden = match same_label {
                    Some(same_label) if size > 0 => itself.bool_or(same_label.bool_and(of_bank)),
                    _ => itself,
                };
                (other, hidden)
            }
            // Every row has a positive: its other view.
            (Positives::SameLabel, Some(same_label)) => {
                let others = itself.clone().bool_or(of_negatives).bool_not();
                (same_label.bool_and(others), itself)
            }
            (Positives::SameLabel, None) => panic!("the supervised contrastive loss needs labels"),
        };
        (positives, hidden, alike)
    }
}

/// ln sum exp along the second axis, of what is not hidden: `[rows, 1]`.
fn log_sum_exp(logits: Tensor<2>, hidden: Tensor<2, Bool>) -> Tensor<2> {
    let logits = logits.mask_fill(hidden, HIDDEN);
    let largest = logits.clone().detach().max_dim(1);
    (logits - largest.clone()).exp().sum_dim(1).log() + largest
}
