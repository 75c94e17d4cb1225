//! Tests of the unfolding as a whole: closed forms, the semidefinite programme solved by others,
//! and what must not matter.

mod invariance;

use faer::{Mat, MatRef};
use rand_distr::{Distribution, StandardUniform};
use serde::Deserialize;

use super::*;
use crate::sample_rng;

fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = sample_rng(seed, 0);
    (0..count).map(|_| StandardUniform.sample(&mut rng)).collect()
}

/// Points (angle, height) rolled up; the second value is the arc length of each.
fn swiss_roll(points: usize) -> (Mat<f64>, Vec<f64>) {
    let random = uniform(3, 2 * points);
    let angle = |i: usize| 1.5 * std::f64::consts::PI * (1.0 + 2.0 * random[2 * i]);
    let roll = Mat::from_fn(points, 3, |i, c| match c {
        0 => angle(i) * angle(i).cos(),
        1 => 21.0 * random[2 * i + 1],
        _ => angle(i) * angle(i).sin(),
    });
    let arc = |t: f64| 0.5 * (t * (1.0 + t * t).sqrt() + t.asinh());
    (roll, (0..points).map(|i| arc(angle(i))).collect())
}

fn squared_distance(data: MatRef<'_, f64>, a: usize, b: usize) -> f64 {
    (0..data.ncols()).map(|c| (data[(a, c)] - data[(b, c)]).powi(2)).sum()
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(usize) -> f64| (0..x.len()).map(f).sum::<f64>();
    let xx = sum(&|i| (x[i] - mx).powi(2));
    let yy = sum(&|i| (y[i] - my).powi(2));
    sum(&|i| (x[i] - mx) * (y[i] - my)) / (xx * yy).sqrt()
}

#[derive(Deserialize)]
struct Solved {
    objective: f64,
    eigenvalues: Vec<f64>,
}

#[derive(Deserialize)]
struct Fixture {
    neighbors: usize,
    points: Vec<Vec<f64>>,
    edges: Vec<(usize, usize, f64)>,
    scs: Solved,
    clarabel: Solved,
}

fn fixture() -> (Fixture, Mat<f64>) {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../tests/fixtures/mvu.json")).unwrap();
    let data = Mat::from_fn(fixture.points.len(), 6, |i, c| fixture.points[i][c]);
    (fixture, data)
}

#[test]
fn a_chain_unfolds_to_a_line() {
    // Lengths 1 to 3 around a helix; only neighbours along the chain are joined.
    let lengths: Vec<f64> = uniform(1, 19).iter().map(|u| 1.0 + 2.0 * u).collect();
    let edges: Vec<(usize, usize, f64)> =
        lengths.iter().enumerate().map(|(i, &l)| (i, i + 1, l)).collect();
    let at: Vec<f64> = (0..20).map(|i| lengths[..i].iter().sum()).collect();
    let mean = at.iter().sum::<f64>() / 20.0;
    let expected: f64 = at.iter().map(|x| (x - mean).powi(2)).sum();
    let config = MvuConfig { tolerance: 1e-6, components: 1, ..MvuConfig::default() };
    let mvu = config.fit_graph(20, &edges).unwrap();
    let report = mvu.report();
    assert!(
        (report.objective / expected - 1.0).abs() < 1e-5,
        "{} is not {expected}",
        report.objective
    );
    assert!(
        report.converged
            && report.relative_gap < 5e-3
            && report.dual_bound > expected * (1.0 - 1e-6),
        "{report:?}"
    );
    assert!(
        (mvu.variances()[0] - expected / 19.0).abs() < 1e-3 * expected
            && mvu.variances()[1] < 1e-6 * expected
    );
    let sign = mvu.embedding()[(19, 0)].signum();
    assert!(
        (0..20)
            .all(|i| (sign * mvu.embedding()[(i, 0)] - (at[i] - mean)).abs()
                < 1e-3 * expected.sqrt())
    );
}

#[test]
fn a_cycle_unfolds_to_a_regular_polygon() {
    for corners in [3, 4, 5, 12] {
        let edges: Vec<(usize, usize, f64)> =
            (0..corners).map(|i| (i, (i + 1) % corners, 2.0)).collect();
        let mvu = MvuConfig { tolerance: 1e-6, ..MvuConfig::default() }
            .fit_graph(corners, &edges)
            .unwrap();
        // Circumradius 1 / sin(pi / n) for sides of 2.
        let expected = corners as f64 / (std::f64::consts::PI / corners as f64).sin().powi(2);
        let report = mvu.report();
        assert!(
            (report.objective / expected - 1.0).abs() < 1e-4,
            "{corners}: {} {expected}",
            report.objective
        );
        assert!(
            report.relative_gap < 5e-3 && report.smallest_slack_eigenvalue > -0.02,
            "{corners}: {report:?}"
        );
        assert!(mvu.variances()[2] < 1e-3 * mvu.variances()[1]);
    }
}

