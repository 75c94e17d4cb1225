//! k-means: Lloyd's algorithm from seeds by greedy k-means++, the best of several restarts.
//!
//! Seeding after Arthur and Vassilvitskii (SODA 2007): a seed is drawn with a probability that
//! grows with its squared distance from the seeds so far. As they suggest in their last section,
//! and as scikit-learn does, 2 + ln(clusters) candidates are drawn for each seed, and the one that
//! lowers the sum of those distances most is taken.
//!
//! A cluster that loses all rows takes the one farthest from its own centroid, instead of staying
//! empty or becoming NaN. Clusters are numbered by the first row in them. The result does not
//! depend on the number of threads.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::distance::{Rows, squared_distance};
use super::{check_features, numbers_by_appearance};
use crate::{Error, Result, SampleRng, sample_rng};

/// Configures k-means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansConfig {
    /// Number of clusters.
    pub clusters: usize,
    /// Number of random starts, of which the one with the smallest inertia is kept.
    pub restarts: usize,
    /// Largest number of steps of Lloyd's algorithm in a restart.
    pub max_iterations: usize,
    /// A restart ends when the squared distances that the centroids move add up to at most this
    /// share of the mean variance of a feature, or when no row changes its cluster.
    pub tolerance: f64,
    /// Seed of the random starts.
    pub seed: u64,
}

/// The result of k-means: the centroids, and the cluster of each row.
#[derive(Debug, Clone)]
pub struct KMeans {
    centroids: Mat<f64>,
    labels: Vec<usize>,
    inertia: f64,
}

impl Default for KMeansConfig {
    fn default() -> Self {
        Self { clusters: 8, restarts: 10, max_iterations: 300, tolerance: 1e-4, seed: 0 }
    }
}

impl KMeansConfig {
    /// Clusters the rows of `data`, [samples, features].
    ///
    /// # Errors
    /// Returns an error when values are not finite or too far apart to be squared, there are fewer
    /// distinct rows than clusters, or the configuration cannot be used.
    pub fn fit(&self, data: MatRef<'_, f64>) -> Result<KMeans> {
        self.check()?;
        check_features(data)?;
        let (samples, features) = (data.nrows(), data.ncols());
        if samples < self.clusters {
            return Err(Error::Data(format!(
                "k-means to {} clusters of {samples} samples",
                self.clusters
            )));
        }
        // Rows are centred because products of centred rows lose the fewest digits.
        let mean: Vec<f64> =
            (0..features).map(|j| data.col(j).iter().map(|v| v / samples as f64).sum()).collect();
        let rows = Centred::new(data, &mean);
        let variance = rows.squares.iter().sum::<f64>() / (samples * features) as f64;
        if !variance.is_finite() {
            return Err(Error::Data("k-means: distances between samples are too large".to_owned()));
        }
        let runs: Vec<Result<KMeans>> = (0..self.restarts)
            .into_par_iter()
            .map(|restart| self.run(&rows, variance, restart))
            .collect();
        let runs: Vec<KMeans> = runs.into_iter().collect::<Result<_>>()?;
        let best = runs
            .into_iter()
            .min_by(|a, b| a.inertia.total_cmp(&b.inertia))
            .expect("there is a restart");
        Ok(best.in_order_of_appearance(&mean))
    }

