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
    false_alarm_rate: f64,
    f1: f64,
    macro_f1: f64,
    accuracy: f64,
    best_macro_f1: f64,
    best_f1: f64,
    brier: Option<f64>,
    calibration_error: Option<f64>,
    false_alarm_rates: Vec<f64>,
    recalls: Vec<f64>,
    precision_recall: Vec<(f64, f64)>,
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
        near(counts.false_alarm_rate(), case.false_alarm_rate, &case.name);
        near(counts.f1(), case.f1, &case.name);
        near(counts.macro_f1(), case.macro_f1, &case.name);
        near(counts.accuracy(), case.accuracy, &case.name);
        if let (Some(brier), Some(error)) = (case.brier, case.calibration_error) {
            near(brier_score(scores, broken).unwrap(), brier, &case.name);
            near(expected_calibration_error(scores, broken, 10).unwrap(), error, &case.name);
        }
        let curve = roc_curve(scores, broken).unwrap();
        assert_eq!(curve.len(), case.recalls.len(), "{}", case.name);
        for (point, (alarms, recall)) in
            curve.iter().zip(case.false_alarm_rates.iter().zip(&case.recalls))
        {
            near(point.0, *alarms, &case.name);
            near(point.1, *recall, &case.name);
        }
        let curve = precision_recall_curve(scores, broken).unwrap();
        assert_eq!(curve.len(), case.precision_recall.len(), "{}", case.name);
        for (point, (recall, precision)) in curve.iter().zip(&case.precision_recall) {
            near(point.0, *recall, &case.name);
            near(point.1, *precision, &case.name);
        }
    }
}

#[test]
fn the_best_threshold_is_the_best_of_all() {
    for case in cases().iter().filter(|case| case.scores.iter().any(|s| *s != case.scores[0])) {
        for (objective, best) in
            [(Objective::MacroF1, case.best_macro_f1), (Objective::F1, case.best_f1)]
        {
            let threshold = best_threshold(&case.scores, &case.broken, objective).unwrap();
            let flagged: Vec<bool> = case.scores.iter().map(|&s| s > threshold).collect();
            let counts = ConfusionCounts::of(&flagged, &case.broken);
            let got = if objective == Objective::F1 { counts.f1() } else { counts.macro_f1() };
            near(got, best, &case.name);
        }
    }
}

#[test]
fn a_threshold_between_neighbouring_or_opposite_numbers_parts_them() {
    let (low, high) = (1.0_f64.next_up(), 1.0_f64.next_up().next_up());
    let least = f64::from_bits(1);
    for (good, bad) in
        [(low, high), (0.5, 0.5_f64.next_up()), (f64::MIN, f64::MAX), (0.0, least), (-least, 0.0)]
    {
        for objective in [Objective::F1, Objective::MacroF1] {
            let threshold = best_threshold(&[good, bad], &[false, true], objective).unwrap();
            assert!(good <= threshold && threshold < bad, "{good} and {bad}: {threshold}");
        }
    }
}

