//! Clusters of clicks by density: DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996) on the counts of
//! a heatmap.
//!
//! Every click counts as lying at the middle of its bin, so clicks of one bin have the same
//! neighbours and the same label: the result is that of DBSCAN on the single clicks, at the cost of
//! bins x bins within the radius. Two decisions are not those of the paper:
//!
//! * Click logs have uniform noise, and enough of it makes every click a core and the banner one
//!   big cluster. So a core needs, besides `min_clicks`, `relative_to_uniform` times the clicks
//!   that its neighbourhood would hold if all clicks of the heatmap were spread evenly; near the
//!   border only the bins on the grid count. With 0 it is plain DBSCAN.
//! * DBSCAN gives a border click, one that is no core but near cores of several clusters, to
//!   whichever comes first. Here it goes to the nearest core; of cores equally near the topmost
//!   counts, then the leftmost.

use serde::{Deserialize, Serialize};

use crate::{Error, Grid, Heatmap, Point, Result};

/// Configures the clustering of the clicks of one heatmap by density.
///
/// Rows of features are clustered by [`DbscanConfig`](super::DbscanConfig),
/// [`HdbscanConfig`](super::HdbscanConfig) and [`KMeansConfig`](super::KMeansConfig).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DensityClusteringConfig {
    /// Clicks at most this far apart are neighbours, in bins, from middle to middle.
    pub radius_bins: f64,
    /// Number of clicks within the radius, the click itself included, from which on a click is a
    /// core.
    pub min_clicks: f64,
    /// A core also needs this many times as many clicks within the radius as an even spread of all
    /// clicks would put there; 0 for plain DBSCAN.
    pub relative_to_uniform: f64,
}

impl Default for DensityClusteringConfig {
    fn default() -> Self {
        Self { radius_bins: 2.0, min_clicks: 20.0, relative_to_uniform: 3.0 }
    }
}

/// One cluster of clicks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DensityCluster {
    /// Mean of its clicks, in bins.
    pub centre: Point,
    /// Number of its clicks.
    pub clicks: f64,
}

/// The result of the clustering: the clicks of a heatmap, divided into clusters and noise.
#[derive(Debug, Clone, PartialEq)]
pub struct DensityClusters {
    labels: Vec<Option<usize>>,
    clusters: Vec<DensityCluster>,
    noise_clicks: f64,
}

impl DensityClusteringConfig {
    /// Clusters the clicks of `heatmap`; an empty heatmap has no cluster.
    ///
    /// # Errors
    /// Returns an error that names the field of the configuration that cannot be used.
    pub fn fit(&self, heatmap: &Heatmap) -> Result<DensityClusters> {
        self.check()?;
        let disc = Disc::new(self.radius_bins, heatmap.grid());
        let cores = self.cores(heatmap, &disc);
        let (core_labels, count) = connected(&cores, &disc);
        let clicks = heatmap.values();
        // Outwards from the bin itself, so a core keeps its label and a border bin takes that of
        // the nearest core.
        let label = |bin: usize| {
            disc.around(bin).find_map(|near| core_labels[near]).filter(|_| clicks[bin] > 0.0)
        };
        let labels: Vec<Option<usize>> = (0..clicks.len()).map(label).collect();
        Ok(DensityClusters::new(heatmap, &labels, count))
    }

    fn check(&self) -> Result<()> {
        if !(self.radius_bins.is_finite() && self.radius_bins > 0.0) {
            return Err(Error::config("radius_bins", self.radius_bins, "must be positive"));
        }
        if !(self.min_clicks.is_finite() && self.min_clicks > 0.0) {
            return Err(Error::config("min_clicks", self.min_clicks, "must be positive"));
        }
        if !(self.relative_to_uniform.is_finite() && self.relative_to_uniform >= 0.0) {
            return Err(Error::config(
                "relative_to_uniform",
                self.relative_to_uniform,
                "must be zero or positive",
            ));
        }
        Ok(())
    }

    /// Returns which bins hold cores. A bin without a click is no core, however many clicks lie
    /// around it.
    fn cores(&self, heatmap: &Heatmap, disc: &Disc) -> Vec<bool> {
        let clicks = heatmap.values();
        let clicks_per_bin = heatmap.total() / clicks.len() as f64;
        let is_core = |bin: usize| {
            if clicks[bin] == 0.0 {
                return false;
            }
            let add =
                |(sum, bins): (f64, u32), near: usize| (sum + f64::from(clicks[near]), bins + 1);
            let (within, bins) = disc.around(bin).fold((0.0, 0), add);
            within
                >= self.min_clicks.max(self.relative_to_uniform * clicks_per_bin * f64::from(bins))
        };
        (0..clicks.len()).map(is_core).collect()
    }
}

