//! [`CountReport`]: how accurately clusters are counted, given predicted probabilities of every
//! count.
//!
//! A predicted distribution gives three point estimates: the mode maximises the accuracy, the
//! median minimises the expected absolute error, and the mean minimises the expected squared error.
//! Each is scored by the measure that suits it. Calibration follows Guo et al. 2017 (On Calibration
//! of Modern Neural Networks, section 2): 15 bins of equal width over the confidence, which is the
//! probability of the mode.

use std::ops::RangeInclusive;

use heatmap_core::analysis::accuracy;
use serde::Serialize;

use crate::{Error, Result};

/// Number of confidence bins, as in the paper.
const CONFIDENCE_BINS: usize = 15;

/// How far the sum of the probabilities of a sample may deviate from 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// Predicted probabilities of every count, with the true counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CountPredictions {
    probabilities: Vec<f64>,
    /// True count of each sample, as a class index.
    classes: Vec<usize>,
    counts: RangeInclusive<usize>,
}

/// One bin of a reliability diagram, with at least one sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Mean confidence, that is, the mean probability of the mode.
    pub confidence: f64,
    /// Share of samples whose mode is correct.
    pub accuracy: f64,
    /// Number of samples in the bin.
    pub samples: usize,
}

/// Calibration: whether predictions made with a confidence of, say, 70 % are correct in 70 % of the
/// cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error (ECE): the absolute difference between confidence and accuracy of
    /// a bin, averaged over the samples; 0 is best.
    pub expected_calibration_error: f64,
    /// The bins that hold samples, in order of increasing confidence.
    pub bins: Vec<ReliabilityBin>,
}

/// Accuracy, errors and calibration of predicted counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountReport {
    /// Share of samples whose mode is the true count.
    pub exact_accuracy: f64,
    /// Standard error of `exact_accuracy`.
    pub exact_accuracy_standard_error: f64,
    /// Share of samples whose mode is wrong by at most 1.
    pub within_one: f64,
    /// Mean absolute error of the mode.
    pub mae: f64,
    /// Mean absolute error of the median.
    pub mae_of_median: f64,
    /// Mean absolute error of the mean, which is not rounded.
    pub mae_of_expected: f64,
    /// Root mean squared error of the mean, which is not rounded.
    pub rmse_of_expected: f64,
    /// The smallest count, which is class 0.
    pub min_count: usize,
    /// Accuracy for the samples of each true count, from `min_count` on; `None` for a count that
    /// does not occur.
    pub accuracy_per_count: Vec<Option<f64>>,
    /// Confusion matrix: number of samples by true count (outer) and mode (inner), both from
    /// `min_count` on.
    pub confusion: Vec<Vec<u64>>,
    /// Calibration of the confidence.
    pub calibration: Calibration,
    /// Mean negative log-likelihood of the true count, in nats. A probability of 0 is replaced by
    /// the smallest positive normal number, so one sample costs at most 708.
    pub nll: f64,
    /// Brier score: mean squared distance between the predicted probabilities and the one-hot true
    /// count, summed over the counts; from 0 to 2, 0 is best.
    pub brier_score: f64,
    /// Number of samples scored.
    pub samples: usize,
}

impl CountPredictions {
    /// Combines predicted `probabilities`, row-major `[samples, num_classes]`, with the true
    /// counts; class i stands for the i-th of `counts`.
    ///
    /// # Errors
    /// Returns an error when there is no sample, when the lengths do not fit, when a true count has
    /// no class, or when the probabilities of a sample are invalid: negative, not finite, or with a
    /// sum that deviates from 1 by more than 0.001.
    pub fn new(
        probabilities: Vec<f64>,
        truth: Vec<usize>,
        counts: RangeInclusive<usize>,
    ) -> Result<Self> {
        let num_classes = counts.clone().count();
        if truth.is_empty() || num_classes == 0 || probabilities.len() != truth.len() * num_classes
        {
            let (got, samples) = (probabilities.len(), truth.len());
            return Err(Error::data(format!(
                "{got} probabilities for {samples} samples of {num_classes} counts"
            )));
        }
        for (sample, (row, count)) in
            probabilities.chunks_exact(num_classes).zip(&truth).enumerate()
        {
            if !counts.contains(count) {
                let (first, last) = (counts.start(), counts.end());
                let reason = format!(
                    "sample {sample}: a true count of {count} with classes from {first} to {last}"
                );
                return Err(Error::data(reason));
            }
            if let Some(wrong) = row.iter().find(|p| !(p.is_finite() && **p >= 0.0)) {
                return Err(Error::data(format!("sample {sample}: {wrong} is not a probability")));
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(Error::data(format!(
                    "sample {sample}: the probabilities sum to {sum}, not to 1"
                )));
            }
        }
        let classes = truth.into_iter().map(|count| count - counts.start()).collect();
        Ok(Self { probabilities, classes, counts })
    }

    /// Returns the true count of each sample.
    pub fn truth(&self) -> Vec<usize> {
        self.classes.iter().map(|class| self.counts.start() + class).collect()
    }

    /// Returns the range of counts that the classes stand for.
    pub fn counts(&self) -> RangeInclusive<usize> {
        self.counts.clone()
    }

