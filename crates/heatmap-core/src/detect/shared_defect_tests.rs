//! A broken template breaks many banners alike: what detection makes of defects that a grid's
//! broken banners share.

use std::ops::ControlFlow;

use super::evaluation::{ConfusionCounts, auroc};
use super::{BannerFacts, LogDetectionConfig};
use crate::synth::{Layout, Population};
use crate::table::{BannerKey, ClickLog, ClickLogConfig};
use crate::{BannerSize, Heatmap};

const BANNERS: usize = 250;
const CLICKS: u32 = 200;

/// One grid of which the first `share` of the banners have the defect of this name.
fn grid(grid: u64, defect: &str, share: f64) -> Vec<(Heatmap, bool)> {
    let good = Population { prevalence: 0.0, ..Default::default() };
    let bad = Population { prevalence: 1.0, ..Default::default() };
    let layout = Layout::draw(179, grid);
    let (mut banners, mut index) = (Vec::new(), 0);
    while banners.len() < (BANNERS as f64 * share) as usize {
        let banner = bad.banner(&layout, 1_600 + grid, index, CLICKS);
        index += 1;
        if banner.defect.is_some_and(|found| found.name() == defect) {
            banners.push((banner.heatmap, true));
        }
    }
    while banners.len() < BANNERS {
        banners.push((good.banner(&layout, 1_700 + grid, index, CLICKS).heatmap, false));
        index += 1;
    }
    banners
}

/// Mean AUROC within the grids, and the counts of all flags, without labels.
fn detected(defect: &str, share: f64, grids: u64) -> (f64, ConfusionCounts) {
    let size = BannerSize { width_px: 300, height_px: 250 };
    let (mut banners, mut broken) = (Vec::new(), Vec::new());
    for at in 0..grids {
        for (number, (heatmap, is_broken)) in grid(at, defect, share).into_iter().enumerate() {
            let key = BannerKey { domain: format!("d{number:05}"), grid_id: format!("g{at:03}") };
            banners.push((key, size, heatmap));
            broken.push(is_broken);
        }
    }
    let config = ClickLogConfig { min_clicks: 1, ..Default::default() };
    let log = ClickLog::from_heatmaps(&config, banners).unwrap();
    let going = &mut |_| ControlFlow::Continue(());
    let detection =
        LogDetectionConfig::default().run(&log, &BannerFacts::default(), going).unwrap();
    let scores = &detection.decision.scores;
    let area = |at: usize| {
        auroc(&scores[at * BANNERS..][..BANNERS], &broken[at * BANNERS..][..BANNERS]).unwrap()
    };
    let mean = (0..grids as usize).map(area).sum::<f64>() / grids as f64;
    (mean, ConfusionCounts::of(&detection.decision.flagged, &broken))
}

#[test]
fn a_defect_that_many_banners_share_does_not_hide_itself() {
    // A quarter of the clicks everywhere is within what noise does: such banners rank high, but few
    // of them pass the threshold in this grid.
    for (defect, share, recall) in
        [("bottom-left", 0.2, 0.9), ("top-right", 0.4, 0.9), ("everywhere", 0.15, 0.1)]
    {
        let (area, counts) = detected(defect, share, 1);
        assert!(area > 0.97 && counts.recall() > recall, "{defect}: {area} {counts:?}");
        assert!(counts.false_alarm_rate() < 0.03, "{defect}: {counts:?}");
    }
}

/// The table of docs/results/detection.md:
/// `cargo test --release shared_defects -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, of some minutes"]
#[allow(clippy::print_stdout)]
fn shared_defects() {
    for defect in
        ["bottom-left", "bottom-right", "top-right", "everywhere", "diagonal", "wrong-size"]
    {
        let cell = |share: f64| {
            let (area, counts) = detected(defect, share, 4);
            format!("{:.2} ({area:.3})", counts.recall())
        };
        println!("| {defect} | {} |", [0.08, 0.15, 0.2, 0.4].map(cell).join(" | "));
    }
}
