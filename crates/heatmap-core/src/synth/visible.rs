//! [`Visibility`]: how many clusters of a scene can be told apart at all.
//!
//! Two Gaussians of one width and weight make a single peak up to a distance of two standard
//! deviations (Behboodian 1970), and a cluster of a few clicks drowns in noise. The number of
//! clusters that remain is an estimate of how far counting is possible on a preset.

use super::{Cluster, Scene};
use crate::Grid;

/// The thresholds at which clusters count as visible and as separate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visibility {
    /// Clusters nearer to each other than this many of their common standard deviations look like
    /// one.
    pub apart_sigmas: f64,
    /// A cluster shows when its clicks within one standard deviation of its centre are more than
    /// this many standard deviations of the noise there.
    pub min_significance: f64,
}

impl Visibility {
    /// Returns the number of clusters of `scene` that can be told apart.
    pub fn count(&self, scene: &Scene, grid: &Grid) -> usize {
        let per_bin = scene.uniform.iter().map(|noise| f64::from(noise.clicks)).sum::<f64>()
            / grid.len() as f64;
        let shown: Vec<&Cluster> =
            scene.clusters.iter().filter(|cluster| self.shows(cluster, per_bin)).collect();
        // A cluster joins all groups that it is near to, which makes them one group.
        let mut groups: Vec<Vec<&Cluster>> = Vec::new();
        for cluster in shown {
            let near = |group: &Vec<&Cluster>| {
                group.iter().any(|other| separation(cluster, other) < self.apart_sigmas)
            };
            let (joined, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(near);
            let mut group: Vec<&Cluster> = joined.into_iter().flatten().collect();
            group.push(cluster);
            rest.push(group);
            groups = rest;
        }
        groups.len()
    }

    fn shows(&self, cluster: &Cluster, noise_per_bin: f64) -> bool {
        let [xx, xy, yy] = cluster.covariance;
        // A cluster narrower than a bin still covers one.
        let area = (std::f64::consts::PI * (xx * yy - xy * xy).max(0.0).sqrt()).max(1.0);
        // Share of a two-dimensional Gaussian that lies within one standard deviation.
        let clicks = f64::from(cluster.clicks) * (1.0 - libm::exp(-0.5));
        clicks > self.min_significance * (noise_per_bin * area).max(1.0).sqrt()
    }
}

/// Distance between two centres in standard deviations of the mean of both covariances.
fn separation(a: &Cluster, b: &Cluster) -> f64 {
    let [xx, xy, yy] = [0, 1, 2].map(|at| 0.5 * (a.covariance[at] + b.covariance[at]));
    let (x, y) = (a.centre.x - b.centre.x, a.centre.y - b.centre.y);
    let determinant = xx * yy - xy * xy;
    if determinant <= 0.0 {
        return if x == 0.0 && y == 0.0 { 0.0 } else { f64::INFINITY };
    }
    ((yy * x * x - 2.0 * xy * x * y + xx * y * y) / determinant).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::UniformClicks;
    use crate::{Point, Rect};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn scene(clusters: &[(f64, f64, f64, u32)], noise: u32) -> Scene {
        let cluster = |&(x, y, sigma, clicks): &(f64, f64, f64, u32)| {
            Cluster::axis_aligned(Point { x, y }, sigma, 2.0 * sigma, clicks)
        };
        Scene {
            clusters: clusters.iter().map(cluster).collect(),
            uniform: vec![UniformClicks { region: Rect::whole(&GRID), clicks: noise }],
            dead: Vec::new(),
        }
    }

    fn count(clusters: &[(f64, f64, f64, u32)], noise: u32) -> usize {
        Visibility { apart_sigmas: 2.0, min_significance: 3.0 }
            .count(&scene(clusters, noise), &GRID)
    }

    #[test]
    fn near_clusters_look_like_one_along_each_axis_by_its_width() {
        assert_eq!(count(&[], 100), 0);
        assert_eq!(count(&[(10.0, 10.0, 2.0, 500), (13.9, 10.0, 2.0, 500)], 100), 1);
        assert_eq!(count(&[(10.0, 10.0, 2.0, 500), (14.1, 10.0, 2.0, 500)], 100), 2);
        assert_eq!(count(&[(10.0, 10.0, 2.0, 500), (10.0, 17.9, 2.0, 500)], 100), 1);
        assert_eq!(count(&[(10.0, 10.0, 2.0, 500), (10.0, 18.1, 2.0, 500)], 100), 2);
    }

    #[test]
    fn a_chain_is_one_whatever_the_order() {
        let chain = [(10.0, 10.0, 2.0, 500), (16.0, 10.0, 2.0, 500), (13.0, 10.0, 2.0, 500)];
        assert_eq!(count(&chain, 100), 1);
        assert_eq!(count(&[chain[0], chain[2], chain[1]], 100), 1);
        assert_eq!(count(&[chain[0], chain[1]], 100), 2);
    }

    #[test]
    fn a_faint_cluster_drowns_in_noise_only() {
        // 25 bins of area with one click of noise each: 5 clicks of standard deviation, 15 are
        // needed of 39 %.
        let sigma = (25.0 / std::f64::consts::PI / 2.0_f64).sqrt();
        assert_eq!(count(&[(30.0, 25.0, sigma, 40)], 3_000), 1);
        assert_eq!(count(&[(30.0, 25.0, sigma, 37)], 3_000), 0);
        assert_eq!(count(&[(30.0, 25.0, sigma, 37)], 0), 1);
    }
}
