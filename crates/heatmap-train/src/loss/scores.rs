//! [`Scores`]: the similarity matrix, with its masks, that all contrastive losses are computed
//! from.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::memory_bank::BankRows;
use super::projections::{Negatives, Projections};
use super::similarity::normalized;
use super::temperature::Temperature;

/// Score of a masked entry. It is finite, because an infinity times a gradient of zero would be NaN
/// in the backward pass, and it is far below any 1 / temperature in use.
const HIDDEN: f64 = -1e9;

/// Which rows are the positives of an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positives {
    /// Its other view. Rows of the bank with the same label are masked, as they would be false
    /// negatives.
    OtherView,
    /// All other rows with the same label, in the batch and in the bank.
    SameLabel,
}

/// Scores of the anchors (rows) against all candidates (columns). The columns are the rows of both
/// views, then those of the bank, then the hard negatives.
#[derive(Debug)]
pub struct Scores {
    /// The anchors, unit vectors, `[rows, dim]`: all first views before all second ones.
    anchors: Tensor<2>,
    /// Cosine similarity / temperature, `[rows, columns]`.
    logits: Tensor<2>,
    /// Marks the positives of each anchor, `[rows, columns]`.
    positives: Tensor<2, Bool>,
    /// Marks the columns that an anchor ignores, `[rows, columns]`: itself, and false negatives.
    hidden: Tensor<2, Bool>,
    /// Marks the hard negatives that resemble the anchor's class, `[rows, columns]`; `None` if
    /// there are no hard negatives.
    alike: Option<Tensor<2, Bool>>,
    /// Logarithm of the number of times that each column counts, `[rows, columns]`; `None` if all
    /// count once.
    log_counts: Option<Tensor<2>>,
}

impl Scores {
    /// Computes the scores of a batch.
    ///
    /// # Panics
    /// Panics when shapes do not fit, or when labels are missing that the positives or negatives
    /// need.
    pub(super) fn new(projections: Projections, temperature: Temperature, kind: Positives) -> Self {
        let pairs = projections.pairs();
        let Projections { views, labels, negatives, bank } = projections;
        let z = normalized(views);
        let mut columns = vec![z.clone()];
        if let Some(BankRows { rows, labels }) = &bank {
            assert_eq!(
                rows.dims()[1],
                z.dims()[1],
                "the memory bank and the views need the same dimension"
            );
            assert_eq!(labels.dims()[0], rows.dims()[0], "one label per row of the memory bank");
            // The bank is a constant in the loss, whether or not its tensors are on an autodiff
            // device.
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
        // Scaling the rows is less work than scaling the larger score matrix.
        let logits = temperature.divide(z.clone()).matmul(Tensor::cat(columns, 0).transpose());
        Self { anchors: z, logits, positives, hidden, alike, log_counts: None }
    }

    /// Makes a hard negative count `weight` times for anchors of the class that it resembles.
    pub(super) fn with_negative_weight(self, weight: f64) -> Self {
        let counts = |alike: Tensor<2, Bool>| alike.float().cast(self.logits.dtype()) * weight.ln();
        let log_counts = self.alike.clone().filter(|_| weight != 1.0).map(counts);
        Self { log_counts, ..self }
    }

    /// Computes the mean over the anchors of the cross-entropy of picking a positive, averaged over
    /// the positives of each anchor; `[1]`. This is SupCon, and with one positive per anchor
    /// NT-Xent.
    pub fn cross_entropy(&self) -> Tensor<1> {
        (self.log_sum() - self.attraction()).mean()
    }

    /// Returns the anchors as unit vectors, `[rows, dim]`: all first views before all second ones.
    pub fn anchors(&self) -> Tensor<2> {
        self.anchors.clone()
    }

    /// Returns the positive term of the losses: the mean score of each anchor's positives,
    /// `[rows, 1]`.
    pub fn attraction(&self) -> Tensor<2> {
        let positives = self.positives.clone().float().cast(self.logits.dtype());
        (self.logits.clone() * positives.clone()).sum_dim(1) / positives.sum_dim(1)
    }

    /// Returns the log-sum-exp of the scores over all columns that an anchor does not ignore,
    /// `[rows, 1]`.
    fn log_sum(&self) -> Tensor<2> {
        log_sum_exp(self.counted(), self.hidden.clone())
    }

    /// Returns the scores, plus the logarithm of how many times each column counts.
    fn counted(&self) -> Tensor<2> {
        match &self.log_counts {
            Some(log_counts) => self.logits.clone() + log_counts.clone(),
            None => self.logits.clone(),
        }
    }

    /// Returns the log-sum-exp of the scores over the negatives only, `[rows, 1]`; 0 for an anchor
    /// without negatives.
    pub fn log_sum_of_negatives(&self) -> Tensor<2> {
        let others = self.hidden.clone().bool_or(self.positives.clone());
        let none = others.clone().all_dim(1);
        log_sum_exp(self.counted(), others).mask_fill(none, 0.0)
    }

    /// Returns the share of anchors whose highest score is that of a positive, `[1]`, without
    /// gradient.
    pub fn top1(&self) -> Tensor<1> {
        let logits = self.logits.clone().without_autodiff();
        let right = logits.clone().mask_fill(self.positives.clone().bool_not(), HIDDEN).max_dim(1);
        let best = logits.mask_fill(self.hidden.clone(), HIDDEN).max_dim(1);
        right.greater_equal(best).float().mean()
    }
}

/// Computes the boolean masks of a batch.
struct Masks {
    pairs: usize,
    device: Device,
}

impl Masks {
    /// Returns three masks: the positives, the ignored columns, and the hard negatives that
    /// resemble the class of the anchor.
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
            // Labels loaded from a record may have another integer type.
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
            // No row is left without a positive, since it has at least its other view.
            (Positives::SameLabel, Some(same_label)) => {
                let others = itself.clone().bool_or(of_negatives).bool_not();
                (same_label.bool_and(others), itself)
            }
            (Positives::SameLabel, None) => panic!("the supervised contrastive loss needs labels"),
        };
        (positives, hidden, alike)
    }
}

/// Computes the log-sum-exp along the second axis over the columns that are not hidden,
/// `[rows, 1]`.
fn log_sum_exp(logits: Tensor<2>, hidden: Tensor<2, Bool>) -> Tensor<2> {
    let logits = logits.mask_fill(hidden, HIDDEN);
    let largest = logits.clone().detach().max_dim(1);
    (logits - largest.clone()).exp().sum_dim(1).log() + largest
}
