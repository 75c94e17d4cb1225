//! Scores of features against scikit-learn; fixtures by `tests/python/score_fixtures.py`.

use faer::Mat;
use serde::Deserialize;

use super::evaluation::auroc;
use super::{
    IsolationForestConfig, KnnDistanceConfig, MahalanobisConfig, PcaReconstructionConfig, Score,
};

#[derive(Deserialize)]
struct Fixture {
    fitted: Vec<Vec<f64>>,
    scored: Vec<Vec<f64>>,
    strange: Vec<bool>,
    shrinkage: f64,
    mahalanobis: Vec<f64>,
    knn: Vec<f64>,
    pca_reconstruction: Vec<f64>,
    isolation_forest: Vec<f64>,
    /// Fewer rows than features.
    wide: Vec<Vec<f64>>,
    wide_shrinkage: f64,
    wide_mahalanobis: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../tests/fixtures/scores.json")).unwrap()
}

fn table(rows: &[Vec<f64>]) -> Mat<f64> {
    Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

fn scores(score: &impl Score<[f64]>, rows: &[Vec<f64>]) -> Vec<f64> {
    rows.iter().map(|row| score.score(row).unwrap()).collect()
}

fn near(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    got.iter()
        .zip(expected)
        .for_each(|(g, e)| assert!((g - e).abs() < 1e-9 * e.abs().max(1.0), "{g} is not {e}"));
}

#[test]
fn mahalanobis_has_the_shrinkage_and_the_distances_of_scikit_learn() {
    let fixture = fixture();
    let fitted = MahalanobisConfig::default().fit(table(&fixture.fitted).as_ref()).unwrap();
    near(&[fitted.shrinkage()], &[fixture.shrinkage]);
    near(&scores(&fitted, &fixture.scored), &fixture.mahalanobis);
    let wide = MahalanobisConfig::default().fit(table(&fixture.wide).as_ref()).unwrap();
    near(&[wide.shrinkage()], &[fixture.wide_shrinkage]);
    near(&scores(&wide, &fixture.wide), &fixture.wide_mahalanobis);
}

#[test]
fn what_pca_leaves_is_as_long_as_in_scikit_learn() {
    let fixture = fixture();
    let fitted =
        PcaReconstructionConfig { components: 2 }.fit(table(&fixture.fitted).as_ref()).unwrap();
    near(&scores(&fitted, &fixture.scored), &fixture.pca_reconstruction);
}

#[test]
fn the_distance_of_mahalanobis_does_not_know_units() {
    let fixture = fixture();
    for (rows, scored) in [(&fixture.fitted, &fixture.scored), (&fixture.wide, &fixture.wide)] {
        let of = |unit: f64| {
            let scaled = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                rows.iter().map(|row| row.iter().map(|v| v * unit).collect()).collect()
            };
            let fitted = MahalanobisConfig::default().fit(table(&scaled(rows)).as_ref()).unwrap();
            (fitted.shrinkage(), scores(&fitted, &scaled(scored)))
        };
        let usual = of(1.0);
        for unit in [1e-290, 1e-150, 1e90, 1e200, 1e306] {
            let (shrinkage, scores) = of(unit);
            near(&[shrinkage], &[usual.0]);
            near(&scores, &usual.1);
        }
    }
}

#[test]
fn banners_of_two_kinds_and_banners_that_are_alike_have_a_distance() {
    let default = MahalanobisConfig::default();
    // Ledoit and Wolf shrink these by 0.
    let kinds = Mat::from_fn(20, 3, |i, j| if i % 2 == 0 { j as f64 } else { 1.0 });
    let fitted = default.fit(kinds.as_ref()).unwrap();
    // Both kinds are one standard deviation from the mean, whatever lies between them is nearer,
    // whatever does not is far.
    let of = |features: [f64; 3]| fitted.score(&features).unwrap();
    assert!((of([0.0, 1.0, 2.0]) - 1.0).abs() < 1e-6 && (of([1.0; 3]) - 1.0).abs() < 1e-6);
    assert!(of([0.5, 1.0, 1.5]) < 1e-6 && of([0.5, 1.1, 1.5]) > 100.0);
    // 0.1 twenty times has a mean that is not 0.1.
    for value in [0.1, 1.0 / 3.0, 1e-200, 1e200] {
        let alike = default.fit(Mat::from_fn(20, 3, |_, _| value).as_ref()).unwrap();
        assert!(alike.score(&[value; 3]).unwrap() < 1e-14 * value, "{value}");
        let away = alike.score(&[value + 3.0, value, value - 4.0]).unwrap();
        assert!(value > 1.0 || (away - 5.0).abs() < 1e-12, "{value}: {away}");
    }
    // A column without variance.
    let flat = Mat::from_fn(20, 3, |i, j| if j == 1 { 0.1 } else { ((i * 7 + j * 3) % 11) as f64 });
    let fitted = default.fit(flat.as_ref()).unwrap();
    assert!(
        fitted.score(&[5.0, 9.0, 5.0]).unwrap() > fitted.score(&[5.0, 0.1, 5.0]).unwrap() + 5.0
    );
    // What is beyond the range of f64 is far, not near.
    let far = |unit: f64| fitted.score(&[unit, -unit, unit]).unwrap();
    assert!(far(1e3) < far(1e160) && far(1e160) < far(1e300) && far(1e300) <= far(f64::MAX));
    assert!(far(f64::MAX).is_finite());
}

