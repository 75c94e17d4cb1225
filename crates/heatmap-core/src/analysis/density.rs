//! Clusters of clicks by density: DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996) on the counts of a heatmap.
//!
//! Every click lies at the middle of its bin, so clicks of one bin share their neighbourhood and their fate: the result
//! is that of DBSCAN on the single clicks, at the cost of bins x bins within the radius. Two decisions are ours:
//!
//! * Click logs have uniform noise, and enough of it makes every click a core and the banner one big cluster. So a core
//!   needs, besides `min_clicks`, `relative_to_uniform` times the clicks that its neighbourhood would hold if all
//!   clicks of the heatmap were spread evenly; near the border only the bins on the grid count. With 0 it is plain
//!   DBSCAN.
//! * DBSCAN gives a border click, one that is no core but near cores of several clusters, to whichever comes first.
//!   Here it goes to the nearest core; of cores equally near the topmost counts, then the leftmost.

use serde::{Deserialize, Serialize};

use crate::{Error, Grid, Heatmap, Point, Result};

/// Settings of the clustering.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DensityClusteringConfig {
    /// Clicks at most this far apart are neighbours, in bins, from middle to middle.
    pub radius_bins: f64,
    /// Clicks within the radius, the click itself included, that make it a core.
    pub min_clicks: f64,
    /// How many times as many clicks as under an even spread a core needs within the radius; 0 for plain DBSCAN.
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

/// The clicks of a heatmap, shared out among clusters and noise.
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
    /// Names the field of the configuration that cannot be used.
    pub fn fit(&self, heatmap: &Heatmap) -> Result<DensityClusters> {
        self.check()?;
        let disc = Disc::new(self.radius_bins, heatmap.grid());
        let cores = self.cores(heatmap, &disc);
        let (core_labels, count) = connected(&cores, &disc);
        let clicks = heatmap.values();
        // Outwards from the bin itself, so a core keeps its label and a border bin takes that of the nearest core.
        let label = |bin: usize| disc.around(bin).find_map(|near| core_labels[near]).filter(|_| clicks[bin] > 0.0);
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
            return Err(Error::config("relative_to_uniform", self.relative_to_uniform, "must be zero or positive"));
        }
        Ok(())
    }

    /// Which bins hold cores. A bin without a click is no point, however many lie around it.
    fn cores(&self, heatmap: &Heatmap, disc: &Disc) -> Vec<bool> {
        let clicks = heatmap.values();
        let clicks_per_bin = heatmap.total() / clicks.len() as f64;
        let is_core = |bin: usize| {
            if clicks[bin] == 0.0 {
                return false;
            }
            let add = |(sum, bins): (f64, u32), near: usize| (sum + f64::from(clicks[near]), bins + 1);
            let (within, bins) = disc.around(bin).fold((0.0, 0), add);
            within >= self.min_clicks.max(self.relative_to_uniform * clicks_per_bin * f64::from(bins))
        };
        (0..clicks.len()).map(is_core).collect()
    }
}

impl DensityClusters {
    /// From labels below `count`, in any order; each occurs.
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
            .map(|(clicks, x, y)| DensityCluster { centre: Point { x: x / clicks, y: y / clicks }, clicks })
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

    /// For each bin, row-major, the position of its cluster in [`Self::clusters()`]; `None` for noise and for bins
    /// without a click.
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// The clusters, those with most clicks first.
    pub fn clusters(&self) -> &[DensityCluster] {
        &self.clusters
    }

    /// Clicks that belong to no cluster.
    pub fn noise_clicks(&self) -> f64 {
        self.noise_clicks
    }

    /// The same as a share of all clicks; 0 for an empty heatmap.
    pub fn noise_share(&self) -> f64 {
        let total = self.noise_clicks + self.clusters.iter().map(|cluster| cluster.clicks).sum::<f64>();
        if total > 0.0 { self.noise_clicks / total } else { 0.0 }
    }
}

/// The bins within a radius.
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

