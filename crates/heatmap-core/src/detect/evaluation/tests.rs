use super::*;
use crate::sample_rng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

/// What scikit-learn says; made by `tests/python/evaluation_fixtures.py`.
#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<f64>,
    broken: Vec<bool>,
    auroc: f64,
    average_precision: f64,
    threshold: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    macro_f1: f64,
    accuracy: f64,
    best_macro_f1: f64,
    best_f1: f64,
    brier: Option<f64>,
    false_alarm_rates: Vec<f64>,
    recalls: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../tests/fixtures/evaluation.json")).unwrap()
}

fn near(got: f64, expected: f64, what: &str) {
    assert!((got - expected).abs() < 1e-12, "{what}: {got} is not {expected}");
}

#[test]
fn every_number_is_that_of_scikit_learn() {
    for case in cases() {
        let (scores, broken) = (&case.scores[..], &case.broken[..]);
        near(auroc(scores, broken).unwrap(), case.auroc, &case.name);
        near(average_precision(scores, broken).unwrap(), case.average_precision, &case.name);
        let flagged: Vec<bool> = scores.iter().map(|&s| s > case.threshold).collect();
        let counts = ConfusionCounts::of(&flagged, broken);
        near(counts.precision(), case.precision, &case.name);
        near(counts.recall(), case.recall, &case.name);
        near(counts.f1(), case.f1, &case.name);
        near(counts.macro_f1(), case.macro_f1, &case.name);
        near(counts.accuracy(), case.accuracy, &case.name);
        if let Some(brier) = case.brier {
            near(brier_score(scores, broken).unwrap(), brier, &case.name);
        }
        let curve = roc_curve(scores, broken).unwrap();
        assert_eq!(curve.len(), case.recalls.len(), "{}", case.name);
        for (point, (alarms, recall)) in curve.iter().zip(case.false_alarm_rates.iter().zip(&case.recalls)) {
            near(point.0, *alarms, &case.name);
            near(point.1, *recall, &case.name);
        }
    }
}

#[test]
fn the_best_threshold_is_the_best_of_all() {
    for case in cases().iter().filter(|case| case.scores.iter().any(|s| *s != case.scores[0])) {
        for (objective, best) in [(Objective::MacroF1, case.best_macro_f1), (Objective::F1, case.best_f1)] {
            let threshold = best_threshold(&case.scores, &case.broken, objective).unwrap();
            let flagged: Vec<bool> = case.scores.iter().map(|&s| s > threshold).collect();
            let counts = ConfusionCounts::of(&flagged, &case.broken);
            let got = if objective == Objective::F1 { counts.f1() } else { counts.macro_f1() };
            near(got, best, &case.name);
        }
    }
}

/// Scores of 80 broken banners, higher by `apart`, and 720 good ones.
fn normal(apart: f64, seed: u64) -> (Vec<f64>, Vec<bool>) {
    let mut rng = sample_rng(seed, 0);
    let broken: Vec<bool> = (0..800).map(|at| at % 10 == 0).collect();
    let score = |&broken: &bool| -> f64 {
        let z: f64 = StandardNormal.sample(&mut rng);
        z + if broken { apart } else { 0.0 }
    };
    (broken.iter().map(score).collect(), broken)
}

#[test]
fn intervals_cover_the_truth_about_as_often_as_they_say() {
    // AUROC of two normals 1 apart: Phi(1 / sqrt 2).
    let truth = 1.0 - crate::detect::upper_tail(0.5_f64.sqrt());
    let covered = (0..100)
        .filter(|&seed| {
            let (scores, broken) = normal(1.0, seed);
            let bootstrap = Bootstrap::stratified(&broken, 300, seed).unwrap();
            let interval = bootstrap.of_scores(auroc, &scores, &broken).unwrap();
            assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
            (interval.low..interval.high).contains(&truth)
        })
        .count();
    assert!((87..=100).contains(&covered), "{covered} of 100");
}

#[test]
fn a_paired_difference_is_sharper_than_two_intervals() {
    let (scores, broken) = normal(1.0, 7);
    let better: Vec<f64> = scores.iter().zip(&broken).map(|(s, &b)| s + if b { 0.3 } else { 0.0 }).collect();
    let bootstrap = Bootstrap::stratified(&broken, 500, 1).unwrap();
    let difference = bootstrap.of_difference(auroc, (&better, &scores), &broken).unwrap();
    let (a, b) = (bootstrap.of_scores(auroc, &better, &broken), bootstrap.of_scores(auroc, &scores, &broken));
    assert!(difference.low > 0.0 && a.unwrap().low < b.unwrap().high);
    let same = bootstrap.of_difference(auroc, (&scores, &scores), &broken).unwrap();
    assert_eq!((same.low, same.high), (0.0, 0.0));
}

#[test]
fn groups_that_differ_widen_the_interval() {
    let (scores, broken) = normal(1.0, 9);
    let groups: Vec<usize> = (0..800).map(|at| at / 100).collect();
    // Half of the groups have no signal.
    let uneven: Vec<f64> = scores
        .iter()
        .enumerate()
        .map(|(at, s)| if groups[at] % 2 == 0 { s + 3.0 * f64::from(u8::from(broken[at])) } else { *s })
        .collect();
    let width = |bootstrap: Bootstrap| {
        let interval = bootstrap.of_scores(auroc, &uneven, &broken).unwrap();
        interval.high - interval.low
    };
    let single = width(Bootstrap::stratified(&broken, 500, 1).unwrap());
    let grouped = width(Bootstrap::grouped(&groups, 500, 1).unwrap());
    assert!(grouped > 1.2 * single, "{grouped} and {single}");
}

#[test]
fn resamples_do_not_depend_on_threads() {
    let (scores, broken) = normal(1.0, 3);
    let interval =
        || Bootstrap::stratified(&broken, 200, 5).unwrap().of_scores(average_precision, &scores, &broken).unwrap();
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(interval);
    assert_eq!(single, interval());
}

#[test]
fn calibrated_probabilities_have_a_small_error_and_boasts_a_large_one() {
    let (scores, broken) = normal(2.0, 4);
    // The posterior of two normals 2 apart at one in ten.
    let honest: Vec<f64> = scores.iter().map(|s| 1.0 / (1.0 + 9.0 * (2.0 - 2.0 * s).exp())).collect();
    let boast: Vec<f64> = honest.iter().map(|p| if *p > 0.2 { 1.0 } else { 0.0 }).collect();
    let error = |p: &[f64]| expected_calibration_error(p, &broken, 10).unwrap();
    assert!(error(&honest) < 0.04 && error(&boast) > 0.06, "{} {}", error(&honest), error(&boast));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    assert!(auroc(&[1.0, 2.0], &[true, true]).unwrap_err().to_string().contains("2 of 2 banners are broken"));
    assert!(average_precision(&[1.0], &[true, false]).unwrap_err().to_string().contains("1 scores but 2 labels"));
    assert!(roc_curve(&[f64::NAN, 1.0], &[true, false]).unwrap_err().to_string().contains("score 0 is NaN"));
    assert!(brier_score(&[1.5, 0.0], &[true, false]).unwrap_err().to_string().contains("not a probability"));
    assert!(expected_calibration_error(&[0.5, 0.0], &[true, false], 0).is_err());
    assert!(Bootstrap::stratified(&[true, false], 0, 1).is_err());
    assert!(flag_highest(&[f64::NAN], 1).is_err());
    assert_eq!(flag_highest(&[1.0, 3.0, 3.0, 2.0], 2).unwrap(), [false, true, true, false]);
}
