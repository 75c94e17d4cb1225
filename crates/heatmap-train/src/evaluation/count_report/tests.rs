//! Reports of predictions that can be scored by hand.

use super::*;

fn report(probabilities: &[f64], truth: &[usize]) -> CountReport {
    let num_classes = probabilities.len() / truth.len();
    CountReport::new(
        &CountPredictions::new(probabilities.to_vec(), truth.to_vec(), 0..=num_classes - 1)
            .unwrap(),
    )
}

fn assert_close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-12, "{got} is not {want}");
}

/// Four samples of three counts.
const PROBABILITIES: [f64; 12] = [0.7, 0.2, 0.1, 0.4, 0.15, 0.45, 0.1, 0.8, 0.1, 0.0, 0.0, 1.0];
const TRUTH: [usize; 4] = [0, 0, 2, 2];

#[test]
fn four_samples_by_hand() {
    let predictions = CountPredictions::new(PROBABILITIES.to_vec(), TRUTH.to_vec(), 0..=2).unwrap();
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
    let bins: Vec<_> =
        report.calibration.bins.iter().map(|bin| (bin.accuracy, bin.samples)).collect();
    assert_eq!(bins, [(0.0, 1), (1.0, 1), (0.0, 1), (1.0, 1)]);
}

#[test]
fn counts_need_not_begin_with_none() {
    let later = TRUTH.map(|count| count + 3);
    let predictions = CountPredictions::new(PROBABILITIES.to_vec(), later.to_vec(), 3..=5).unwrap();
    assert_eq!((predictions.mode(), predictions.median()), (vec![3, 5, 4, 5], vec![3, 4, 4, 5]));
    for (got, want) in predictions.expected().into_iter().zip([3.4, 4.05, 4.0, 5.0]) {
        assert_close(got, want);
    }
    let (from_three, from_zero) = (CountReport::new(&predictions), report(&PROBABILITIES, &TRUTH));
    assert_eq!(from_three.min_count, 3);
    assert_eq!(from_three.confusion, from_zero.confusion);
    assert_eq!(
        (from_three.nll, from_three.mae, from_three.brier_score),
        (from_zero.nll, from_zero.mae, from_zero.brier_score)
    );
    let error = CountPredictions::new(PROBABILITIES.to_vec(), TRUTH.to_vec(), 3..=5)
        .unwrap_err()
        .to_string();
    assert!(error.contains("sample 0: a true count of 0 with classes from 3 to 5"), "{error}");
}

#[test]
fn perfect_predictions_have_no_error() {
    let certain: Vec<f64> = (0..49).map(|at| f64::from(at % 8 == 0)).collect();
    let report = report(&certain, &[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!((report.exact_accuracy, report.within_one), (1.0, 1.0));
    assert_eq!(
        [report.mae, report.mae_of_median, report.mae_of_expected, report.rmse_of_expected],
        [0.0; 4]
    );
    assert_eq!([report.nll, report.brier_score, report.exact_accuracy_standard_error], [0.0; 3]);
    assert_eq!(report.calibration.expected_calibration_error, 0.0);
    assert_eq!(
        report.calibration.bins,
        [ReliabilityBin { confidence: 1.0, accuracy: 1.0, samples: 7 }]
    );
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
    // Said to be 90 % sure and right in one case of two; then sure of 60 % and right in three of
    // five.
    let sure = report(&[0.9, 0.1, 0.9, 0.1], &[0, 1]);
    assert_close(sure.calibration.expected_calibration_error, 0.4);
    let honest = report(&[0.6, 0.4].repeat(5), &[0, 0, 0, 1, 1]);
    assert_close(honest.calibration.expected_calibration_error, 0.0);
    assert_eq!(honest.calibration.bins.len(), 1);
}

#[test]
fn a_confidence_on_an_edge_belongs_to_the_bin_below() {
    let calibration =
        Calibration::new(&[(0.2, true), (0.19, false), (0.21, true), (1.0, true), (1.0005, true)]);
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
        CountPredictions::new(probabilities.to_vec(), truth.to_vec(), 0..=1)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&[0.5; 3], &[0, 1]).contains("3 probabilities for 2 samples of 2 counts"));
    assert!(error(&[], &[]).contains("0 samples"));
    assert!(error(&[0.5, 0.5], &[2]).contains("a true count of 2"));
    assert!(
        error(&[0.5, 0.5, 0.5, 0.498], &[0, 1])
            .contains("sample 1: the probabilities sum to 0.998")
    );
    assert!(error(&[1.5, -0.5], &[0]).contains("-0.5 is not a probability"));
    assert!(error(&[f64::NAN, 1.0], &[0]).contains("NaN is not a probability"));
    assert!(CountPredictions::new(vec![0.5, 0.4995], vec![0], 0..=1).is_ok());
}
