//! Density clustering of scenes whose clusters are known, and against a naive one.

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
    let config = DensityClusteringConfig {
        radius_bins,
        min_clicks: min_clicks as f64,
        relative_to_uniform: 0.0,
    };
    let fitted = config.fit(heatmap).unwrap();
    let clicks = clicks_of(heatmap);
    let n = clicks.len();
    let label = |a: usize| fitted.labels()[clicks[a].1];
    let distance = |a: usize, b: usize| clicks[a].0.distance(clicks[b].0);
    let near = |a: usize, b: usize| distance(a, b) <= radius_bins;
    let cores: Vec<usize> =
        (0..n).filter(|&a| (0..n).filter(|&b| near(a, b)).count() >= min_clicks).collect();
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
        let grid = Grid { rows: 6, columns: 8, bin_size_px: 5.0 };
    let heatmap = Heatmap::from_values(grid, values).unwrap();
        assert_is_dbscan(&heatmap, f64::from(radius_tenths) / 10.0, min_clicks);
    }
}

#[test]
fn two_blobs_in_noise_are_two_clusters() {
    let (small, large) = (Point { x: 15.0, y: 12.0 }, Point { x: 44.0, y: 37.0 });
    let blobs = vec![
        Cluster::axis_aligned(small, 1.5, 1.5, 500),
        Cluster::axis_aligned(large, 1.5, 1.5, 800),
    ];
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
    let plain =
        DensityClusteringConfig { radius_bins: 3.0, min_clicks: 20.0, relative_to_uniform: 0.0 };
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
    let just =
        DensityClusteringConfig { radius_bins: 2.5, min_clicks: 1.0, relative_to_uniform: 1.0 };
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
