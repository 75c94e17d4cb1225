//! DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996) of feature vectors.
//!
//! Written here and not taken from petal-clustering: its version 0.14 turns a cluster into noise
//! when fewer than `min_samples` rows are left after other clusters took its border rows, and
//! counts rows at exactly the radius or not, depending on its tree. Here, as in the paper, every
//! core has a cluster and the radius belongs to the neighbourhood.
//!
//! The paper gives a border row, one that is no core but near cores of several clusters, to
//! whichever comes first. Here it goes to the nearest core, of equally near ones to the first row.
//! So, without such ties, nothing but the numbering of the clusters depends on the order of rows.
//!
//! A row is compared with all rows that are within the radius along the feature with the largest
//! range. So in many dimensions the time grows with the square of the number of rows, in few with
//! the number of rows in such a strip. Memory is that of the data.

use faer::{Mat, MatRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::distance::Rows;
use super::{check_features, numbers_by_appearance, root};
use crate::{Error, Result};

/// Number of rows whose links are kept in memory at a time.
const LINKED: usize = 1_024;

/// Configures DBSCAN on rows of features, for clusters of about equal density and a known distance
/// between neighbours.
///
/// [`HdbscanConfig`](super::HdbscanConfig) needs no distance and takes clusters of different
/// density; [`DensityClusteringConfig`](super::DensityClusteringConfig) is for the clicks of one
/// heatmap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DbscanConfig {
    /// Rows at most this far apart are neighbours; Euclidean distance in units of the features.
    pub radius: f64,
    /// Number of neighbours, the row itself included, from which on a row is a core.
    pub min_samples: usize,
}

/// The result of DBSCAN: the cluster of each row, or noise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbscan {
    labels: Vec<Option<usize>>,
    cores: Vec<bool>,
    clusters: usize,
}

impl Default for DbscanConfig {
    fn default() -> Self {
        Self { radius: 0.5, min_samples: 5 }
    }
}

impl DbscanConfig {
    /// Clusters the rows of `data`, [samples, features].
    ///
    /// # Errors
    /// Returns an error when there is no row or column, a value is not finite, or the configuration
    /// cannot be used.
    pub fn fit(&self, data: MatRef<'_, f64>) -> Result<Dbscan> {
        self.check()?;
        check_features(data)?;
        let rows = SortedRows::new(data, self.radius * self.radius);
        let samples = data.nrows();
        let is_core = |at: usize| rows.near(at).take(self.min_samples).count() == self.min_samples;
        let cores: Vec<bool> = (0..samples).into_par_iter().map(is_core).collect();
        // Every core is joined to the cores before it and every border row to one core; then the
        // connected rows are the clusters.
        let mut parents: Vec<usize> = (0..samples).collect();
        for first in (0..samples).step_by(LINKED) {
            let some = first..(first + LINKED).min(samples);
            let links: Vec<Vec<usize>> =
                some.clone().into_par_iter().map(|at| rows.links(at, &cores)).collect();
            for (at, links) in some.zip(links) {
                for near in links {
                    let (a, b) = (root(&mut parents, at), root(&mut parents, near));
                    parents[a] = b;
                }
            }
        }
        // A border row has joined its core, so a row that is by itself and no core is noise.
        let mut labels = vec![None; samples];
        let mut is_core = vec![false; samples];
        for at in 0..samples {
            let own = root(&mut parents, at);
            labels[rows.order[at]] = (cores[at] || own != at).then_some(own);
            is_core[rows.order[at]] = cores[at];
        }
        let (numbers, clusters) = numbers_by_appearance(labels.iter().flatten().copied(), samples);
        let labels = labels.into_iter().map(|label| label.map(|label| numbers[label])).collect();
        Ok(Dbscan { labels, cores: is_core, clusters })
    }

    fn check(&self) -> Result<()> {
        let square = self.radius * self.radius;
        if !(self.radius > 0.0 && square.is_normal()) {
            return Err(Error::config(
                "radius",
                self.radius,
                "must be positive, and neither it nor its square infinite or 0",
            ));
        }
        if self.min_samples == 0 {
            return Err(Error::config("min_samples", self.min_samples, "must be positive"));
        }
        Ok(())
    }
}

impl Dbscan {
    /// Returns the cluster of each row; `None` for noise. Clusters are numbered from 0 in the order
    /// of their first rows.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// Returns which rows are cores, that is have enough neighbours. The other rows of a cluster
    /// are its border.
    pub fn cores(&self) -> &[bool] {
        &self.cores
    }

    /// Number of clusters.
    pub fn clusters(&self) -> usize {
        self.clusters
    }
}

/// Rows sorted by the feature with the largest range, so that neighbours lie in a strip.
struct SortedRows {
    /// The row of the data at each place.
    order: Vec<usize>,
    /// The value of that feature at each place, ascending.
    keys: Vec<f64>,
    rows: Rows,
    squared_radius: f64,
}

impl SortedRows {
    fn new(data: MatRef<'_, f64>, squared_radius: f64) -> Self {
        let spread = |column: usize| {
            let ends = data
                .col(column)
                .iter()
                .fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
            ends.1 - ends.0
        };
        let key = (0..data.ncols())
            .max_by(|&a, &b| spread(a).total_cmp(&spread(b)))
            .expect("there is a column");
        let mut order: Vec<usize> = (0..data.nrows()).collect();
        order.sort_by(|&a, &b| data[(a, key)].total_cmp(&data[(b, key)]));
        Self {
            keys: order.iter().map(|&row| data[(row, key)]).collect(),
            rows: Rows::new(
                Mat::from_fn(data.nrows(), data.ncols(), |at, j| data[(order[at], j)]).as_ref(),
            ),
            order,
            squared_radius,
        }
    }

    /// Iterates over the neighbours of the row at a place, itself included: their places and their
    /// squared distances.
    fn near(&self, at: usize) -> impl Iterator<Item = (usize, f64)> {
        // Compared as squares, like the distances, so that rounding never cuts off a row whose
        // distance is within the radius.
        let in_strip =
            move |key: f64| (self.keys[at] - key) * (self.keys[at] - key) <= self.squared_radius;
        let first = self.keys[..at].partition_point(|&key| !in_strip(key));
        (first..self.order.len()).take_while(move |&other| in_strip(self.keys[other])).filter_map(
            move |other| {
                let distance = self.rows.squared_distance(at, other);
                (distance <= self.squared_radius).then_some((other, distance))
            },
        )
    }

    /// Returns the places that a row is joined with: for a core the neighbouring cores before it,
    /// for another row the nearest core, if one is within the radius.
    fn links(&self, at: usize, cores: &[bool]) -> Vec<usize> {
        let near = self.near(at).filter(|&(other, _)| cores[other]);
        if cores[at] {
            return near.map(|(other, _)| other).take_while(|&other| other < at).collect();
        }
        let first = |a: usize, b: usize| self.order[a].cmp(&self.order[b]);
        let nearest = near.min_by(|a, b| a.1.total_cmp(&b.1).then_with(|| first(a.0, b.0)));
        nearest.map(|(other, _)| other).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
