//! How well cluster centres are located.
//!
//! Predicted and true centres of a map are paired by an exact assignment, so that no centre is found twice. Two
//! assignments answer two questions: the one of least total distance tells how far off the centres are (RMSE); the one
//! with the most pairs within 2 bins, and among those of least distance, tells how many are found (F1). The Chamfer
//! distance needs no pairs: c(A, B) = sum of the distances from each point to the nearest of the other set, in both
//! directions.
//!
//! A map without centres has no nearest ones. If both sets of a map are empty, its Chamfer distance is 0; if exactly
//! one is, each point of the other costs the diagonal of the grid: no two places on it are further apart.

use std::collections::BTreeMap;

use heatmap_core::analysis::assign;
use heatmap_core::{Grid, Point};
use serde::Serialize;

use super::data_error;
use crate::Result;

/// Largest distance in bins at which a centre counts as found.
const FOUND_BINS: f64 = 2.0;

/// The centres of one map, in bins.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedMap {
    /// Where a network says they are.
    pub predicted: Vec<Point>,
    /// Where they are.
    pub truth: Vec<Point>,
}

/// The numbers over all maps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocationReport {
    /// Root of the mean squared distance of all pairs, in bins; `None` when no map has a pair. A centre too many or too
    /// few has no pair and does not count here.
    pub rmse_bins: Option<f64>,
    /// The same in px.
    pub rmse_px: Option<f64>,
    /// Harmonic mean of precision and recall; 1 when no map has a centre and none was predicted.
    pub f1_2bins: f64,
    /// Share of the predicted centres that are within 2 bins of their true one. When nothing was predicted, 1 if there
    /// was nothing to find and else 0.
    pub precision_2bins: f64,
    /// Share of the true centres that are within 2 bins of their predicted one. When there was nothing to find, 1 if
    /// nothing was predicted and else 0.
    pub recall_2bins: f64,
    /// Share of maps with the right number of centres, those without any included.
    pub cardinality_accuracy: f64,
    /// Mean over the maps of the Chamfer distance in bins.
    pub chamfer_bins: f64,
    /// Maps scored.
    pub maps: usize,
    /// The numbers of the maps with each true number of centres that occurs, by increasing number.
    pub per_count: Vec<PerCount>,
}

/// The numbers over the maps with one true number of centres; see [`LocationReport`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PerCount {
    /// The true number of centres.
    pub count: usize,
    /// Maps with this number.
    pub maps: usize,
    /// Root of the mean squared distance of all pairs, in bins; `None` without a pair.
    pub rmse_bins: Option<f64>,
    /// Harmonic mean of precision and recall within 2 bins.
    pub f1_2bins: f64,
    /// Share of maps with the right number of centres.
    pub cardinality_accuracy: f64,
    /// Mean over the maps of the Chamfer distance in bins.
    pub chamfer_bins: f64,
}

impl LocationReport {
    /// Scores `maps` on `grid`, which gives the size of a bin and the diagonal.
    ///
    /// # Errors
    /// Without a map, or when a point is not finite.
    pub fn new(maps: &[LocatedMap], grid: Grid) -> Result<Self> {
        if maps.is_empty() {
            return Err(data_error("locations of no map cannot be scored"));
        }
        for (at, map) in maps.iter().enumerate() {
            if let Some(point) = map.points().find(|point| !(point.x.is_finite() && point.y.is_finite())) {
                return Err(data_error(format!("map {at}: ({}, {}) is no place", point.x, point.y)));
            }
        }
        let diagonal_bins = (grid.columns as f64).hypot(grid.rows as f64);
        let mut all = Tally::default();
        let mut by_count: BTreeMap<usize, Tally> = BTreeMap::new();
        for map in maps {
            all.add(map, diagonal_bins);
            by_count.entry(map.truth.len()).or_default().add(map, diagonal_bins);
        }
        let per_count = by_count.into_iter().map(|(count, tally)| PerCount {
            count,
            maps: tally.maps,
            rmse_bins: tally.rmse_bins(),
            f1_2bins: tally.f1(),
            cardinality_accuracy: tally.per_map(tally.right_number as f64),
            chamfer_bins: tally.per_map(tally.chamfer_bins),
        });
        Ok(Self {
            rmse_bins: all.rmse_bins(),
            rmse_px: all.rmse_bins().map(|bins| bins * grid.bin_size_px),
            f1_2bins: all.f1(),
            precision_2bins: share(all.found, all.predicted, all.truth),
            recall_2bins: share(all.found, all.truth, all.predicted),
            cardinality_accuracy: all.per_map(all.right_number as f64),
            chamfer_bins: all.per_map(all.chamfer_bins),
            maps: all.maps,
            per_count: per_count.collect(),
        })
    }
}

