//! How well cluster centres are located.
//!
//! Predicted and true centres of a map are paired by an exact assignment, so that no centre is
//! found twice. Two assignments answer two questions: the one of least total distance tells how far
//! off the centres are (RMSE); the one with the most pairs within 2 bins, and among those of least
//! distance, tells how many are found (F1). The Chamfer distance needs no pairs: c(A, B) = sum of
//! the distances from each point to the nearest of the other set, in both directions.
//!
//! A map without centres has no nearest ones. If both sets of a map are empty, its Chamfer distance
//! is 0; if exactly one is, each point of the other costs the diagonal of the grid: no two places
//! on it are further apart.

use std::collections::BTreeMap;

use heatmap_core::analysis::assign;
use heatmap_core::{Grid, Point};
use serde::Serialize;

use crate::{Error, Result};

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
    /// Root of the mean squared distance of all pairs, in bins; `None` when no map has a pair. A
    /// centre too many or too few has no pair and does not count here.
    pub rmse_bins: Option<f64>,
    /// The same in px.
    pub rmse_px: Option<f64>,
    /// Harmonic mean of precision and recall; 1 when no map has a centre and none was predicted.
    pub f1_2bins: f64,
    /// Share of the predicted centres that are within 2 bins of their true one. When nothing was
    /// predicted, 1 if there was nothing to find and else 0.
    pub precision_2bins: f64,
    /// Share of the true centres that are within 2 bins of their predicted one. When there was
    /// nothing to find, 1 if nothing was predicted and else 0.
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

    /// Distances in bins of the pairs of the best assignment, where a pair at a distance costs
    /// `cost(distance)`.
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

    /// Number of pairs within [`FOUND_BINS`] in the assignment that has the most of them.
    fn found(&self) -> usize {
        // One pair more within the limit outweighs all distances within it.
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
mod tests;
