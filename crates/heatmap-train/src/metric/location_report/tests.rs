//! Reports of maps that can be scored by hand.

use super::*;

/// The diagonal is 50 bins.
const GRID: Grid = Grid { rows: 30, columns: 40, bin_size_px: 5.0 };

fn map(predicted: &[(f64, f64)], truth: &[(f64, f64)]) -> LocatedMap {
    let points = |of: &[(f64, f64)]| of.iter().map(|&(x, y)| Point { x, y }).collect();
    LocatedMap { predicted: points(predicted), truth: points(truth) }
}

fn report(maps: &[LocatedMap]) -> LocationReport {
    LocationReport::new(maps, GRID).unwrap()
}

fn assert_close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-9, "{got} is not {want}");
}

/// Up to four points on either side in a square of 4 bins.
fn scattered(seed: usize) -> LocatedMap {
    let point = |at: usize| {
        let along = |step: f64| 4.0 * ((16 * seed + at) as f64 * step).fract();
        Point { x: along(0.754_877_67), y: along(0.569_840_29) }
    };
    let (predicted, truth) = (seed % 5, seed / 5 % 5);
    LocatedMap {
        predicted: (0..predicted).map(point).collect(),
        truth: (4..4 + truth).map(point).collect(),
    }
}

/// Distances of the pairs of every way to pair all points of the shorter list.
fn pairings(short: &[Point], long: &[Point]) -> Vec<Vec<f64>> {
    let Some((first, rest)) = short.split_first() else { return vec![Vec::new()] };
    let with = |at: usize| {
        let mut left = long.to_vec();
        let bins = first.distance(left.remove(at));
        pairings(rest, &left).into_iter().map(move |pairs| [pairs, vec![bins]].concat())
    };
    (0..long.len()).flat_map(with).collect()
}

#[test]
fn four_maps_by_hand() {
    let maps = [
        // Pairs at 1 and 5 bins.
        map(&[(1.0, 1.0), (10.0, 10.0)], &[(13.0, 14.0), (1.0, 2.0)]),
        map(&[], &[(5.0, 5.0)]),
        map(&[], &[]),
        map(&[(0.0, 0.0)], &[]),
    ];
    let report = report(&maps);
    assert_eq!(report.maps, 4);
    assert_close(report.rmse_bins.unwrap(), 13.0_f64.sqrt());
    assert_close(report.rmse_px.unwrap(), 5.0 * 13.0_f64.sqrt());
    assert_close(report.precision_2bins, 1.0 / 3.0);
    assert_close(report.recall_2bins, 1.0 / 3.0);
    assert_close(report.f1_2bins, 1.0 / 3.0);
    assert_close(report.cardinality_accuracy, 0.5);
    assert_close(report.chamfer_bins, (12.0 + 50.0 + 0.0 + 50.0) / 4.0);

    let counts: Vec<_> = report.per_count.iter().map(|of| (of.count, of.maps)).collect();
    assert_eq!(counts, [(0, 2), (1, 1), (2, 1)]);
    let [none, one, two] = report.per_count[..] else { panic!("three counts") };
    assert_eq!((none.rmse_bins, none.f1_2bins, none.cardinality_accuracy), (None, 0.0, 0.5));
    assert_close(none.chamfer_bins, 25.0);
    assert_eq!((one.rmse_bins, one.f1_2bins, one.cardinality_accuracy), (None, 0.0, 0.0));
    assert_close(one.chamfer_bins, 50.0);
    assert_close(two.rmse_bins.unwrap(), 13.0_f64.sqrt());
    assert_eq!((two.f1_2bins, two.cardinality_accuracy), (0.5, 1.0));
    assert_close(two.chamfer_bins, 12.0);
}

#[test]
fn no_centre_anywhere_is_a_perfect_answer() {
    let report = report(&[map(&[], &[]), map(&[], &[])]);
    assert_eq!((report.f1_2bins, report.precision_2bins, report.recall_2bins), (1.0, 1.0, 1.0));
    assert_eq!((report.rmse_bins, report.rmse_px), (None, None));
    assert_eq!((report.cardinality_accuracy, report.chamfer_bins), (1.0, 0.0));
}

