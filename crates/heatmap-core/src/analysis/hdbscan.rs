//! HDBSCAN with outlier scores (Campello, Moulavi, Zimek and Sander, TKDD 2015).
//!
//! The distance of two rows is their Euclidean distance, but at least as far as either is from its
//! `min_samples`-th nearest row (mutual reachability). By this distance rows merge into a
//! hierarchy, from which the clusters with the largest excess of mass are selected; never its root,
//! so there is no single cluster of everything. `hdbscan/hierarchy.rs` has that part.
//!
//! Rows that merge at exactly the same distance merge in one step, as in the paper. scikit-learn
//! merges two at a time, so that the result of ties depends on the order of the rows.
//! petal-clustering 0.14 may put several groups of equal rows and all rows between them into one
//! cluster; on data without equal rows its labels are the ones given here. Ties are common: equal
//! rows, such as those of empty heatmaps, and in every data set the row that, by becoming dense
//! enough, joins two clusters. Here such a row is noise, and nothing depends on the order of rows.
//!
//! The time grows with the square of the number of rows: every distance is computed twice. Memory
//! is that of the data.

mod hierarchy;

use faer::MatRef;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::distance::Rows;
use super::{check_features, numbers_by_appearance};
use crate::{Error, Result};

/// Rows that one task looks at in a step of the spanning tree.
const STEP: usize = 1_024;

/// Configures HDBSCAN on rows of features, for clusters that differ in density or at distances that
/// nobody knows.
///
/// Where one distance fits all, [`DbscanConfig`](super::DbscanConfig) is simpler;
/// [`DensityClusteringConfig`](super::DensityClusteringConfig) is for the clicks of one heatmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HdbscanConfig {
    /// Least number of rows in a cluster; at least 2.
    pub min_cluster_size: usize,
    /// The distance to this many nearest rows, the row itself included, tells how dense the data
    /// are around a row; by default as many as `min_cluster_size`.
    pub min_samples: Option<usize>,
    /// Which clusters of the hierarchy are taken.
    pub selection: ClusterSelection,
}

/// The rule by which clusters of the hierarchy are selected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterSelection {
    /// Selects the clusters of the largest excess of mass, as the paper does: few clusters, of
    /// different densities.
    #[default]
    ExcessOfMass,
    /// Selects the clusters that hold no other cluster: many small, homogeneous ones.
    Leaf,
}

/// The result of HDBSCAN: the cluster of each row, or noise, and outlier scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdbscan {
    labels: Vec<Option<usize>>,
    clusters: usize,
    outlier_scores: Vec<f64>,
}

impl Default for HdbscanConfig {
    fn default() -> Self {
        Self { min_cluster_size: 5, min_samples: None, selection: ClusterSelection::default() }
    }
}

impl HdbscanConfig {
    /// Clusters the rows of `data`, [samples, features]. When there are fewer rows than a cluster
    /// or a neighbourhood needs, all are noise, with scores of 0.
    ///
    /// # Errors
    /// Returns an error when there is no row or column, a value is not finite, values are too far
    /// apart to be squared, or the configuration cannot be used.
    pub fn fit(&self, data: MatRef<'_, f64>) -> Result<Hdbscan> {
        let min_samples = self.min_samples.unwrap_or(self.min_cluster_size);
        if self.min_cluster_size < 2 {
            return Err(Error::config(
                "min_cluster_size",
                self.min_cluster_size,
                "must be at least 2",
            ));
        }
        if min_samples == 0 {
            return Err(Error::config("min_samples", min_samples, "must be positive"));
        }
        check_features(data)?;
        let samples = data.nrows();
        if samples < self.min_cluster_size.max(min_samples) {
            return Ok(Hdbscan {
                labels: vec![None; samples],
                clusters: 0,
                outlier_scores: vec![0.0; samples],
            });
        }
        let rows = Rows::new(data);
        let edges = spanning_tree(&rows, &core_distances(&rows, min_samples));
        if edges.iter().any(|edge| !edge.squared_distance.is_finite()) {
            return Err(Error::Data("HDBSCAN: distances between samples are too large".to_owned()));
        }
        let (labels, outlier_scores) =
            hierarchy::clusters(edges, self.min_cluster_size, self.selection);
        let (numbers, clusters) = numbers_by_appearance(labels.iter().flatten().copied(), samples);
        let labels = labels.into_iter().map(|label| label.map(|label| numbers[label])).collect();
        Ok(Hdbscan { labels, clusters, outlier_scores })
    }
}

impl Hdbscan {
    /// Returns the cluster of each row; `None` for noise. Clusters are numbered from 0 in the order
    /// of their first rows.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// Number of clusters.
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// Returns how much of an outlier each row is, from 0 to 1 (GLOSH, section 6 of the paper).
    ///
    /// The score is 1 - e/d, where a row joins its cluster of the hierarchy at distance d, and the
    /// densest part of that cluster lasts down to distance e.
    pub fn outlier_scores(&self) -> &[f64] {
        &self.outlier_scores
    }
}

/// An edge of the spanning tree: two rows and their squared mutual reachability distance.
struct Edge {
    rows: [usize; 2],
    squared_distance: f64,
}

/// Returns the squared distance of each row to its `min_samples`-th nearest row, itself the first
/// of them.
fn core_distances(rows: &Rows, min_samples: usize) -> Vec<f64> {
    let core_distance = |at: usize| {
        let mut distances: Vec<f64> =
            (0..rows.len()).map(|other| rows.squared_distance(at, other)).collect();
        *distances.select_nth_unstable_by(min_samples - 1, f64::total_cmp).1
    };
    (0..rows.len()).into_par_iter().map(core_distance).collect()
}

/// Returns a minimum spanning tree of the rows by mutual reachability, after Prim.
fn spanning_tree(rows: &Rows, core: &[f64]) -> Vec<Edge> {
    /// A row that is not in the tree yet, and how near the tree is.
    struct Open {
        row: usize,
        nearest: usize,
        distance: f64,
    }
    let open_at = |row| Open { row, nearest: 0, distance: f64::INFINITY };
    let mut open: Vec<Open> = (1..rows.len()).map(open_at).collect();
    let (mut last, mut edges) = (0, Vec::with_capacity(open.len()));
    while !open.is_empty() {
        let look = |some: &mut [Open]| {
            for open in some.iter_mut() {
                let distance =
                    rows.squared_distance(last, open.row).max(core[last]).max(core[open.row]);
                if distance < open.distance {
                    (open.nearest, open.distance) = (last, distance);
                }
            }
            let nearest =
                some.iter().enumerate().min_by(|(_, a), (_, b)| a.distance.total_cmp(&b.distance));
            nearest.map(|(at, open)| (at, open.distance)).expect("chunks are not empty")
        };
        let nearest: Vec<(usize, f64)> = if open.len() > STEP {
            open.par_chunks_mut(STEP).map(look).collect()
        } else {
            vec![look(&mut open)]
        };
        let of_all = nearest.iter().enumerate().min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let (chunk, &(at, _)) = of_all.expect("there is a chunk");
        let next = open.swap_remove(chunk * STEP + at);
        edges.push(Edge { rows: [next.nearest, next.row], squared_distance: next.distance });
        last = next.row;
    }
    edges
}

#[cfg(test)]
mod tests;
