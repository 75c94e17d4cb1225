use super::*;
use crate::Grid;
use crate::detect::Smoothing;
use crate::detect::quantile::quantile;
use rand::SeedableRng;
use rand_distr::{Distribution, Gamma, Poisson};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Deserialize;

const GRID: Grid = Grid { rows: 20, columns: 24, bin_size_px: 5.0 };

/// The map with these shares, but for one part in 10^12.
fn map(grid: Grid, shares: &[f64]) -> ClickMap {
    let smoothing = Smoothing { sigma_bins: 0.0, uniform_share: 1e-12, ..Default::default() };
    ClickMap::from_shares(grid, shares, 1.0, &smoothing).unwrap()
}

fn good_map() -> ClickMap {
    let density = |bin: usize| {
        let (row, column) = ((bin / GRID.columns) as f64, (bin % GRID.columns) as f64);
        0.1 + (-((row - 6.0).powi(2) + (column - 8.0).powi(2)) / 20.0).exp()
    };
    map(GRID, &(0..GRID.len()).map(density).collect::<Vec<_>>())
}

/// About `clicks` clicks in cells of 2 x 2 bins around the map: Dirichlet shares by gamma
/// variables, given which counts are Poisson. It shares nothing with the urn. All clicks of a cell
/// are in its first bin.
fn banners(count: usize, clicks: f64, concentration: f64, seed: u64) -> Vec<Heatmap> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let shares = Cells::new(GRID, 2).unwrap().pooled(good_map().probabilities());
    let mut banner = || {
        let gammas: Vec<f64> = shares
            .iter()
            .map(|p| Gamma::new(concentration * p, 1.0).unwrap().sample(&mut rng))
            .collect();
        let sum: f64 = gammas.iter().sum();
        let mut values = vec![0.0; GRID.len()];
        for (cell, gamma) in gammas.iter().enumerate() {
            let bin = cell / 12 * 2 * GRID.columns + cell % 12 * 2;
            let rate = clicks * gamma / sum;
            values[bin] =
                if rate > 0.0 { Poisson::new(rate).unwrap().sample(&mut rng) as f32 } else { 0.0 };
        }
        Heatmap::from_values(GRID, values).unwrap()
    };
    (0..count).map(|_| banner()).collect()
}

fn spot(bin: usize, clicks: f32) -> Heatmap {
    let mut values = vec![0.0; GRID.len()];
    values[bin] = clicks;
    Heatmap::from_values(GRID, values).unwrap()
}

fn fitted(banners: &[Heatmap]) -> DirichletMultinomial {
    DirichletMultinomial::fit(&good_map(), &banners.iter().collect::<Vec<_>>(), 2).unwrap()
}

fn scores(fitted: &DirichletMultinomial, banners: &[Heatmap]) -> Vec<f64> {
    let mut scores: Vec<f64> = banners.iter().map(|banner| fitted.score(banner).unwrap()).collect();
    scores.sort_by(f64::total_cmp);
    scores
}

#[test]
fn the_likelihood_is_that_of_scipy() {
    #[derive(Deserialize)]
    struct Fixture {
        shares: Vec<f64>,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        concentration: f64,
        counts: Vec<f32>,
        logpmf: f64,
    }
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../tests/fixtures/dirichlet_multinomial.json"))
            .unwrap();
    let grid = Grid { rows: 3, columns: 4, bin_size_px: 5.0 };
    for Case { concentration, counts, logpmf } in fixture.cases {
        let fitted =
            DirichletMultinomial::with_concentration(&map(grid, &fixture.shares), 1, concentration)
                .unwrap();
        let got = fitted.log_likelihood(&Heatmap::from_values(grid, counts).unwrap()).unwrap();
        assert!((got - logpmf).abs() < 1e-8 * logpmf.abs().max(1.0), "{got}, scipy says {logpmf}");
    }
}

#[test]
fn the_concentration_is_recovered_from_many_clicks_and_from_few() {
    for (concentration, clicks) in [(30.0, 1_000.0), (300.0, 1_000.0), (30.0, 30.0)] {
        let got = fitted(&banners(300, clicks, concentration, 1)).concentration();
        assert!(
            (got / concentration - 1.0).abs() < 0.1,
            "{got} of {concentration} at {clicks} clicks"
        );
    }
    // Independent clicks look as if it were endless.
    assert!(fitted(&banners(100, 300.0, 1e6, 2)).concentration() > 3_000.0);
}