impl DensityClusters {
    /// Sums up the clusters from labels below `count`, which may be in any order, but each of which
    /// occurs.
    fn new(heatmap: &Heatmap, labels: &[Option<usize>], count: usize) -> Self {
        let columns = heatmap.columns();
        let mut sums = vec![(0.0, 0.0, 0.0); count];
        let mut noise_clicks = 0.0;
        for (bin, (&label, &value)) in labels.iter().zip(heatmap.values()).enumerate() {
            let value = f64::from(value);
            match label {
                Some(label) => {
                    let (clicks, x, y) = &mut sums[label];
                    *clicks += value;
                    *x += value * ((bin % columns) as f64 + 0.5);
                    *y += value * ((bin / columns) as f64 + 0.5);
                }
                None => noise_clicks += value,
            }
        }
        let mut clusters: Vec<(usize, DensityCluster)> = sums
            .into_iter()
            .map(|(clicks, x, y)| DensityCluster {
                centre: Point { x: x / clicks, y: y / clicks },
                clicks,
            })
            .enumerate()
            .collect();
        // Stable: of equal clusters the one with the first core comes first.
        clusters.sort_by(|(_, a), (_, b)| b.clicks.total_cmp(&a.clicks));
        let mut rank = vec![0; count];
        for (at, &(label, _)) in clusters.iter().enumerate() {
            rank[label] = at;
        }
        Self {
            labels: labels.iter().map(|label| label.map(|label| rank[label])).collect(),
            clusters: clusters.into_iter().map(|(_, cluster)| cluster).collect(),
            noise_clicks,
        }
    }

    /// Returns for each bin, row-major, the position of its cluster in [`Self::clusters()`]; `None`
    /// for noise and for bins without a click.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// Returns the clusters, those with most clicks first.
    pub fn clusters(&self) -> &[DensityCluster] {
        &self.clusters
    }

    /// Number of clicks that belong to no cluster.
    pub fn noise_clicks(&self) -> f64 {
        self.noise_clicks
    }

    /// Share of all clicks, 0 to 1, that belong to no cluster; 0 for an empty heatmap.
    pub fn noise_share(&self) -> f64 {
        let total =
            self.noise_clicks + self.clusters.iter().map(|cluster| cluster.clicks).sum::<f64>();
        if total > 0.0 { self.noise_clicks / total } else { 0.0 }
    }
}

/// The steps to all bins within a radius.
struct Disc {
    grid: Grid,
    /// Steps (down, right), nearest first, then from top to bottom and left to right.
    steps: Vec<(isize, isize)>,
}

impl Disc {
    fn new(radius_bins: f64, grid: Grid) -> Self {
        // No step is longer than the grid.
        let reach = radius_bins.min(grid.rows.max(grid.columns) as f64) as isize;
        let squared = |&(down, right): &(isize, isize)| down * down + right * right;
        let mut steps: Vec<(isize, isize)> = (-reach..=reach)
            .flat_map(|down| (-reach..=reach).map(move |right| (down, right)))
            .filter(|step| squared(step) as f64 <= radius_bins * radius_bins)
            .collect();
        steps.sort_by_key(squared);
        Self { grid, steps }
    }

    /// The bins on the grid within the radius around `bin`, itself first.
    fn around(&self, bin: usize) -> impl Iterator<Item = usize> {
        let Grid { rows, columns, .. } = self.grid;
        let (row, column) = (bin / columns, bin % columns);
        self.steps.iter().filter_map(move |&(down, right)| {
            let row = row.checked_add_signed(down).filter(|&row| row < rows)?;
            let column = column.checked_add_signed(right).filter(|&column| column < columns)?;
            Some(row * columns + column)
        })
    }
}

/// Gives one label to all cores that can be reached from each other by steps from core to core
/// within the radius; returns the number of labels too.
fn connected(cores: &[bool], disc: &Disc) -> (Vec<Option<usize>>, usize) {
    let mut labels = vec![None; cores.len()];
    let mut count = 0;
    for first in (0..cores.len()).filter(|&bin| cores[bin]) {
        if labels[first].is_some() {
            continue;
        }
        labels[first] = Some(count);
        let mut open = vec![first];
        while let Some(bin) = open.pop() {
            for near in disc.around(bin) {
                if cores[near] && labels[near].is_none() {
                    labels[near] = Some(count);
                    open.push(near);
                }
            }
        }
        count += 1;
    }
    (labels, count)
}

#[cfg(test)]
mod tests;