#[test]
fn a_rank_that_is_only_rounding_is_none() {
    let config = MahalanobisConfig { shrinkage: Some(0.0) };
    for seed in 0..50 {
        let mut rng = crate::sample_rng(seed, 0);
        let rows = Mat::from_fn(6, 7, |_, _| rand::RngExt::random::<f64>(&mut rng));
        assert!(config.fit(rows.as_ref()).is_err(), "{seed}");
    }
}

#[test]
fn a_covariance_that_cannot_be_inverted_is_named() {
    let fixture = fixture();
    let config = MahalanobisConfig { shrinkage: Some(0.0) };
    assert!(
        config
            .fit(table(&fixture.wide).as_ref())
            .unwrap_err()
            .to_string()
            .contains("singular: shrink it")
    );
    assert!(MahalanobisConfig { shrinkage: Some(1.5) }.fit(table(&fixture.wide).as_ref()).is_err());
    assert!(config.fit(Mat::zeros(1, 3).as_ref()).unwrap_err().to_string().contains("two samples"));
    // Banners that are all alike: the distance is that to the mean.
    let alike = MahalanobisConfig::default().fit(Mat::zeros(9, 2).as_ref()).unwrap();
    near(&scores(&alike, &[vec![3.0, 4.0]]), &[5.0]);
}

#[test]
fn neighbours_are_as_far_as_in_scikit_learn() {
    let fixture = fixture();
    let config = KnnDistanceConfig { neighbors: 5, without_itself: false };
    near(
        &scores(&config.fit(table(&fixture.fitted).as_ref()).unwrap(), &fixture.scored),
        &fixture.knn,
    );
}

#[test]
fn the_forest_ranks_as_that_of_scikit_learn() {
    let fixture = fixture();
    let config = IsolationForestConfig { trees: 300, ..Default::default() };
    let ours = scores(&config.fit(table(&fixture.fitted).as_ref()).unwrap(), &fixture.scored);
    let correlation = spearman(&ours, &fixture.isolation_forest);
    assert!(correlation > 0.97, "{correlation}");
    let difference =
        ours.iter().zip(&fixture.isolation_forest).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference < 0.04, "{difference}");
    let worth = |scores: &[f64]| auroc(scores, &fixture.strange).unwrap();
    assert!((worth(&ours) - worth(&fixture.isolation_forest)).abs() < 0.02);
}

#[test]
fn the_forest_is_the_same_on_one_thread_and_takes_any_rows() {
    let fixture = fixture();
    let fit = || {
        scores(
            &IsolationForestConfig::default().fit(table(&fixture.fitted).as_ref()).unwrap(),
            &fixture.scored,
        )
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(fit), fit());
    for rows in [Mat::zeros(1, 2), Mat::zeros(50, 2)] {
        let forest = IsolationForestConfig::default().fit(rows.as_ref()).unwrap();
        assert!((forest.score(&[1.0, -1.0]).unwrap() - 0.5).abs() < 1e-12);
    }
    // Cuts between the ends of f64, which are further apart than it reaches.
    let ends =
        Mat::from_fn(20, 1, |i, _| if i == 0 { f64::MAX } else { f64::MIN + i as f64 * 1e300 });
    let forest = IsolationForestConfig::default().fit(ends.as_ref()).unwrap();
    assert!(forest.score(&[f64::MAX]).unwrap() > forest.score(&[f64::MIN + 1e301]).unwrap() + 0.2);
    // One feature of many tells rows apart: the cuts find it.
    let rare = Mat::from_fn(40, 200, |i, j| if j == 150 { (i == 3) as u8 as f64 } else { 0.25 });
    let forest = IsolationForestConfig::default().fit(rare.as_ref()).unwrap();
    let of = |at: usize| forest.score(&rare.row(at).iter().copied().collect::<Vec<_>>()).unwrap();
    assert!(of(3) > of(4) + 0.2, "{} and {}", of(3), of(4));
    let tiny = Mat::from_fn(8, 1, |i, _| if i == 0 { 0.0 } else { f64::MIN_POSITIVE });
    assert!(
        IsolationForestConfig::default().fit(tiny.as_ref()).unwrap().score(&[0.0]).unwrap() > 0.5
    );
    assert!(IsolationForestConfig { trees: 0, ..Default::default() }.fit(tiny.as_ref()).is_err());
    assert!(IsolationForestConfig::default().fit(Mat::zeros(0, 2).as_ref()).is_err());
}

/// Pearson's correlation of the ranks, of which there are no equals.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        let mut ranks = vec![0.0; values.len()];
        order.into_iter().enumerate().for_each(|(rank, at)| ranks[at] = rank as f64);
        ranks
    };
    let n = a.len() as f64;
    let squared: f64 = ranks(a).iter().zip(ranks(b)).map(|(x, y)| (x - y).powi(2)).sum();
    1.0 - 6.0 * squared / (n * (n * n - 1.0))
}
