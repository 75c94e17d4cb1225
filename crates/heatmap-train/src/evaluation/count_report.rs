//! How well clusters are counted, from the probability of every count.
//!
//! One distribution gives three answers: its mode is right most often, its median has the least expected absolute
//! error, its mean the least expected squared error. Each is scored by what it is good at. Calibration follows Guo et
//! al. 2017 (On Calibration of Modern Neural Networks, section 2): 15 bins of equal width over the confidence in the
//! mode.

use heatmap_core::analysis::accuracy;
use serde::Serialize;

use super::data_error;
use crate::Result;

/// Bins of confidence, as in the paper.
const CONFIDENCE_BINS: usize = 15;

/// How far the probabilities of a sample may sum from 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// Probabilities of every count with the true counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CountPredictions {
    probabilities: Vec<f64>,
    truth: Vec<usize>,
    num_classes: usize,
}

/// One bin of a reliability diagram; it holds a sample at least.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Mean probability of the mode.
    pub confidence: f64,
    /// Share of samples whose mode is right.
    pub accuracy: f64,
    /// Samples in the bin.
    pub samples: usize,
}

/// Whether a confidence of 70 % is right in 70 % of the cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Mean over the samples of the distance between confidence and accuracy of their bin (ECE); 0 is best.
    pub expected_calibration_error: f64,
    /// The bins that hold samples, by increasing confidence.
    pub bins: Vec<ReliabilityBin>,
}

/// The numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountReport {
    /// Share of samples whose mode is the true count.
    pub exact_accuracy: f64,
    /// Standard error of `exact_accuracy`.
    pub exact_accuracy_standard_error: f64,
    /// Share of samples whose mode is off by 1 at most.
    pub within_one: f64,
    /// Mean absolute error of the mode.
    pub mae: f64,
    /// Mean absolute error of the median.
    pub mae_of_median: f64,
    /// Mean absolute error of the mean count, which is not rounded.
    pub mae_of_expected: f64,
    /// Root of the mean squared error of the mean count, which is not rounded.
    pub rmse_of_expected: f64,
    /// Accuracy on the samples of each true count; `None` for a count that does not occur.
    pub accuracy_per_count: Vec<Option<f64>>,
    /// Samples by true count (outer) and mode (inner).
    pub confusion: Vec<Vec<u64>>,
    /// Confidence against accuracy.
    pub calibration: Calibration,
    /// Mean negative logarithm of the probability of the true count. A probability of 0 counts as the smallest positive
    /// normal number, so that one sample costs 708 at most.
    pub nll: f64,
    /// Mean squared distance from the probabilities to certainty of the true count, summed over the counts: 0 to 2.
    pub brier_score: f64,
    /// Samples scored.
    pub samples: usize,
}

impl CountPredictions {
    /// From `probabilities`, row-major, [samples, num_classes], and the `truth`: class k is a count of k.
    ///
    /// # Errors
    /// Without a sample, when the lengths do not fit or a true count has no class, and when the probabilities of a
    /// sample are not probabilities: negative, not finite, or with a sum that is further than 0.001 from 1.
    pub fn new(probabilities: Vec<f64>, truth: Vec<usize>, num_classes: usize) -> Result<Self> {
        if truth.is_empty() || num_classes == 0 || probabilities.len() != truth.len() * num_classes {
            let (got, samples) = (probabilities.len(), truth.len());
            return Err(data_error(format!("{got} probabilities for {samples} samples of {num_classes} counts")));
        }
        for (sample, (row, &count)) in probabilities.chunks_exact(num_classes).zip(&truth).enumerate() {
            if count >= num_classes {
                return Err(data_error(format!("sample {sample}: a true count of {count} with {num_classes} classes")));
            }
            if let Some(wrong) = row.iter().find(|p| !(p.is_finite() && **p >= 0.0)) {
                return Err(data_error(format!("sample {sample}: {wrong} is not a probability")));
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(data_error(format!("sample {sample}: the probabilities sum to {sum}, not to 1")));
            }
        }
        Ok(Self { probabilities, truth, num_classes })
    }

    /// The true count of each sample.
    pub fn truth(&self) -> &[usize] {
        &self.truth
    }

    /// Number of classes: counts from 0 to one less.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// The most probable count of each sample, the smaller one on a tie.
    pub fn mode(&self) -> Vec<usize> {
        self.rows().map(mode).collect()
    }

    /// The smallest count of each sample that is not exceeded with a probability of at least one half.
    pub fn median(&self) -> Vec<usize> {
        self.rows().map(median).collect()
    }

    /// The mean count of each sample.
    pub fn expected(&self) -> Vec<f64> {
        let expected = |row: &[f64]| -> f64 { row.iter().enumerate().map(|(count, p)| count as f64 * p).sum() };
        self.rows().map(expected).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.num_classes)
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
    // The sum is close to 1, so one half is always reached.
    half.unwrap_or(row.len() - 1)
}

