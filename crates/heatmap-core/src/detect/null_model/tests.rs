use super::*;
use crate::sample_rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = sample_rng(seed, 0);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

#[test]
fn quantiles_of_the_normal_distribution_are_right() {
    for (rate, z) in [
        (0.5, 0.0),
        (0.25, UPPER_QUARTILE),
        (0.025, 1.959_963_984_540_054),
        (0.001, 3.090_232_306_167_813),
    ] {
        assert!((z_of_false_alarms(rate).unwrap() - z).abs() < 1e-12);
        assert!((upper_tail(z) - rate).abs() < 1e-15);
    }
    assert!(
        z_of_false_alarms(0.0).is_err()
            && z_of_false_alarms(0.6).is_err()
            && z_of_false_alarms(f64::NAN).is_err()
    );
}

#[test]
fn false_alarms_come_at_the_stated_rate_though_scores_lean_and_some_are_broken() {
    // Log-normal scores of good banners, 10 % of all far above.
    let score = |z: &f64| (0.4 * z).exp();
    let good: Vec<f64> = normal(1, 9_000).iter().map(score).collect();
    let broken = normal(2, 1_000).iter().map(|z| 6.0 + z).collect::<Vec<_>>();
    let all: Vec<f64> = good.iter().chain(&broken).copied().collect();
    let model = NullModel::fit(&all, &vec![100.0; all.len()]).unwrap();
    let fresh: Vec<f64> = normal(3, 50_000).iter().map(score).collect();
    for rate in [0.05, 0.01, 0.002] {
        let threshold = z_of_false_alarms(rate).unwrap();
        let alarms =
            fresh.iter().filter(|&&s| model.z(s, 100.0) > threshold).count() as f64 / 50_000.0;
        assert!((0.5 * rate..1.5 * rate).contains(&alarms), "{alarms} instead of {rate}");
    }
    let caught = broken.iter().filter(|&&s| model.z(s, 100.0) > 3.1).count();
    assert!(caught > 970, "{caught}");
}

#[test]
fn few_clicks_may_spread_more() {
    let clicks: Vec<f64> = (0..4_000).map(|i| 20.0 * 1.002_f64.powi(i)).collect();
    let scores: Vec<f64> =
        normal(4, 4_000).iter().zip(&clicks).map(|(z, c)| z / c.sqrt()).collect();
    let model = NullModel::fit(&scores, &clicks).unwrap();
    for at in [50.0_f64, 500.0, 5_000.0] {
        let z = model.z(2.0 / at.sqrt(), at);
        assert!((z - 2.0).abs() < 0.4, "{z} at {at}");
    }
}

#[test]
fn a_heavy_tail_of_the_reference_costs_no_more_false_alarms_than_stated() {
    // Student's t with 4 degrees of freedom: 2.3 % lie beyond the normal quantile of 1 % of
    // their quartiles' normal.
    let heavy = |seed, count| -> Vec<f64> {
        let mut rng = sample_rng(seed, 0);
        let t = rand_distr::StudentT::new(4.0).unwrap();
        (0..count).map(|_| t.sample(&mut rng)).collect()
    };
    let reference = heavy(11, 4_000);
    let clicks = vec![100.0; reference.len()];
    let alarms = |model: &NullModel| {
        heavy(12, 50_000).iter().filter(|&&s| model.z(s, 100.0) > 2.326).count() as f64 / 50_000.0
    };
    let with = NullModel::fit_reference(&reference, &clicks).unwrap();
    let without = NullModel::fit(&reference, &clicks).unwrap();
    assert!(
        alarms(&without) > 0.018 && alarms(&with) < 0.014,
        "{} {}",
        alarms(&without),
        alarms(&with)
    );
    for z in [0.5, 2.0, 4.0] {
        assert!((with.z(with.score_at(z, 100.0), 100.0) - z).abs() < 1e-9);
    }
    // A normal reference is left alone.
    let normal = NullModel::fit_reference(&normal(13, 4_000), &clicks).unwrap();
    assert!(normal.tail < 0.08, "{}", normal.tail);
}