#[test]
fn broken_banners_among_the_reference_hardly_matter() {
    let mut banners = banners(300, 1_000.0, 300.0, 3);
    banners.extend((0..30).map(|i| spot(7 * i, 5_000.0)));
    let got = fitted(&banners).concentration();
    assert!((got / 300.0 - 1.0).abs() < 0.12, "{got}");
}

#[test]
fn good_banners_score_alike_whatever_their_clicks() {
    for concentration in [50.0, 1_000.0] {
        let fitted =
            DirichletMultinomial::with_concentration(&good_map(), 2, concentration).unwrap();
        for clicks in [3.0, 10.0, 45.0, 150.0, 3_000.0, 100_000.0] {
            let scores = scores(&fitted, &banners(300, clicks, concentration, 4));
            let mean = scores.iter().sum::<f64>() / 300.0;
            let deviation = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 299.0).sqrt();
            // Both sides are simulated: four standard errors of the difference of two means of 200
            // and 300 banners are 0.37.
            assert!(
                mean.abs() < 0.37,
                "mean {mean} at {clicks} clicks, concentration {concentration}"
            );
            assert!(
                (0.75..1.25).contains(&deviation),
                "{deviation} at {clicks} clicks, concentration {concentration}"
            );
        }
    }
}

#[test]
fn a_pile_is_broken_also_where_good_banners_have_most_clicks() {
    let banners = banners(200, 400.0, 100.0, 5);
    let fitted = fitted(&banners);
    let worst = scores(&fitted, &banners)[199];
    // The hottest bin, one beside it, a dead one.
    for bin in [6 * GRID.columns + 8, 8 * GRID.columns + 8, 19 * GRID.columns + 23] {
        let score = fitted.score(&spot(bin, 400.0)).unwrap();
        assert!(score > 2.0 * worst, "{score} at {bin}, the worst good one has {worst}");
    }
}

#[test]
fn clicks_all_over_are_broken_where_good_banners_stray_little() {
    let banners = banners(200, 400.0, 1_000.0, 8);
    let fitted = fitted(&banners);
    let even = Heatmap::from_values(GRID, vec![1.0; GRID.len()]).unwrap();
    assert!(fitted.score(&even).unwrap() > scores(&fitted, &banners)[199]);
}

#[test]
fn few_clicks_are_no_misfit() {
    let fitted = fitted(&banners(200, 400.0, 100.0, 6));
    let hot = 6 * GRID.columns + 8;
    assert!(fitted.score(&spot(hot, 1.0)).unwrap() < 1.0);
    assert!(fitted.score(&spot(hot, 2.0)).unwrap() < fitted.score(&spot(hot, 50.0)).unwrap());
    let few = scores(&fitted, &banners(300, 4.0, 100.0, 7));
    assert!(quantile(&few, 0.95) < 2.5, "{}", quantile(&few, 0.95));
}

#[test]
fn every_score_is_finite() {
    for (map, cell_bins) in
        [(good_map(), 2), (ClickMap::uniform(GRID), 1), (ClickMap::uniform(GRID), 99)]
    {
        for concentration in [LEAST, 30.0, MOST] {
            let fitted =
                DirichletMultinomial::with_concentration(&map, cell_bins, concentration).unwrap();
            assert_eq!(fitted.score(&Heatmap::zeros(GRID)).unwrap(), 0.0);
            for value in [1e-44, 0.3, 1.0, 1e9, f32::MAX] {
                let all = Heatmap::from_values(GRID, vec![value; GRID.len()]).unwrap();
                for heatmap in [spot(0, value), spot(GRID.len() - 1, value), all] {
                    assert!(fitted.score(&heatmap).unwrap().is_finite());
                    assert!(fitted.log_likelihood(&heatmap).unwrap().is_finite());
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (map, one) = (good_map(), spot(0, 1.0));
    assert!(DirichletMultinomial::fit(&map, &[], 2).is_err());
    assert!(
        DirichletMultinomial::fit(&map, &[&one], 2).unwrap_err().to_string().contains("two clicks")
    );
    let other = Heatmap::zeros(Grid { rows: 2, ..GRID });
    assert!(DirichletMultinomial::fit(&map, &[&spot(0, 9.0), &other], 2).is_err());
    assert!(DirichletMultinomial::fit(&map, &[&spot(0, 9.0)], 0).is_err());
    for bad in [0.0, f64::NAN, f64::INFINITY] {
        assert!(DirichletMultinomial::with_concentration(&map, 2, bad).is_err());
    }
    let fitted = DirichletMultinomial::with_concentration(&map, 2, 10.0).unwrap();
    assert!(fitted.score(&other).is_err() && fitted.log_likelihood(&other).is_err());
}
