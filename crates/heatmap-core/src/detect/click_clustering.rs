//! Scores from the clusters of a banner's clicks: how many clicks belong to no cluster
//! ([`NoiseShare`]), and how far the clusters lie from those of good banners ([`LayoutDistance`]).
//!
//! Clusters are found by density ([`DensityClusteringConfig`]): a core click has several times as
//! many clicks around it as if all clicks were spread evenly, which does not depend on the number
//! of clicks. With few clicks the radius is wider, as the bandwidth of a kernel density estimate
//! would be, so that the same layout gives the same clusters.

use super::Score;
use super::click_map::check_grid;
use crate::analysis::{DensityCluster, DensityClusteringConfig};
use crate::{Error, Grid, Heatmap, Result};

/// A core click has at least this many times the clicks around it that an even spread would have.
const RELATIVE_TO_UNIFORM: f64 = 2.5;
/// Fewer clicks than this around a click are taken for chance.
const MIN_CLICKS: f64 = 3.0;

/// The clusters of a heatmap, with a radius that depends on its clicks, and the number of clicks
/// outside of them.
fn clusters(heatmap: &Heatmap) -> Result<(Vec<DensityCluster>, f64)> {
    let radius_bins = (2.0 * (5_000.0 / heatmap.total().max(1.0)).powf(1.0 / 6.0)).clamp(1.5, 5.0);
    let config = DensityClusteringConfig {
        radius_bins,
        min_clicks: MIN_CLICKS,
        relative_to_uniform: RELATIVE_TO_UNIFORM,
    };
    let found = config.fit(heatmap)?;
    Ok((found.clusters().to_vec(), found.noise_clicks()))
}

/// The share of clicks (0 to 1) that belong to no cluster: high for clicks all over the banner. It
/// needs no good banner to compare with.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoiseShare;

impl Score<Heatmap> for NoiseShare {
    fn name(&self) -> &'static str {
        "noise_share"
    }

    /// Returns the share of clicks in no cluster; 0 without a click.
    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        let total = heatmap.total();
        Ok(if total > 0.0 { clusters(heatmap)?.1 / total } else { 0.0 })
    }
}

/// Symmetric distance between the clusters of a banner and those of good banners, in units of the
/// banner's diagonal.
///
/// It is the sum of two weighted means. The first is over the clicks of the banner: a click in a
/// cluster counts the distance from that cluster to the nearest good one, a click of noise the
/// average distance from a random place. The second is over the clicks of the good clusters: each
/// counts the distance to the nearest cluster of the banner, so that products which nobody clicks
/// show, too.
#[derive(Debug, Clone)]
pub struct LayoutDistance {
    grid: Grid,
    good: Vec<DensityCluster>,
    /// Mean distance from a bin to the nearest good cluster, in bins.
    random_place: f64,
    diagonal: f64,
}

impl LayoutDistance {
    /// Fits to the clusters of `good`, the clicks of one good banner or of several together.
    ///
    /// # Errors
    /// When `good` has no cluster.
    pub fn fit(good: &Heatmap) -> Result<Self> {
        let (clusters, _) = clusters(good)?;
        if clusters.is_empty() {
            return Err(Error::Data("the good banners have no cluster of clicks".to_owned()));
        }
        let grid = good.grid();
        let bins = (0..grid.len()).map(|bin| crate::Point {
            x: (bin % grid.columns) as f64 + 0.5,
            y: (bin / grid.columns) as f64 + 0.5,
        });
        let random_place = bins.map(|bin| nearest(bin, &clusters)).sum::<f64>() / grid.len() as f64;
        Ok(Self {
            grid,
            good: clusters,
            random_place,
            diagonal: libm::hypot(grid.rows as f64, grid.columns as f64),
        })
    }
}

impl Score<Heatmap> for LayoutDistance {
    fn name(&self) -> &'static str {
        "layout_distance"
    }

    /// Returns the distance in diagonals; 0 without a click.
    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        check_grid(self.grid, heatmap)?;
        let total = heatmap.total();
        if total == 0.0 {
            return Ok(0.0);
        }
        let (found, noise) = clusters(heatmap)?;
        let to_good = found.iter().map(|c| c.clicks * nearest(c.centre, &self.good)).sum::<f64>()
            + noise * self.random_place;
        let good_clicks: f64 = self.good.iter().map(|c| c.clicks).sum();
        let missing = |good: &DensityCluster| {
            let distance =
                if found.is_empty() { self.random_place } else { nearest(good.centre, &found) };
            good.clicks * distance
        };
        let from_good = self.good.iter().map(missing).sum::<f64>() / good_clicks;
        Ok((to_good / total + from_good) / self.diagonal)
    }
}

/// Distance from a place to the nearest centre of `clusters`, in bins; infinite without a cluster.
fn nearest(from: crate::Point, clusters: &[DensityCluster]) -> f64 {
    clusters.iter().map(|c| c.centre.distance(from)).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Cluster, Scene, UniformClicks};
    use crate::{Point, Rect, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn blobs(places: &[(f64, f64, u32)], noise: u32) -> Heatmap {
        let blob = |&(x, y, clicks): &(f64, f64, u32)| {
            Cluster::axis_aligned(Point { x, y }, 1.5, 1.5, clicks)
        };
        let uniform = vec![UniformClicks { region: Rect::whole(&GRID), clicks: noise }];
        let scene =
            Scene { clusters: places.iter().map(blob).collect(), uniform, dead: Vec::new() };
        scene.render(GRID, &mut sample_rng(1, 0)).heatmap
    }

    #[test]
    fn noise_is_counted_as_noise() {
        let score = |heatmap: &Heatmap| NoiseShare.score(heatmap).unwrap();
        for scale in [1, 20] {
            let clean = blobs(&[(15.0, 20.0, 100 * scale), (45.0, 30.0, 100 * scale)], 0);
            let half = blobs(&[(15.0, 20.0, 50 * scale), (45.0, 30.0, 50 * scale)], 100 * scale);
            assert!(score(&clean) < 0.1, "{} at {scale}", score(&clean));
            assert!((0.3..0.6).contains(&score(&half)), "{} at {scale}", score(&half));
        }
        assert_eq!(score(&Heatmap::zeros(GRID)), 0.0);
    }

    #[test]
    fn moved_clusters_and_missing_ones_lie_far() {
        let good = blobs(&[(15.0, 20.0, 1_000), (45.0, 30.0, 1_000)], 100);
        let distance = LayoutDistance::fit(&good).unwrap();
        let score = |places: &[(f64, f64, u32)]| distance.score(&blobs(places, 10)).unwrap();
        let same = score(&[(15.0, 20.0, 100), (45.0, 30.0, 100)]);
        let missing = score(&[(15.0, 20.0, 200)]);
        let moved = score(&[(15.0, 45.0, 100), (45.0, 5.0, 100)]);
        assert!(same < 0.02 && same < missing && missing < moved, "{same} {missing} {moved}");
        // Both clusters 25 bins off, there and back, of a diagonal of 78.
        assert!((moved - 2.0 * 25.0 / 78.1).abs() < 0.05, "{moved}");
        assert_eq!(distance.score(&Heatmap::zeros(GRID)).unwrap(), 0.0);
    }

    #[test]
    fn a_layout_without_clusters_is_refused() {
        assert!(
            LayoutDistance::fit(&Heatmap::zeros(GRID))
                .unwrap_err()
                .to_string()
                .contains("no cluster")
        );
    }
}