#[test]
fn z_and_score_are_inverse() {
    let scores: Vec<f64> = normal(5, 1_000).iter().map(|z| z.exp()).collect();
    let model = NullModel::fit(&scores, &vec![50.0; 1_000]).unwrap();
    for z in [-1.0, 0.0, 2.5] {
        assert!((model.z(model.score_at(z, 50.0), 50.0) - z).abs() < 1e-9);
    }
}

#[test]
fn the_unit_of_a_score_does_not_matter() {
    let clicks = vec![50.0; 200];
    let scores = normal(6, 200);
    for (factor, offset) in [(1e-13, 0.0), (1e200, 0.0), (1e-3, 1e6)] {
        let of = |score: f64| factor * score + offset;
        let scaled: Vec<f64> = scores.iter().map(|&score| of(score)).collect();
        let (model, plain) =
            (NullModel::fit(&scaled, &clicks).unwrap(), NullModel::fit(&scores, &clicks).unwrap());
        for score in [-1.0, 0.5, 3.0] {
            let (got, expected) = (model.z(of(score), 50.0), plain.z(score, 50.0));
            assert!((got - expected).abs() < 1e-3, "{got} instead of {expected} at {factor}");
        }
    }
    // Nor does a score that nothing can be compared with.
    let zeros = NullModel::fit(&[0.0; 30], &[10.0; 30]).unwrap();
    assert!(zeros.z(f64::MAX, 10.0).is_finite() && zeros.z(-f64::MAX, 10.0).is_finite());
}

#[test]
fn equal_scores_and_bad_input_are_no_trouble() {
    let model = NullModel::fit(&[1.0; 30], &[10.0; 30]).unwrap();
    assert!(model.z(1.0, 10.0).abs() < 1e-6);
    assert!(
        (LARGEST_Z..50.0).contains(&model.z(1.1, 10.0))
            && (-50.0..-LARGEST_Z).contains(&model.z(0.9, 10.0))
    );
    assert!(NullModel::fit(&[1.0; 5], &[1.0; 5]).unwrap_err().to_string().contains("at least 20"));
    assert!(NullModel::fit(&[f64::NAN; 30], &[1.0; 30]).is_err());
    assert!(NullModel::fit(&[1.0; 30], &[1.0; 29]).is_err());
}

#[test]
fn references_of_few_banners_keep_the_stated_share_on_average() {
    // Scores of good banners lean a little; each banner stands for three rows.
    let shares = |fit: fn(&[f64], &[f64]) -> Result<NullModel>| {
        let of = |seed| {
            let scores = normal(seed, 60).into_iter().map(|z| (0.3 * z).exp());
            let rows: Vec<f64> = scores.flat_map(|score| [score; 3]).collect();
            let model = fit(&rows, &vec![100.0; rows.len()]).unwrap();
            upper_tail(model.score_at(z_of_false_alarms(0.01).unwrap(), 100.0).ln() / 0.3)
        };
        (0..400).map(|seed| of(100 + seed)).sum::<f64>() / 400.0
    };
    let (with, without) = (shares(NullModel::fit_reference), shares(NullModel::fit));
    assert!((0.005..0.011).contains(&with) && without > 0.011, "{with} {without}");
}

#[test]
fn scores_with_a_short_tail_lean_less_than_their_quartiles_say() {
    // The upper half of good banners is even, between 0 and 2; the lower is as narrow as a quarter
    // of it.
    let scores: Vec<f64> =
        (-500..=500).map(|i| f64::from(i) / if i < 0 { 1_000.0 } else { 250.0 }).collect();
    let clicks = vec![100.0; scores.len()];
    let by_quartiles = NullModel::fit(&scores, &clicks).unwrap();
    let by_tail = NullModel::fit_reference(&scores, &clicks).unwrap();
    let threshold = z_of_false_alarms(0.01).unwrap();
    assert!(by_quartiles.score_at(threshold, 100.0) > 4.0);
    assert!(
        (2.0..3.3).contains(&by_tail.score_at(threshold, 100.0)),
        "{}",
        by_tail.score_at(threshold, 100.0)
    );
}
