//! [`LocationReport`]: how accurately cluster centres are located.
//!
//! The predicted and true centres of a map are paired by an optimal one-to-one assignment, so no
//! centre is counted as found twice. Two assignments answer two questions. The one with the least
//! total distance tells how far off the centres are (RMSE). The one with the most pairs within 2
//! bins, and among those the least distance, tells how many centres are found (F1). The Chamfer
//! distance needs no pairs: c(A, B) is the sum of the distances from each point to its nearest
//! neighbour in the other set, in both directions.
//!
//! Empty sets need a convention, since they offer no nearest neighbour. If both sets of a map are
//! empty, its Chamfer distance is 0. If exactly one is, each point of the other costs the diagonal
//! of the grid, the largest distance possible on it.

use std::collections::BTreeMap;

use heatmap_core::analysis::assign;
use heatmap_core::{Grid, Point};
use serde::Serialize;

use crate::{Error, Result};

/// Largest distance in bins between a true and a predicted centre that counts as found.
const FOUND_BINS: f64 = 2.0;

/// The predicted and true centres of one map, in bins.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedMap {
    /// Centres that a network predicts.
    pub predicted: Vec<Point>,
    /// True centres.
    pub truth: Vec<Point>,
}

/// Scores of predicted centres over all maps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocationReport {
    /// Root of the mean squared distance of all pairs, in bins; `None` when no map has a pair.
    /// Surplus and missing centres have no pair and do not enter this number.
    pub rmse_bins: Option<f64>,
    /// `rmse_bins` converted to px.
    pub rmse_px: Option<f64>,
    /// Harmonic mean of precision and recall; 1 when no map has a centre and none was predicted.
    pub f1_2bins: f64,
    /// Precision: share of the predicted centres that are within 2 bins of their true centre. When
    /// nothing was predicted, it is 1 if there was nothing to find, and 0 otherwise.
    pub precision_2bins: f64,
    /// Recall: share of the true centres that are within 2 bins of their predicted centre. When
    /// there was nothing to find, it is 1 if nothing was predicted, and 0 otherwise.
    pub recall_2bins: f64,
    /// Share of maps with the right number of predicted centres, including maps without any.
    pub cardinality_accuracy: f64,
    /// Mean Chamfer distance of the maps in bins.
    pub chamfer_bins: f64,
    /// Number of maps scored.
    pub maps: usize,
    /// Scores grouped by the true number of centres, in increasing order of that number.
    pub per_count: Vec<PerCount>,
}

/// Scores over all maps with the same true number of centres; see [`LocationReport`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PerCount {
    /// The true number of centres.
    pub count: usize,
    /// Number of maps with this true number of centres.
    pub maps: usize,
    /// Root of the mean squared distance of all pairs, in bins; `None` if there is no pair.
    pub rmse_bins: Option<f64>,
    /// Harmonic mean of precision and recall within 2 bins.
    pub f1_2bins: f64,
    /// Share of maps with the right number of predicted centres.
    pub cardinality_accuracy: f64,
    /// Mean Chamfer distance of the maps in bins.
    pub chamfer_bins: f64,
}

impl LocationReport {
    /// Scores `maps` on `grid`, which gives the bin size in px and the diagonal.
    ///
    /// # Errors
    /// Returns an error when there is no map, or when a point is not finite.
    pub fn new(maps: &[LocatedMap], grid: Grid) -> Result<Self> {
        if maps.is_empty() {
            return Err(Error::data("locations of no map cannot be scored"));
        }
        for (at, map) in maps.iter().enumerate() {
            if let Some(point) =
                map.points().find(|point| !(point.x.is_finite() && point.y.is_finite()))
            {
                return Err(Error::data(format!(
                    "map {at}: ({}, {}) is no place",
                    point.x, point.y
                )));
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

    /// Returns the distances in bins of the paired centres under the assignment of least total
    /// cost, where a pair at distance `d` costs `cost(d)`.
    fn pairs(&self, cost: impl Fn(f64) -> f64) -> Vec<f64> {
        let distance =
            |predicted: usize, truth: usize| self.predicted[predicted].distance(self.truth[truth]);
        let truths = assign(self.predicted.len(), self.truth.len(), |row, column| {
            cost(distance(row, column))
        });
        truths
            .iter()
            .enumerate()
            .filter_map(|(row, column)| Some(distance(row, (*column)?)))
            .collect()
    }

    /// Returns the largest number of pairs within [`FOUND_BINS`] that any assignment achieves.
    fn found(&self) -> usize {
        // A pair beyond the limit costs more than all possible pairs within it together, so the
        // assignment first maximises the number of pairs within the limit.
        let too_far = FOUND_BINS * (self.predicted.len().min(self.truth.len()) + 1) as f64;
        let pairs = self.pairs(|bins| if bins <= FOUND_BINS { bins } else { too_far });
        pairs.iter().filter(|bins| **bins <= FOUND_BINS).count()
    }

    fn chamfer_bins(&self, diagonal_bins: f64) -> f64 {
        let one_way = |from: &[Point], to: &[Point]| -> f64 {
            let nearest =
                |point: &Point| to.iter().map(|other| point.distance(*other)).reduce(f64::min);
            from.iter().map(|point| nearest(point).unwrap_or(diagonal_bins)).sum()
        };
        one_way(&self.predicted, &self.truth) + one_way(&self.truth, &self.predicted)
    }
}

/// Sums over maps, from which the scores are computed.
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
        // This equals 2 p r / (p + r), but does not divide by zero when nothing is found.
        share(2 * self.found, self.predicted + self.truth, 0)
    }

    fn per_map(&self, sum: f64) -> f64 {
        sum / self.maps as f64
    }
}

/// Returns `part` / `whole`. If `whole` is 0, returns 1 if `other` is 0 too, and 0 otherwise.
fn share(part: usize, whole: usize, other: usize) -> f64 {
    match (whole, other) {
        (0, 0) => 1.0,
        (0, _) => 0.0,
        _ => part as f64 / whole as f64,
    }
}

#[cfg(test)]
mod tests;