impl Calibration {
    /// From the confidence in each answer and whether it is right.
    fn new(answers: &[(f64, bool)]) -> Self {
        let mut sums = [(0.0_f64, 0_usize, 0_usize); CONFIDENCE_BINS];
        for &(confidence, right) in answers {
            // Bin m of M is the interval from (m - 1) / M to m / M; the upper end belongs to it.
            let bin = ((confidence * CONFIDENCE_BINS as f64).ceil() as usize).clamp(1, CONFIDENCE_BINS) - 1;
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
    /// Scores `predictions`.
    pub fn new(predictions: &CountPredictions) -> Self {
        let (mode, median, expected) = (predictions.mode(), predictions.median(), predictions.expected());
        let truth = predictions.truth();
        let rows: Vec<&[f64]> = predictions.rows().collect();
        let samples = truth.len();
        let mean = |value: &dyn Fn(usize) -> f64| (0..samples).map(value).sum::<f64>() / samples as f64;

        let num_classes = predictions.num_classes();
        let mut confusion = vec![vec![0_u64; num_classes]; num_classes];
        for (&truth, &mode) in truth.iter().zip(&mode) {
            confusion[truth][mode] += 1;
        }
        let accuracy_per_count = confusion.iter().enumerate().map(|(count, row)| {
            let occurs: u64 = row.iter().sum();
            (occurs > 0).then_some(row[count] as f64 / occurs as f64)
        });

        let answers: Vec<(f64, bool)> = (0..samples).map(|at| (rows[at][mode[at]], mode[at] == truth[at])).collect();
        let exact_accuracy = accuracy(&mode, truth);
        let squared_to_certainty = |at: usize| -> f64 {
            rows[at].iter().enumerate().map(|(count, p)| (p - f64::from(count == truth[at])).powi(2)).sum()
        };
        Self {
            exact_accuracy,
            exact_accuracy_standard_error: (exact_accuracy * (1.0 - exact_accuracy) / samples as f64).sqrt(),
            within_one: mean(&|at| f64::from(mode[at].abs_diff(truth[at]) <= 1)),
            mae: mean(&|at| mode[at].abs_diff(truth[at]) as f64),
            mae_of_median: mean(&|at| median[at].abs_diff(truth[at]) as f64),
            mae_of_expected: mean(&|at| (expected[at] - truth[at] as f64).abs()),
            rmse_of_expected: mean(&|at| (expected[at] - truth[at] as f64).powi(2)).sqrt(),
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
mod tests {
    use super::*;

    fn report(probabilities: &[f64], truth: &[usize]) -> CountReport {
        let num_classes = probabilities.len() / truth.len();
        CountReport::new(&CountPredictions::new(probabilities.to_vec(), truth.to_vec(), num_classes).unwrap())
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} is not {want}");
    }

    /// Four samples of three counts.
    const PROBABILITIES: [f64; 12] = [0.7, 0.2, 0.1, 0.4, 0.15, 0.45, 0.1, 0.8, 0.1, 0.0, 0.0, 1.0];
    const TRUTH: [usize; 4] = [0, 0, 2, 2];

    #[test]
    fn four_samples_by_hand() {
        let predictions = CountPredictions::new(PROBABILITIES.to_vec(), TRUTH.to_vec(), 3).unwrap();
        assert_eq!(predictions.mode(), [0, 2, 1, 2]);
        assert_eq!(predictions.median(), [0, 1, 1, 2]);
        for (got, want) in predictions.expected().into_iter().zip([0.4, 1.05, 1.0, 2.0]) {
            assert_close(got, want);
        }

        let report = CountReport::new(&predictions);
        assert_eq!(report.samples, 4);
        assert_close(report.exact_accuracy, 0.5);
        assert_close(report.exact_accuracy_standard_error, 0.25);
        assert_close(report.within_one, 0.75);
        assert_close(report.mae, 3.0 / 4.0);
        assert_close(report.mae_of_median, 2.0 / 4.0);
        assert_close(report.mae_of_expected, 2.45 / 4.0);
        assert_close(report.rmse_of_expected, ((0.16 + 1.1025 + 1.0) / 4.0_f64).sqrt());
        assert_eq!(report.accuracy_per_count, [Some(0.5), None, Some(0.5)]);
        assert_eq!(report.confusion, [[1, 0, 1], [0, 0, 0], [0, 1, 1]]);
        assert_close(report.nll, -(0.7_f64.ln() + 0.4_f64.ln() + 0.1_f64.ln()) / 4.0);
        assert_close(report.brier_score, (0.14 + 0.585 + 1.46) / 4.0);
        // Every confidence in a bin of its own: 0.45 and 0.8 are wrong, 0.7 and 1 are right.
        assert_close(report.calibration.expected_calibration_error, (0.45 + 0.3 + 0.8) / 4.0);
        let bins: Vec<_> = report.calibration.bins.iter().map(|bin| (bin.accuracy, bin.samples)).collect();
        assert_eq!(bins, [(0.0, 1), (1.0, 1), (0.0, 1), (1.0, 1)]);
    }

    #[test]
    fn perfect_predictions_have_no_error() {
        let certain: Vec<f64> = (0..49).map(|at| f64::from(at % 8 == 0)).collect();
        let report = report(&certain, &[0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((report.exact_accuracy, report.within_one), (1.0, 1.0));
        assert_eq!([report.mae, report.mae_of_median, report.mae_of_expected, report.rmse_of_expected], [0.0; 4]);
        assert_eq!([report.nll, report.brier_score, report.exact_accuracy_standard_error], [0.0; 3]);
        assert_eq!(report.calibration.expected_calibration_error, 0.0);
        assert_eq!(report.calibration.bins, [ReliabilityBin { confidence: 1.0, accuracy: 1.0, samples: 7 }]);
        assert_eq!(report.accuracy_per_count, [Some(1.0); 7]);
    }

    #[test]
    fn uniform_predictions_are_calibrated_and_know_nothing() {
        let truth: Vec<usize> = (0..21).collect();
        let report = report(&[1.0 / 21.0; 21 * 21], &truth);
        assert_close(report.exact_accuracy, 1.0 / 21.0);
        assert_close(report.calibration.expected_calibration_error, 0.0);
        assert_close(report.nll, 21.0_f64.ln());
        assert_close(report.brier_score, 1.0 - 1.0 / 21.0);
        // Mode 0, median and mean 10.
        assert_close(report.mae, 10.0);
        assert_close(report.mae_of_median, 110.0 / 21.0);
        assert_close(report.mae_of_expected, 110.0 / 21.0);
    }

    #[test]
    fn samples_of_a_confidence_are_compared_with_their_share_of_right_ones() {
        // Said to be 90 % sure and right in one case of two; then sure of 60 % and right in three of five.
        let sure = report(&[0.9, 0.1, 0.9, 0.1], &[0, 1]);
        assert_close(sure.calibration.expected_calibration_error, 0.4);
        let honest = report(&[0.6, 0.4].repeat(5), &[0, 0, 0, 1, 1]);
        assert_close(honest.calibration.expected_calibration_error, 0.0);
        assert_eq!(honest.calibration.bins.len(), 1);
    }

    #[test]
    fn a_confidence_on_an_edge_belongs_to_the_bin_below() {
        let calibration = Calibration::new(&[(0.2, true), (0.19, false), (0.21, true), (1.0, true), (1.0005, true)]);
        let samples: Vec<usize> = calibration.bins.iter().map(|bin| bin.samples).collect();
        assert_eq!(samples, [2, 1, 2]);
    }

    #[test]
    fn the_median_has_the_least_expected_absolute_error() {
        for seed in 1..50 {
            let weight = |count: usize| (seed as f64 * 0.618_034 + count as f64 * 0.754_878).fract();
            let total: f64 = (0..6).map(weight).sum();
            let row: Vec<f64> = (0..6).map(|count| weight(count) / total).collect();
            let error = |answer: usize| -> f64 {
                row.iter().enumerate().map(|(count, p)| p * answer.abs_diff(count) as f64).sum()
            };
            let least = (0..6).map(error).fold(f64::INFINITY, f64::min);
            assert_close(error(median(&row)), least);
        }
    }

    #[test]
    fn a_truth_that_was_held_impossible_costs_much_but_is_finite() {
        assert_close(report(&[1.0, 0.0], &[1]).nll, -f64::MIN_POSITIVE.ln());
    }

    #[test]
    fn what_is_not_a_distribution_is_an_error() {
        let error = |probabilities: &[f64], truth: &[usize]| {
            CountPredictions::new(probabilities.to_vec(), truth.to_vec(), 2).unwrap_err().to_string()
        };
        assert!(error(&[0.5; 3], &[0, 1]).contains("3 probabilities for 2 samples of 2 counts"));
        assert!(error(&[], &[]).contains("0 samples"));
        assert!(error(&[0.5, 0.5], &[2]).contains("a true count of 2"));
        assert!(error(&[0.5, 0.5, 0.5, 0.498], &[0, 1]).contains("sample 1: the probabilities sum to 0.998"));
        assert!(error(&[1.5, -0.5], &[0]).contains("-0.5 is not a probability"));
        assert!(error(&[f64::NAN, 1.0], &[0]).contains("NaN is not a probability"));
        assert!(CountPredictions::new(vec![0.5, 0.4995], vec![0], 2).is_ok());
    }
}