/// Labels cores so that those that reach one another over cores within the radius share one; returns their number too.
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
mod tests {
    use super::*;
    use crate::synth::{Cluster, Scene, UniformClicks};
    use crate::{Rect, sample_rng};
    use proptest::prelude::*;

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn drawn(clusters: Vec<Cluster>, noise: u32) -> Heatmap {
        let uniform = vec![UniformClicks { region: Rect::whole(&GRID), clicks: noise }];
        Scene { clusters, uniform, dead: Vec::new() }.render(GRID, &mut sample_rng(6, 0)).heatmap
    }

    /// Every click as a point with its bin.
    fn clicks_of(heatmap: &Heatmap) -> Vec<(Point, usize)> {
        let mut clicks = Vec::new();
        for (bin, &count) in heatmap.values().iter().enumerate() {
            let (row, column) = (bin / heatmap.columns(), bin % heatmap.columns());
            let at = Point { x: column as f64 + 0.5, y: row as f64 + 0.5 };
            clicks.extend(vec![(at, bin); count as usize]);
        }
        clicks
    }

    /// Compares with the definition of DBSCAN, click by click.
    fn assert_is_dbscan(heatmap: &Heatmap, radius_bins: f64, min_clicks: usize) {
        let config = DensityClusteringConfig { radius_bins, min_clicks: min_clicks as f64, relative_to_uniform: 0.0 };
        let fitted = config.fit(heatmap).unwrap();
        let clicks = clicks_of(heatmap);
        let n = clicks.len();
        let label = |a: usize| fitted.labels()[clicks[a].1];
        let distance = |a: usize, b: usize| clicks[a].0.distance(clicks[b].0);
        let near = |a: usize, b: usize| distance(a, b) <= radius_bins;
        let cores: Vec<usize> = (0..n).filter(|&a| (0..n).filter(|&b| near(a, b)).count() >= min_clicks).collect();
        // Each core takes the smallest name that it can reach.
        let mut name: Vec<usize> = (0..n).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for &a in &cores {
                for &b in &cores {
                    if near(a, b) && name[b] < name[a] {
                        name[a] = name[b];
                        changed = true;
                    }
                }
            }
        }
        assert_eq!(fitted.clusters().len(), cores.iter().filter(|&&a| name[a] == a).count());
        for &a in &cores {
            assert!(label(a).is_some());
            assert!(cores.iter().all(|&b| (name[a] == name[b]) == (label(a) == label(b))));
        }
        for a in (0..n).filter(|a| !cores.contains(a)) {
            let reached: Vec<usize> = cores.iter().copied().filter(|&b| near(a, b)).collect();
            let nearest = reached.iter().map(|&b| distance(a, b)).fold(f64::INFINITY, f64::min);
            if reached.is_empty() {
                assert_eq!(label(a), None);
            } else {
                assert!(reached.iter().any(|&b| distance(a, b) == nearest && label(a) == label(b)));
            }
        }
        for (label, &count) in fitted.labels().iter().zip(heatmap.values()) {
            assert!(count > 0.0 || label.is_none());
        }
        let in_clusters: f64 = fitted.clusters().iter().map(|cluster| cluster.clicks).sum();
        assert!((in_clusters + fitted.noise_clicks() - heatmap.total()).abs() < 1e-9);
        assert!(fitted.clusters().is_sorted_by(|a, b| a.clicks >= b.clicks));
    }

    proptest! {
        #[test]
        fn it_is_dbscan_on_the_single_clicks(
            counts in prop::collection::vec(0..7_u8, 6 * 8),
            radius_tenths in 10..30_u8,
            min_clicks in 2..8_usize,
        ) {
            // More than half of the bins are empty.
            let values = counts.iter().map(|&count| f32::from(count.saturating_sub(3))).collect();
            let heatmap = Heatmap::from_values(Grid { rows: 6, columns: 8, bin_size_px: 5.0 }, values).unwrap();
            assert_is_dbscan(&heatmap, f64::from(radius_tenths) / 10.0, min_clicks);
        }
    }

    #[test]
    fn two_blobs_in_noise_are_two_clusters() {
        let (small, large) = (Point { x: 15.0, y: 12.0 }, Point { x: 44.0, y: 37.0 });
        let blobs = vec![Cluster::axis_aligned(small, 1.5, 1.5, 500), Cluster::axis_aligned(large, 1.5, 1.5, 800)];
        let fitted = DensityClusteringConfig::default().fit(&drawn(blobs, 1_000)).unwrap();
        let clusters = fitted.clusters();
        assert_eq!(clusters.len(), 2, "{clusters:?}");
        for (cluster, (centre, clicks)) in clusters.iter().zip([(large, 800.0), (small, 500.0)]) {
            assert!(cluster.centre.distance(centre) < 0.4, "{clusters:?}");
            assert!((cluster.clicks - clicks).abs() < 80.0, "{clusters:?}");
        }
        assert_eq!(fitted.labels()[37 * GRID.columns + 44], Some(0));
        assert_eq!(fitted.labels()[12 * GRID.columns + 15], Some(1));
        // 1,000 of 2,300 clicks are noise, some 80 of which lie under the blobs.
        assert!((0.35..0.45).contains(&fitted.noise_share()), "{}", fitted.noise_share());
    }

    #[test]
    fn noise_is_one_big_cluster_for_plain_dbscan_and_none_relative_to_uniform() {
        let noise = drawn(Vec::new(), 60_000);
        let plain = DensityClusteringConfig { radius_bins: 3.0, min_clicks: 20.0, relative_to_uniform: 0.0 };
        let fitted = plain.fit(&noise).unwrap();
        assert_eq!((fitted.clusters().len(), fitted.noise_clicks()), (1, 0.0));
        // 580 clicks are expected within the radius and 870 needed: 12 standard deviations.
        let fitted = DensityClusteringConfig { relative_to_uniform: 1.5, ..plain }.fit(&noise).unwrap();
        assert!(fitted.clusters().is_empty());
        assert_eq!((fitted.noise_clicks(), fitted.noise_share()), (60_000.0, 1.0));
    }

    #[test]
    fn an_even_spread_is_met_at_the_border_as_in_the_middle() {
        let even = Heatmap::from_values(GRID, vec![2.0; GRID.len()]).unwrap();
        let just = DensityClusteringConfig { radius_bins: 2.5, min_clicks: 1.0, relative_to_uniform: 1.0 };
        let fitted = just.fit(&even).unwrap();
        assert!(fitted.labels().iter().all(|&label| label == Some(0)));
        assert!(fitted.clusters()[0].centre.distance(Point { x: 30.0, y: 25.0 }) < 1e-9);
        let above = DensityClusteringConfig { relative_to_uniform: 1.01, ..just };
        assert!(above.fit(&even).unwrap().labels().iter().all(Option::is_none));
    }

    #[test]
    fn an_empty_heatmap_has_no_cluster_and_no_noise() {
        for grid in [GRID, Grid { rows: 0, columns: 0, bin_size_px: 5.0 }] {
            let fitted = DensityClusteringConfig::default().fit(&Heatmap::zeros(grid)).unwrap();
            assert_eq!(fitted.labels().len(), grid.len());
            assert!(fitted.labels().iter().all(Option::is_none));
            assert!(fitted.clusters().is_empty());
            assert_eq!((fitted.noise_clicks(), fitted.noise_share()), (0.0, 0.0));
        }
    }

    #[test]
    fn a_wrong_configuration_names_its_field() {
        let usual = DensityClusteringConfig::default();
        let wrong = [
            ("radius_bins", DensityClusteringConfig { radius_bins: 0.0, ..usual }),
            ("min_clicks", DensityClusteringConfig { min_clicks: f64::INFINITY, ..usual }),
            ("relative_to_uniform", DensityClusteringConfig { relative_to_uniform: -1.0, ..usual }),
        ];
        for (field, config) in wrong {
            let error = config.fit(&Heatmap::zeros(GRID)).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
    }
}