#[test]
fn a_sheet_lies_flat() {
    // A grid with both diagonals can only be folded, which costs variance.
    let (rows, columns) = (7, 4);
    let node = |r: usize, c: usize| r * columns + c;
    let mut edges = Vec::new();
    for r in 0..rows {
        for c in 0..columns {
            for (dr, dc) in [(0, 1), (1, 0), (1, 1)] {
                if r + dr < rows && c + dc < columns {
                    edges.push((node(r, c), node(r + dr, c + dc), ((dr + dc) as f64).sqrt()));
                }
            }
            if r + 1 < rows && c > 0 {
                edges.push((node(r, c), node(r + 1, c - 1), 2.0_f64.sqrt()));
            }
        }
    }
    // Sums of squares of 0..n around their mean: n (n^2 - 1) / 12.
    let line = |n: usize| (n * (n * n - 1)) as f64 / 12.0;
    let expected = columns as f64 * line(rows) + rows as f64 * line(columns);
    let mvu = MvuConfig { tolerance: 1e-4, ..MvuConfig::default() }
        .fit_graph(rows * columns, &edges)
        .unwrap();
    let report = mvu.report();
    assert!(
        (report.objective / expected - 1.0).abs() < 5e-3,
        "{} is not {expected}",
        report.objective
    );
    assert!(report.dual_bound > expected * (1.0 - 1e-6), "{report:?}");
    let other: f64 = mvu.variances()[2..].iter().sum();
    assert!(other < 2e-2 * mvu.variances()[0], "{:?}", mvu.variances());
}

#[test]
fn the_optimum_is_that_of_the_semidefinite_programme() {
    let (fixture, data) = fixture();
    let config =
        MvuConfig { neighbors: fixture.neighbors, tolerance: 1e-5, ..MvuConfig::default() };
    // From the graph, from the data, and from a rank that is too low at first.
    let given = config.fit_graph(fixture.points.len(), &fixture.edges).unwrap();
    let found = config.fit(data.as_ref()).unwrap();
    let grown = MvuConfig { rank: Some(2), ..config }.fit(data.as_ref()).unwrap();
    for mvu in [given, found, grown] {
        let report = mvu.report();
        assert_eq!((report.edges, report.bridges, report.points), (fixture.edges.len(), 0, 40));
        for solved in [&fixture.scs, &fixture.clarabel] {
            assert!((report.objective / solved.objective - 1.0).abs() < 1e-3, "{report:?}");
            assert!(report.dual_bound > solved.objective * (1.0 - 1e-6), "{report:?}");
            assert!((mvu.variances()[0] * 39.0 / solved.eigenvalues[0] - 1.0).abs() < 5e-3);
        }
        assert!(report.converged && report.relative_gap < 6e-3, "{report:?}");
        assert!(report.largest_relative_violation <= 1e-5);
    }
}

#[test]
fn a_swiss_roll_is_unrolled() {
    let (roll, arc) = swiss_roll(300);
    let mvu = MvuConfig::default().fit(roll.as_ref()).unwrap();
    let report = mvu.report();
    assert!(report.converged && report.largest_relative_violation <= 5e-3, "{report:?}");
    assert!(report.relative_gap < 0.02, "{report:?}");
    let total: f64 = mvu.variances().iter().sum();
    assert!((total * 299.0 / report.objective - 1.0).abs() < 1e-9);
    assert!(mvu.variances()[0] + mvu.variances()[1] > 0.95 * total, "{:?}", mvu.variances());
    let first: Vec<f64> = mvu.embedding().col(0).iter().copied().collect();
    assert!(correlation(&first, &arc).abs() > 0.98, "{}", correlation(&first, &arc));
    // No linear projection of the roll knows the arc length.
    for c in 0..3 {
        let axis: Vec<f64> = roll.col(c).iter().copied().collect();
        assert!(correlation(&axis, &arc).abs() < 0.9);
    }
}

#[test]
fn flattening_brings_lengths_back_into_two_dimensions() {
    let (roll, arc) = swiss_roll(300);
    let plain = MvuConfig::default().fit(roll.as_ref()).unwrap();
    let flat = MvuConfig { flatten: true, ..MvuConfig::default() }.fit(roll.as_ref()).unwrap();
    let error = |mvu: &Mvu| mvu.report().embedding_rms_relative_error;
    assert!(
        error(&flat) < 0.03 && error(&flat) < 0.2 * error(&plain),
        "{} {}",
        error(&flat),
        error(&plain)
    );
    // The rest of the report is that of the unfolding.
    assert_eq!(flat.report().objective, plain.report().objective);
    let first: Vec<f64> = flat.embedding().col(0).iter().copied().collect();
    assert!(correlation(&first, &arc).abs() > 0.98);
}