    fn check(&self) -> Result<()> {
        for (field, value) in [
            ("clusters", self.clusters),
            ("restarts", self.restarts),
            ("max_iterations", self.max_iterations),
        ] {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::config("tolerance", self.tolerance, "must be zero or positive"));
        }
        Ok(())
    }

    /// Runs one restart.
    fn run(&self, rows: &Centred, variance: f64, restart: usize) -> Result<KMeans> {
        let mut centroids = self.seeds(rows, &mut sample_rng(self.seed, restart as u64))?;
        let (mut labels, mut distances) = rows.nearest(centroids.as_ref());
        for _ in 0..self.max_iterations {
            fill_empty_clusters(&mut labels, &mut distances, self.clusters);
            let moved = rows.means(&labels, self.clusters);
            let step = (&moved - &centroids).squared_norm_l2();
            centroids = moved;
            let before = labels;
            (labels, distances) = rows.nearest(centroids.as_ref());
            if labels == before || step <= self.tolerance * variance {
                break;
            }
        }
        Ok(KMeans { inertia: distances.iter().sum(), centroids, labels })
    }

    /// Draws the first centroids by greedy k-means++: [clusters, features].
    fn seeds(&self, rows: &Centred, rng: &mut SampleRng) -> Result<Mat<f64>> {
        let samples = rows.squares.len();
        let candidates = 2 + libm::log(self.clusters as f64) as usize;
        let mut seeds = vec![rng.random_range(0..samples)];
        let mut nearest = rows.distances_to(seeds[0]);
        while seeds.len() < self.clusters {
            let total: f64 = nearest.iter().sum();
            if total == 0.0 {
                let (want, distinct) = (self.clusters, seeds.len());
                return Err(Error::Data(format!(
                    "k-means to {want} clusters of {distinct} distinct samples"
                )));
            }
            let tries = (0..candidates).map(|_| {
                let seed = drawn(&nearest, rng.random::<f64>() * total);
                let mut with = rows.distances_to(seed);
                with.iter_mut().zip(&nearest).for_each(|(new, &old)| *new = new.min(old));
                (with.iter().sum::<f64>(), seed, with)
            });
            let (_, seed, with) =
                tries.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are candidates");
            seeds.push(seed);
            nearest = with;
        }
        let rows = rows.rows.columns();
        Ok(Mat::from_fn(seeds.len(), rows.nrows(), |i, j| rows[(j, seeds[i])]))
    }
}

impl KMeans {
    /// Returns the nearest centroid to each row of `data`, [samples, features]; the smaller number
    /// on a tie.
    ///
    /// # Errors
    /// Returns an error when the number of features differs from the fit, or values are not finite.
    pub fn predict(&self, data: MatRef<'_, f64>) -> Result<Vec<usize>> {
        check_features(data)?;
        let features = self.centroids.ncols();
        if data.ncols() != features {
            return Err(Error::Data(format!(
                "k-means of {features} features got {}",
                data.ncols()
            )));
        }
        // Centred at the mean of the centroids, so that products lose few digits.
        let clusters = self.centroids.nrows() as f64;
        let mean: Vec<f64> = self
            .centroids
            .col_iter()
            .map(|column| column.iter().map(|v| v / clusters).sum())
            .collect();
        let centroids =
            Mat::from_fn(self.centroids.nrows(), features, |i, j| self.centroids[(i, j)] - mean[j]);
        Ok(Centred::new(data, &mean).nearest(centroids.as_ref()).0)
    }

    /// Means of the clusters, [clusters, features].
    pub fn centroids(&self) -> MatRef<'_, f64> {
        self.centroids.as_ref()
    }

    /// Returns the cluster of each row of the fit. Clusters are numbered from 0 in the order of
    /// their first rows.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Sum of the squared distances of the rows from their centroids.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Numbers the clusters by first appearance, and moves the centroids from around `mean` back to
    /// where the data are.
    fn in_order_of_appearance(self, mean: &[f64]) -> Self {
        let clusters = self.centroids.nrows();
        let (numbers, _) = numbers_by_appearance(self.labels.iter().copied(), clusters);
        let mut centroids = Mat::zeros(clusters, mean.len());
        for (old, &new) in numbers.iter().enumerate() {
            (0..mean.len()).for_each(|j| centroids[(new, j)] = self.centroids[(old, j)] + mean[j]);
        }
        let labels = self.labels.iter().map(|&label| numbers[label]).collect();
        Self { centroids, labels, inertia: self.inertia }
    }
}

/// Rows from which a mean has been subtracted.
struct Centred {
    rows: Rows,
    /// Squared length of each row.
    squares: Vec<f64>,
}