impl LocatedMap {
    fn points(&self) -> impl Iterator<Item = &Point> {
        self.predicted.iter().chain(&self.truth)
    }

    /// Distances in bins of the pairs of the best assignment, where a pair at a distance costs `cost(distance)`.
    fn pairs(&self, cost: impl Fn(f64) -> f64) -> Vec<f64> {
        let distance = |predicted: usize, truth: usize| self.predicted[predicted].distance(self.truth[truth]);
        let truths = assign(self.predicted.len(), self.truth.len(), |row, column| cost(distance(row, column)));
        truths.iter().enumerate().filter_map(|(row, column)| Some(distance(row, (*column)?))).collect()
    }

    /// Number of pairs within [`FOUND_BINS`] in the assignment that has the most of them.
    fn found(&self) -> usize {
        // One pair more within the limit outweighs all distances within it.
        let too_far = FOUND_BINS * (self.predicted.len().min(self.truth.len()) + 1) as f64;
        let pairs = self.pairs(|bins| if bins <= FOUND_BINS { bins } else { too_far });
        pairs.iter().filter(|bins| **bins <= FOUND_BINS).count()
    }

    fn chamfer_bins(&self, diagonal_bins: f64) -> f64 {
        let one_way = |from: &[Point], to: &[Point]| -> f64 {
            let nearest = |point: &Point| to.iter().map(|other| point.distance(*other)).reduce(f64::min);
            from.iter().map(|point| nearest(point).unwrap_or(diagonal_bins)).sum()
        };
        one_way(&self.predicted, &self.truth) + one_way(&self.truth, &self.predicted)
    }
}

/// Sums over maps.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    maps: usize,
    right_number: usize,
    predicted: usize,
    truth: usize,
    found: usize,
    pairs: usize,
    squared_bins: f64,
    chamfer_bins: f64,
}

impl Tally {
    fn add(&mut self, map: &LocatedMap, diagonal_bins: f64) {
        let pairs = map.pairs(|bins| bins);
        self.maps += 1;
        self.right_number += usize::from(map.predicted.len() == map.truth.len());
        self.predicted += map.predicted.len();
        self.truth += map.truth.len();
        self.found += map.found();
        self.pairs += pairs.len();
        self.squared_bins += pairs.iter().map(|bins| bins * bins).sum::<f64>();
        self.chamfer_bins += map.chamfer_bins(diagonal_bins);
    }

    fn rmse_bins(&self) -> Option<f64> {
        (self.pairs > 0).then_some((self.squared_bins / self.pairs as f64).sqrt())
    }

    fn f1(&self) -> f64 {
        // 2 p r / (p + r), without a division by zero when nothing is found.
        share(2 * self.found, self.predicted + self.truth, 0)
    }

    fn per_map(&self, sum: f64) -> f64 {
        sum / self.maps as f64
    }
}

/// `part` of `whole`. Of nothing it is 1 when there is nothing on the `other` side either, else 0.
fn share(part: usize, whole: usize, other: usize) -> f64 {
    match (whole, other) {
        (0, 0) => 1.0,
        (0, _) => 0.0,
        _ => part as f64 / whole as f64,
    }
}

#[cfg(test)]
mod tests {
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
        LocatedMap { predicted: (0..predicted).map(point).collect(), truth: (4..4 + truth).map(point).collect() }
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
        assert_eq!((talkative.precision_2bins, talkative.recall_2bins, talkative.f1_2bins), (0.0, 0.0, 0.0));
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
            let most = all.iter().map(|pairs| pairs.iter().filter(|bins| **bins <= 2.0).count()).max().unwrap();
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
        assert_eq!((one.f1_2bins, one.cardinality_accuracy), (other.f1_2bins, other.cardinality_accuracy));
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
        let error = LocationReport::new(&[map(&[], &[]), map(&[(f64::NAN, 1.0)], &[])], GRID).unwrap_err();
        assert!(error.to_string().contains("map 1: (NaN, 1)"), "{error}");
    }
}
