//! Detection on tables like the field, which another generator than ours has drawn
//! (`tests/python/field_fixture.py`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::evaluation::{ConfusionCounts, auroc};
use super::{BannerFacts, GridFit, LogDetection, LogDetectionConfig, SmoothedShares};
use crate::table::{BannerKey, ClickLog, ClickLogConfig};
use crate::{BannerSize, Grid, Heatmap};

const GRID: Grid = Grid::MEDIUM_RECTANGLE;

#[derive(Deserialize)]
struct Expected {
    sigma_bins: f64,
    grids: BTreeMap<String, ExpectedGrid>,
}

#[derive(Deserialize)]
struct ExpectedGrid {
    neighbor_distance: Vec<f64>,
    auroc: f64,
}

struct Table {
    grids: Vec<String>,
    kinds: Vec<i32>,
    heatmaps: Vec<Heatmap>,
    expected: Expected,
}

fn tables() -> Vec<Table> {
    let files = [
        (
            include_str!("../../tests/fixtures/field/banners_0.csv"),
            include_str!("../../tests/fixtures/field/expected_0.json"),
        ),
        (
            include_str!("../../tests/fixtures/field/banners_1.csv"),
            include_str!("../../tests/fixtures/field/expected_1.json"),
        ),
    ];
    files.map(|(banners, expected)| table(banners, expected)).into()
}

fn table(banners: &str, expected: &str) -> Table {
    let expected = serde_json::from_str(expected).unwrap();
    let mut table = Table { grids: Vec::new(), kinds: Vec::new(), heatmaps: Vec::new(), expected };
    for line in banners.lines().skip(1) {
        let mut cells = line.splitn(3, ',');
        table.grids.push(cells.next().unwrap().to_owned());
        table.kinds.push(cells.next().unwrap().parse().unwrap());
        let mut values = vec![0.0; GRID.len()];
        for entry in cells.next().unwrap().split(' ') {
            let (bin, clicks) = entry.split_once(':').unwrap();
            values[bin.parse::<usize>().unwrap()] = clicks.parse().unwrap();
        }
        table.heatmaps.push(Heatmap::from_values(GRID, values).unwrap());
    }
    table
}

impl Table {
    fn of_grid(&self, grid: &str) -> Vec<usize> {
        (0..self.grids.len()).filter(|&at| self.grids[at] == grid).collect()
    }

    fn detect(&self) -> LogDetection {
        let banner = |at: usize| {
            let key = BannerKey { domain: format!("site{at:03}"), grid_id: self.grids[at].clone() };
            (key, BannerSize { width_px: 300, height_px: 250 }, self.heatmaps[at].clone())
        };
        let config = ClickLogConfig { min_clicks: 1, ..Default::default() };
        let log = ClickLog::from_heatmaps(&config, (0..self.grids.len()).map(banner)).unwrap();
        let going = &mut |_| ControlFlow::Continue(());
        LogDetectionConfig::default().run(&log, &BannerFacts::default(), going).unwrap()
    }
}

#[test]
fn neighbours_are_as_far_as_in_scikit_learn() {
    for table in tables() {
        let smoothing = SmoothedShares::new(GRID, table.expected.sigma_bins);
        for (grid, expected) in &table.expected.grids {
            let own = table.of_grid(grid);
            let shares: Vec<Vec<f32>> =
                own.iter().map(|&at| smoothing.of(&table.heatmaps[at]).unwrap()).collect();
            let rows: Vec<&[f32]> = shares.iter().map(Vec::as_slice).collect();
            let fit = GridFit::new(smoothing.clone(), &rows, &[]);
            let got: Vec<f64> =
                own.iter().map(|&at| fit.parts(&table.heatmaps[at]).unwrap()[0].unwrap()).collect();
            for (got, expected) in got.iter().zip(&expected.neighbor_distance) {
                assert!((got - expected).abs() < 1e-5, "{got} {expected}");
            }
            let broken: Vec<bool> = own.iter().map(|&at| table.kinds[at] >= 0).collect();
            assert!((auroc(&got, &broken).unwrap() - expected.auroc).abs() < 1e-3);
        }
    }
}

#[test]
fn broken_banners_are_found_on_tables_that_are_not_ours() {
    let (mut areas, mut flagged, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_kind: BTreeMap<i32, (Vec<f64>, Vec<bool>)> = BTreeMap::new();
    for table in tables() {
        let detection = table.detect();
        for grid in &detection.grids {
            let own: Vec<usize> = (grid.first..grid.first + grid.banners).collect();
            // The log is in the order of grids and domains, as the fixture is.
            let truth: Vec<bool> = own.iter().map(|&at| table.kinds[at] >= 0).collect();
            let scores: Vec<f64> = own.iter().map(|&at| detection.decision.scores[at]).collect();
            areas.push(auroc(&scores, &truth).unwrap());
            for kind in 0..7 {
                let (scores_of, truth_of) = by_kind.entry(kind).or_default();
                for (at, score) in own.iter().zip(&scores) {
                    if table.kinds[*at] < 0 || table.kinds[*at] == kind {
                        scores_of.push(*score);
                        truth_of.push(table.kinds[*at] == kind);
                    }
                }
            }
        }
        flagged.extend(detection.decision.flagged);
        broken.extend(table.kinds.iter().map(|&kind| kind >= 0));
    }
    let counts = ConfusionCounts::of(&flagged, &broken);
    assert!(areas.iter().all(|area| *area > 0.97), "{areas:?}");
    assert!(counts.macro_f1() > 0.9 && counts.false_alarm_rate() < 0.02, "{counts:?}");
    for (kind, (scores, truth)) in by_kind {
        // A kind that neither grid has cannot be ranked.
        if truth.contains(&true) {
            let area = auroc(&scores, &truth).unwrap();
            assert!(area > 0.92, "kind {kind}: {area}");
        }
    }
}
