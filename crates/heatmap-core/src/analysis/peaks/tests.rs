//! Peaks in scenes whose clusters are known.

use super::*;
use crate::synth::{Cluster, Scene, UniformClicks};
use crate::{Rect, sample_rng};

const GRID: Grid = Grid::MEDIUM_RECTANGLE;

/// Clusters as (x, y, clicks) with a standard deviation of 2 bins, and clicks of uniform noise.
fn drawn(clusters: &[(f64, f64, u32)], noise: u32, seed: u64) -> Heatmap {
    let cluster =
        |&(x, y, clicks): &(f64, f64, u32)| Cluster::axis_aligned(Point { x, y }, 2.0, 2.0, clicks);
    let scene = Scene {
        clusters: clusters.iter().map(cluster).collect(),
        uniform: vec![UniformClicks { region: Rect::whole(&GRID), clicks: noise }],
        dead: Vec::new(),
    };
    scene.render(GRID, &mut sample_rng(seed, 0)).heatmap
}

fn with_clicks(at: &[(usize, usize, f32)]) -> Heatmap {
    let mut values = vec![0.0; GRID.len()];
    for &(row, column, clicks) in at {
        values[row * GRID.columns + column] = clicks;
    }
    Heatmap::from_values(GRID, values).unwrap()
}

fn found(heatmap: &Heatmap) -> Vec<Peak> {
    PeaksConfig::default().find(heatmap).unwrap()
}

#[test]
fn a_cluster_is_found_within_a_fraction_of_a_bin() {
    for seed in 0..20 {
        let peaks = found(&drawn(&[(20.3, 31.7, 5_000)], 5_000, seed));
        assert_eq!(peaks.len(), 1, "{peaks:?}");
        // The top of the smoothed counts scatters by 0.06 bins along each axis.
        let Point { x, y } = peaks[0].centre;
        assert!((x - 20.3).abs() < 0.3 && (y - 31.7).abs() < 0.3, "{peaks:?}");
    }
}

#[test]
fn of_two_clusters_the_stronger_comes_first() {
    let (weak, strong) = (Point { x: 15.0, y: 12.0 }, Point { x: 44.0, y: 37.0 });
    let heatmap = drawn(&[(weak.x, weak.y, 2_000), (strong.x, strong.y, 4_000)], 5_000, 1);
    let peaks = found(&heatmap);
    assert_eq!(peaks.len(), 2, "{peaks:?}");
    assert!(
        peaks[0].centre.distance(strong) < 0.6 && peaks[1].centre.distance(weak) < 0.6,
        "{peaks:?}"
    );
    assert!(peaks[0].significance > peaks[1].significance);
    for config in [
        PeaksConfig { max_peaks: 1, ..Default::default() },
        PeaksConfig { min_distance_bins: 100.0, ..Default::default() },
    ] {
        assert_eq!(config.find(&heatmap).unwrap(), peaks[..1]);
    }
}

#[test]
fn uniform_noise_has_no_peak() {
    for clicks in [5_000, 20_000] {
        for seed in 0..100 {
            let peaks = found(&drawn(&[], clicks, seed));
            assert!(peaks.is_empty(), "{clicks} clicks, seed {seed}: {peaks:?}");
        }
    }
}

#[test]
fn the_significance_of_noise_has_mean_0_and_variance_1_at_the_border_too() {
    let n = 400;
    let maps: Vec<Smoothed> =
        (0..n).map(|seed| Smoothed::new(&drawn(&[], 20_000, seed), 1.5)).collect();
    for bin in [0, 30, 25 * GRID.columns, 25 * GRID.columns + 30, GRID.len() - 1] {
        let moment = |power| {
            maps.iter().map(|map| map.significance[bin].powi(power)).sum::<f64>() / n as f64
        };
        // Standard errors: 0.05 of the mean, 0.07 of the variance.
        assert!(
            moment(1).abs() < 0.25 && (moment(2) - 1.0).abs() < 0.35,
            "{bin}: {} {}",
            moment(1),
            moment(2)
        );
    }
}

#[test]
fn a_uniform_map_stays_uniform() {
    let uniform = Heatmap::from_values(GRID, vec![3.0; GRID.len()]).unwrap();
    assert!(Smoothed::new(&uniform, 2.5).values.iter().all(|&v| (v - 3.0).abs() < 1e-12));
    assert!(found(&uniform).is_empty());
}

#[test]
fn a_cluster_at_the_border_is_found_there() {
    let peaks = found(&drawn(&[(0.8, 25.3, 3_000)], 5_000, 3));
    assert_eq!(peaks.len(), 1, "{peaks:?}");
    // No refinement across the border.
    assert_eq!(peaks[0].centre.x, 0.5);
    assert!((peaks[0].centre.y - 25.3).abs() < 0.5, "{peaks:?}");
}

#[test]
fn peaks_move_with_the_map() {
    let heatmap = drawn(&[(20.2, 18.4, 2_000)], 0, 4);
    let mut values = vec![0.0; GRID.len()];
    for row in 0..GRID.rows - 7 {
        for column in 0..GRID.columns - 11 {
            values[(row + 7) * GRID.columns + column + 11] = heatmap.get(row, column);
        }
    }
    let (before, after) = (found(&heatmap), found(&Heatmap::from_values(GRID, values).unwrap()));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!((after[0].centre.x - before[0].centre.x - 11.0).abs() < 1e-9);
    assert!((after[0].centre.y - before[0].centre.y - 7.0).abs() < 1e-9);
    assert!((after[0].significance / before[0].significance - 1.0).abs() < 1e-9);
}

#[test]
fn a_plateau_is_one_peak_in_its_middle() {
    let config = PeaksConfig { min_distance_bins: 0.0, ..Default::default() };
    let square = with_clicks(&[(20, 30, 9.0), (20, 31, 9.0), (21, 30, 9.0), (21, 31, 9.0)]);
    let peaks = config.find(&square).unwrap();
    assert_eq!(peaks.len(), 1, "{peaks:?}");
    assert!(peaks[0].centre.distance(Point { x: 31.0, y: 21.0 }) < 1e-9, "{peaks:?}");
}

#[test]
fn a_lone_click_is_no_peak_by_default() {
    let lone = with_clicks(&[(20, 30, 1.0)]);
    assert!(found(&lone).is_empty());
    let peaks = PeaksConfig { min_significance: 1.5, ..Default::default() }.find(&lone).unwrap();
    assert_eq!(peaks.len(), 1, "{peaks:?}");
    assert!(peaks[0].centre.distance(Point { x: 30.5, y: 20.5 }) < 1e-9);
    // Weight at the middle over the sum of squared weights of a Gaussian in the plane.
    assert!((peaks[0].significance - 2.0).abs() < 0.01, "{peaks:?}");
}

#[test]
fn an_empty_heatmap_has_no_peak() {
    assert!(found(&Heatmap::zeros(GRID)).is_empty());
    assert!(found(&Heatmap::zeros(Grid { rows: 0, columns: 0, bin_size_px: 5.0 })).is_empty());
}

#[test]
fn a_wrong_configuration_names_its_field() {
    let usual = PeaksConfig::default();
    let wrong = [
        ("sigma_bins", PeaksConfig { sigma_bins: 0.0, ..usual }),
        ("min_distance_bins", PeaksConfig { min_distance_bins: -1.0, ..usual }),
        ("min_significance", PeaksConfig { min_significance: f64::NAN, ..usual }),
        ("max_peaks", PeaksConfig { max_peaks: 0, ..usual }),
    ];
    for (field, config) in wrong {
        let error = config.find(&Heatmap::zeros(GRID)).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}