impl Centred {
    fn new(data: MatRef<'_, f64>, mean: &[f64]) -> Self {
        let rows = Rows::new(
            Mat::from_fn(data.nrows(), data.ncols(), |i, j| data[(i, j)] - mean[j]).as_ref(),
        );
        let squares = (0..rows.len()).map(|at| rows.row(at).iter().map(|v| v * v).sum()).collect();
        Self { rows, squares }
    }

    /// Returns the squared distance of each row from one of them, exactly 0 for equal rows.
    fn distances_to(&self, row: usize) -> Vec<f64> {
        (0..self.rows.len()).map(|other| self.rows.squared_distance(row, other)).collect()
    }

    /// Returns the nearest of the centroids, [clusters, features], to each row, and its squared
    /// distance.
    fn nearest(&self, centroids: MatRef<'_, f64>) -> (Vec<usize>, Vec<f64>) {
        let (clusters, samples) = (centroids.nrows(), self.squares.len());
        let halves: Vec<f64> =
            centroids.row_iter().map(|c| c.iter().map(|v| v * v).sum::<f64>() / 2.0).collect();
        let mut products = Mat::zeros(clusters, samples);
        matmul(products.as_mut(), Accum::Replace, centroids, self.rows.columns(), 1.0, Par::Seq);
        let label_of = |at: usize| {
            // Half of the squared distance without the part that is the same for all centroids.
            let half = |cluster: usize| halves[cluster] - products[(cluster, at)];
            let nearer =
                |best: (usize, f64), new: (usize, f64)| if new.1 < best.1 { new } else { best };
            (1..clusters).map(|cluster| (cluster, half(cluster))).fold((0, half(0)), nearer).0
        };
        let labels: Vec<usize> = (0..samples).map(label_of).collect();
        let centroids = Rows::new(centroids);
        let distance = |(at, &label): (usize, &usize)| {
            squared_distance(self.rows.row(at), centroids.row(label))
        };
        let distances = labels.iter().enumerate().map(distance).collect();
        (labels, distances)
    }

    /// Returns the mean of each cluster, none of which is empty: [clusters, features].
    fn means(&self, labels: &[usize], clusters: usize) -> Mat<f64> {
        let features = self.rows.columns().nrows();
        let mut sums = Mat::<f64>::zeros(features, clusters);
        let mut counts = vec![0.0; clusters];
        for (row, &label) in self.rows.columns().col_iter().zip(labels) {
            counts[label] += 1.0;
            sums.col_mut(label).iter_mut().zip(row.iter()).for_each(|(sum, v)| *sum += v);
        }
        Mat::from_fn(clusters, features, |i, j| sums[(j, i)] / counts[i])
    }
}

/// Returns the position into which `mark` falls when the weights are put end to end; never one of
/// weight 0.
fn drawn(weights: &[f64], mark: f64) -> usize {
    let mut sum = 0.0;
    let passed = weights.iter().position(|weight| {
        sum += weight;
        sum > mark
    });
    // Rounding may leave the mark at the very end.
    passed.unwrap_or_else(|| {
        weights.iter().rposition(|&weight| weight > 0.0).expect("a weight is positive")
    })
}

/// Gives each empty cluster the row farthest from its centroid among the rows that are not alone in
/// their cluster. There must be at least as many rows as clusters.
fn fill_empty_clusters(labels: &mut [usize], distances: &mut [f64], clusters: usize) {
    let mut counts = vec![0_usize; clusters];
    labels.iter().for_each(|&label| counts[label] += 1);
    for empty in 0..clusters {
        if counts[empty] > 0 {
            continue;
        }
        let movable = (0..labels.len()).filter(|&at| counts[labels[at]] > 1);
        let farthest = movable
            .max_by(|&a, &b| distances[a].total_cmp(&distances[b]))
            .expect("some cluster has two");
        counts[labels[farthest]] -= 1;
        counts[empty] = 1;
        labels[farthest] = empty;
        distances[farthest] = 0.0;
    }
}

#[cfg(test)]
mod tests;