#[test]
fn counts_of_one_kind_follow_the_stated_rules() {
    // Ten good banners passed: there is no broken class, whose F1 is 0 then.
    let passed = ConfusionCounts { passes: 10, ..Default::default() };
    assert_eq!(
        (passed.accuracy(), passed.f1(), passed.macro_f1(), passed.false_alarm_rate()),
        (1.0, 0.0, 0.5, 0.0)
    );
    let found = ConfusionCounts { hits: 3, ..Default::default() };
    assert_eq!(
        (found.precision(), found.recall(), found.false_alarm_rate(), found.macro_f1()),
        (1.0, 1.0, 0.0, 0.5)
    );
    let none = ConfusionCounts::of(&[], &[]);
    assert_eq!(
        (none.precision(), none.recall(), none.accuracy(), none.macro_f1()),
        (0.0, 0.0, 0.0, 0.0)
    );
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
fn the_interval_of_a_mean_is_that_of_the_central_limit() {
    let (scores, broken) = normal(0.0, 11);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 800.0;
    let of_drawn = |drawn: &[usize]| Ok(mean(&mut drawn.iter().map(|&at| scores[at])));
    // One banner a group: drawn one by one.
    let singles: Vec<usize> = (0..800).collect();
    let interval = Bootstrap::grouped(&singles, 4_000, 2).unwrap().interval(of_drawn).unwrap();
    let centre = mean(&mut scores.iter().copied());
    let deviation = mean(&mut scores.iter().map(|s| (s - centre).powi(2))).sqrt();
    let half = 1.959_964 * deviation / 800_f64.sqrt();
    for (limit, expected) in [(interval.low, centre - half), (interval.high, centre + half)] {
        // The quantile of 4,000 resamples is off by 4 % of the half width, one standard deviation
        // being 2.1 %.
        assert!((limit - expected).abs() < 0.08 * half, "{limit} and {expected}");
    }
    // Drawn within the classes, the same resamples as ever.
    let stratified = Bootstrap::stratified(&broken, 300, 2).unwrap();
    let naive = |drawn: &[usize]| {
        let (scores, broken): (Vec<f64>, Vec<bool>) =
            drawn.iter().map(|&at| (scores[at], broken[at])).unzip();
        assert_eq!(broken.iter().filter(|b| **b).count(), 80);
        average_precision(&scores, &broken)
    };
    assert_eq!(
        stratified.interval(naive).unwrap(),
        stratified.of_scores(average_precision, &scores, &broken).unwrap()
    );
}

#[test]
fn limits_are_the_quantiles_of_numpy() {
    // numpy.quantile([1, 2, 4, 8, 16], [0.025, 0.975]) and of a single value.
    let values = [1.0, 2.0, 4.0, 8.0, 16.0];
    let quantile = |share| crate::detect::quantile::quantile(&values, share);
    near(quantile(0.025), 1.1, "low");
    near(quantile(0.975), 15.2, "high");
    assert_eq!(crate::detect::quantile::quantile(&[3.0], 0.975), 3.0);
}

#[test]
fn what_a_bootstrap_cannot_draw_is_refused() {
    let broken = [true, false, true, false];
    let bootstrap = Bootstrap::stratified(&broken, 20, 1).unwrap();
    for scores in [&[1.0, 2.0][..], &[1.0; 9]] {
        let error = bootstrap.of_scores(auroc, scores, &broken).unwrap_err().to_string();
        assert!(error.contains("of 4 banners"), "{error}");
        assert!(bootstrap.of_difference(auroc, (&[1.0; 4], scores), &broken).is_err());
    }
    assert!(bootstrap.of_scores(auroc, &[1.0; 4], &broken[..3]).is_err());
    assert!(bootstrap.of_scores(auroc, &[1.0, f64::NAN, 1.0, 1.0], &broken).is_err());
    let error = Bootstrap::grouped(&[3; 4], 20, 1).unwrap_err().to_string();
    assert!(error.contains("1 groups of banners: it takes two"), "{error}");
    assert!(Bootstrap::grouped(&[], 20, 1).is_err());
    // Numbers that are none are left out, and on all banners they are an error.
    let (mixed, one) = (Bootstrap::stratified(&broken, 400, 1).unwrap(), [0, 0]);
    // One in four resamples begins with the first banner twice.
    let limits =
        mixed.interval(|drawn| Ok(if drawn[..2] == one { f64::NAN } else { 2.0 })).unwrap();
    assert_eq!((limits.low, limits.high), (2.0, 2.0));
    assert!(
        mixed
            .interval(|drawn| Ok(if drawn[..2] == one || drawn[..2] == [0, 2] {
                2.0
            } else {
                f64::NAN
            }))
            .is_err()
    );
    assert!(bootstrap.interval(|_| Ok(f64::NAN)).unwrap_err().to_string().contains("is NaN"));
}

#[test]
fn a_paired_difference_is_sharper_than_two_intervals() {
    let (scores, broken) = normal(1.0, 7);
    let better: Vec<f64> =
        scores.iter().zip(&broken).map(|(s, &b)| s + if b { 0.3 } else { 0.0 }).collect();
    let bootstrap = Bootstrap::stratified(&broken, 500, 1).unwrap();
    let difference = bootstrap.of_difference(auroc, (&better, &scores), &broken).unwrap();
    let (a, b) = (
        bootstrap.of_scores(auroc, &better, &broken),
        bootstrap.of_scores(auroc, &scores, &broken),
    );
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
        .map(|(at, s)| {
            if groups[at].is_multiple_of(2) {
                s + 3.0 * f64::from(u8::from(broken[at]))
            } else {
                *s
            }
        })
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
    let interval = || {
        Bootstrap::stratified(&broken, 200, 5)
            .unwrap()
            .of_scores(average_precision, &scores, &broken)
            .unwrap()
    };
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(interval);
    assert_eq!(single, interval());
}

#[test]
fn calibrated_probabilities_have_a_small_error_and_boasts_a_large_one() {
    let (scores, broken) = normal(2.0, 4);
    // The posterior of two normals 2 apart at one in ten.
    let honest: Vec<f64> =
        scores.iter().map(|s| 1.0 / (1.0 + 9.0 * (2.0 - 2.0 * s).exp())).collect();
    let boast: Vec<f64> = honest.iter().map(|p| if *p > 0.2 { 1.0 } else { 0.0 }).collect();
    let error = |p: &[f64]| expected_calibration_error(p, &broken, 10).unwrap();
    assert!(error(&honest) < 0.04 && error(&boast) > 0.06, "{} {}", error(&honest), error(&boast));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    assert!(
        auroc(&[1.0, 2.0], &[true, true])
            .unwrap_err()
            .to_string()
            .contains("2 of 2 banners are broken")
    );
    assert!(
        average_precision(&[1.0], &[true, false])
            .unwrap_err()
            .to_string()
            .contains("1 scores but 2 labels")
    );
    assert!(
        roc_curve(&[f64::NAN, 1.0], &[true, false])
            .unwrap_err()
            .to_string()
            .contains("score 0 is NaN")
    );
    assert!(
        brier_score(&[1.5, 0.0], &[true, false])
            .unwrap_err()
            .to_string()
            .contains("not a probability")
    );
    assert!(expected_calibration_error(&[0.5, 0.0], &[true, false], 0).is_err());
    assert!(Bootstrap::stratified(&[true, false], 0, 1).is_err());
    assert!(flag_highest(&[f64::NAN], 1).is_err());
    assert_eq!(flag_highest(&[1.0, 3.0, 3.0, 2.0], 2).unwrap(), [false, true, true, false]);
    // Of equals the first, and -0 equals 0.
    assert_eq!(flag_highest(&[-0.0, 0.0, -1.0], 1).unwrap(), [true, false, false]);
    assert_eq!(flag_highest(&[1.0], 9).unwrap(), [true]);
}

#[test]
fn fits_that_differ_widen_the_interval() {
    // Two fits of ten groups each: within a fit all banners are alike, between fits they are not.
    let fits: Vec<usize> = (0..200).map(|at| at / 100).collect();
    let groups: Vec<usize> = (0..200).map(|at| at / 10).collect();
    let value = |drawn: &[usize]| {
        Ok(drawn.iter().map(|&at| fits[at] as f64).sum::<f64>() / drawn.len() as f64)
    };
    let nested = Bootstrap::nested(&fits, &groups, 400, 1).unwrap().interval(value).unwrap();
    let grouped = Bootstrap::grouped(&groups, 400, 1).unwrap().interval(value).unwrap();
    assert_eq!((nested.low, nested.estimate, nested.high), (0.0, 0.5, 1.0));
    assert!(grouped.low > 0.2 && grouped.high < 0.8, "{grouped:?}");
    assert!(
        Bootstrap::nested(&vec![0; 200], &groups, 10, 1)
            .unwrap_err()
            .to_string()
            .contains("1 fits")
    );
}