#[test]
fn one_side_empty_everywhere_finds_nothing() {
    let silent = report(&[map(&[], &[(1.0, 1.0), (2.0, 2.0)])]);
    assert_eq!((silent.precision_2bins, silent.recall_2bins, silent.f1_2bins), (0.0, 0.0, 0.0));
    assert_close(silent.chamfer_bins, 100.0);
    let talkative = report(&[map(&[(1.0, 1.0)], &[])]);
    assert_eq!(
        (talkative.precision_2bins, talkative.recall_2bins, talkative.f1_2bins),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn exactly_two_bins_are_found_and_a_little_more_are_not() {
    assert_eq!(report(&[map(&[(3.0, 1.0)], &[(1.0, 1.0)])]).f1_2bins, 1.0);
    assert_eq!(report(&[map(&[(3.001, 1.0)], &[(1.0, 1.0)])]).f1_2bins, 0.0);
}

#[test]
fn a_true_centre_is_found_once() {
    let report = report(&[map(&[(1.0, 1.0), (1.0, 1.5)], &[(1.0, 1.0)])]);
    assert_eq!((report.precision_2bins, report.recall_2bins), (0.5, 1.0));
    assert_eq!((report.rmse_bins, report.cardinality_accuracy), (Some(0.0), 0.0));
    assert_close(report.chamfer_bins, 0.5);
}

#[test]
fn more_pairs_within_the_limit_beat_a_smaller_total_distance() {
    // Least distance pairs 0 and 2.8 bins; both within the limit pairs 2 and 2 bins.
    let report = report(&[map(&[(2.0, 0.0), (2.0, 2.0)], &[(0.0, 0.0), (2.0, 0.0)])]);
    assert_eq!(report.f1_2bins, 1.0);
    assert_close(report.rmse_bins.unwrap(), 2.0);
}

#[test]
fn pairs_are_the_best_of_all() {
    let mut found = 0;
    for map in (0..100).map(scattered) {
        let mut sides = [&map.predicted, &map.truth];
        sides.sort_by_key(|side| side.len());
        let [short, long] = sides;
        let all = pairings(short, long);
        let sum = |pairs: &Vec<f64>| pairs.iter().sum::<f64>();
        let least = all.iter().min_by(|a, b| sum(a).total_cmp(&sum(b))).unwrap();
        let most = all
            .iter()
            .map(|pairs| pairs.iter().filter(|bins| **bins <= 2.0).count())
            .max()
            .unwrap();
        let report = report(std::slice::from_ref(&map));
        let squared: f64 = least.iter().map(|bins| bins * bins).sum();
        let want = (!short.is_empty()).then_some((squared / least.len() as f64).sqrt());
        assert_eq!(report.rmse_bins.is_some(), want.is_some());
        assert_close(report.rmse_bins.unwrap_or(0.0), want.unwrap_or(0.0));
        if !short.is_empty() {
            assert_close(report.precision_2bins * map.predicted.len() as f64, most as f64);
            assert_close(report.recall_2bins * map.truth.len() as f64, most as f64);
        }
        found += most;
    }
    assert!(found > 10, "the maps are too sparse to test the limit");
}

#[test]
fn the_order_of_the_points_does_not_matter() {
    let maps: Vec<LocatedMap> = (0..50).map(scattered).collect();
    let mut turned = maps.clone();
    for map in &mut turned {
        map.predicted.reverse();
        let half = map.truth.len() / 2;
        map.truth.rotate_left(half);
    }
    turned.reverse();
    let (one, other) = (report(&maps), report(&turned));
    assert_close(one.rmse_bins.unwrap(), other.rmse_bins.unwrap());
    assert_close(one.chamfer_bins, other.chamfer_bins);
    assert_eq!(
        (one.f1_2bins, one.cardinality_accuracy),
        (other.f1_2bins, other.cardinality_accuracy)
    );
    assert_eq!(one.per_count.len(), other.per_count.len());
}

#[test]
fn the_f1_is_the_harmonic_mean() {
    let report = report(&(0..100).map(scattered).collect::<Vec<_>>());
    let (p, r) = (report.precision_2bins, report.recall_2bins);
    assert_close(report.f1_2bins, 2.0 * p * r / (p + r));
}

#[test]
fn what_cannot_be_scored_is_an_error() {
    assert!(LocationReport::new(&[], GRID).unwrap_err().to_string().contains("no map"));
    let error =
        LocationReport::new(&[map(&[], &[]), map(&[(f64::NAN, 1.0)], &[])], GRID).unwrap_err();
    assert!(error.to_string().contains("map 1: (NaN, 1)"), "{error}");
}