    /// Returns the most probable count of each sample, the smaller one on a tie.
    pub fn mode(&self) -> Vec<usize> {
        self.rows().map(|row| self.counts.start() + mode(row)).collect()
    }

    /// Returns the median count of each sample: the smallest count that is not exceeded with a
    /// probability of at least one half.
    pub fn median(&self) -> Vec<usize> {
        self.rows().map(|row| self.counts.start() + median(row)).collect()
    }

    /// Returns the mean of the predicted distribution of each sample.
    pub fn expected(&self) -> Vec<f64> {
        self.rows().map(|row| *self.counts.start() as f64 + expected(row)).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.counts.clone().count())
    }
}

fn mode(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, count| if row[count] > row[best] { count } else { best })
}

fn median(row: &[f64]) -> usize {
    let mut cumulative = 0.0_f64;
    let half = row.iter().position(|p| {
        cumulative += p;
        cumulative >= 0.5
    });
    // The sum of a row is close to 1, so one half is always reached.
    half.unwrap_or(row.len() - 1)
}

fn expected(row: &[f64]) -> f64 {
    row.iter().enumerate().map(|(class, p)| class as f64 * p).sum()
}

impl Calibration {
    /// Computes the calibration from the confidence of each answer and whether it is correct.
    fn new(answers: &[(f64, bool)]) -> Self {
        let mut sums = [(0.0_f64, 0_usize, 0_usize); CONFIDENCE_BINS];
        for &(confidence, right) in answers {
            // Bin m of M covers confidences above (m - 1) / M and up to m / M, inclusive.
            let bin = ((confidence * CONFIDENCE_BINS as f64).ceil() as usize)
                .clamp(1, CONFIDENCE_BINS)
                - 1;
            sums[bin].0 += confidence;
            sums[bin].1 += usize::from(right);
            sums[bin].2 += 1;
        }
        let held = sums.iter().filter(|(_, _, samples)| *samples > 0);
        let bins: Vec<ReliabilityBin> = held
            .map(|&(confidence, right, samples)| ReliabilityBin {
                confidence: confidence / samples as f64,
                accuracy: right as f64 / samples as f64,
                samples,
            })
            .collect();
        let gap = |bin: &ReliabilityBin| bin.samples as f64 * (bin.accuracy - bin.confidence).abs();
        let expected_calibration_error = bins.iter().map(gap).sum::<f64>() / answers.len() as f64;
        Self { expected_calibration_error, bins }
    }
}

impl CountReport {
    /// Computes all scores of `predictions`.
    pub fn new(predictions: &CountPredictions) -> Self {
        // Errors are the same for counts and for class indices, which differ by a constant.
        let truth = &predictions.classes;
        let rows: Vec<&[f64]> = predictions.rows().collect();
        let answers = |answer: fn(&[f64]) -> usize| -> Vec<usize> {
            rows.iter().map(|row| answer(row)).collect()
        };
        let (mode, median) = (answers(mode), answers(median));
        let expected: Vec<f64> = rows.iter().map(|row| expected(row)).collect();
        let samples = truth.len();
        let mean =
            |value: &dyn Fn(usize) -> f64| (0..samples).map(value).sum::<f64>() / samples as f64;

        let num_classes = predictions.counts().count();
        let mut confusion = vec![vec![0_u64; num_classes]; num_classes];
        for (&truth, &mode) in truth.iter().zip(&mode) {
            confusion[truth][mode] += 1;
        }
        let accuracy_per_count = confusion.iter().enumerate().map(|(class, row)| {
            let occurs: u64 = row.iter().sum();
            (occurs > 0).then_some(row[class] as f64 / occurs as f64)
        });

        let answers: Vec<(f64, bool)> =
            (0..samples).map(|at| (rows[at][mode[at]], mode[at] == truth[at])).collect();
        let exact_accuracy = accuracy(&mode, truth);
        let squared_to_certainty = |at: usize| -> f64 {
            rows[at]
                .iter()
                .enumerate()
                .map(|(class, p)| (p - f64::from(class == truth[at])).powi(2))
                .sum()
        };
        Self {
            exact_accuracy,
            exact_accuracy_standard_error: (exact_accuracy * (1.0 - exact_accuracy)
                / samples as f64)
                .sqrt(),
            within_one: mean(&|at| f64::from(mode[at].abs_diff(truth[at]) <= 1)),
            mae: mean(&|at| mode[at].abs_diff(truth[at]) as f64),
            mae_of_median: mean(&|at| median[at].abs_diff(truth[at]) as f64),
            mae_of_expected: mean(&|at| (expected[at] - truth[at] as f64).abs()),
            rmse_of_expected: mean(&|at| (expected[at] - truth[at] as f64).powi(2)).sqrt(),
            min_count: *predictions.counts.start(),
            accuracy_per_count: accuracy_per_count.collect(),
            calibration: Calibration::new(&answers),
            nll: mean(&|at| rows[at][truth[at]].max(f64::MIN_POSITIVE).recip().ln()),
            brier_score: mean(&squared_to_certainty),
            confusion,
            samples,
        }
    }
}

#[cfg(test)]
mod tests;
