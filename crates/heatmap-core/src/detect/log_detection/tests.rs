use super::*;
use crate::detect::evaluation::{ConfusionCounts, auroc};
use crate::synth::{Layout, Population};
use crate::table::ClickLogConfig;
use crate::table::{BannerKey, LabelTable};
use crate::{Heatmap, sample_rng};
use rand::Rng;

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

/// `grids` grids of `banners` banners with 300 clicks, and which are broken, in the order of the
/// log.
fn world(grids: u64, banners: u64) -> (ClickLog, Vec<bool>) {
    let population = Population { prevalence: 0.1, ..Default::default() };
    let mut all = Vec::new();
    let mut broken = Vec::new();
    for grid in 0..grids {
        let layout = Layout::draw(5, grid);
        for index in 0..banners {
            let banner = population.banner(&layout, grid, index, 300);
            let key = BannerKey { domain: format!("site{index:05}"), grid_id: format!("g{grid}") };
            broken.push(banner.defect.is_some());
            all.push((key, SIZE, banner.heatmap));
        }
    }
    (ClickLog::from_heatmaps(&ClickLogConfig::default(), all).unwrap(), broken)
}

fn run(config: &LogDetectionConfig, log: &ClickLog, known: &BannerFacts) -> LogDetection {
    config.run(log, known, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn labels(log: &ClickLog, broken: &[bool], every: usize) -> BannerFacts {
    let mut text = String::from("domain,grid_id,broken\n");
    for (entry, broken) in log.keys().zip(broken).step_by(every) {
        text +=
            &format!("{},{},{}\n", entry.banner.domain, entry.banner.grid_id, u8::from(*broken));
    }
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(file.path(), text).unwrap();
    BannerFacts {
        labels: Some(LabelTable::read(&[file.path().to_owned()]).unwrap()),
        ..Default::default()
    }
}

#[test]
fn without_a_label_most_broken_banners_are_found() {
    let (log, broken) = world(3, 120);
    let detection = run(&LogDetectionConfig::default(), &log, &BannerFacts::default());
    assert_eq!(detection.grids.len(), 3);
    assert!(
        detection
            .grids
            .iter()
            .all(|grid| grid.banners == 120 && grid.anchor.description.contains("without labels"))
    );
    let counts = ConfusionCounts::of(&detection.decision.flagged, &broken);
    assert!(auroc(&detection.decision.scores, &broken).unwrap() > 0.97);
    assert!(counts.recall() > 0.7 && counts.false_alarm_rate() < 0.03, "{counts:?}");
    let best = detection.ranking()[0];
    assert!(broken[best] && detection.grid_of(best) == best / 120);
}

#[test]
fn labels_are_used_for_the_anchor_and_never_for_the_banner_itself() {
    let (log, broken) = world(2, 150);
    let known = labels(&log, &broken, 2);
    let config =
        LogDetectionConfig { anchor: Some(AnchorChoice::MeanOfGood), ..Default::default() };
    let detection = run(&config, &log, &known);
    assert!(
        detection.grids[0].anchor.description.contains("labelled good")
            && !detection.grids[0].fell_back
    );
    let inside = detection.in_anchor.iter().filter(|inside| **inside).count();
    let good = (0..broken.len()).step_by(2).filter(|&at| !broken[at]).count();
    assert!(inside.abs_diff(good / 2) <= 1, "{inside} of {good}");
    // The banners without a label, which nothing was fitted to.
    let unseen = || (0..broken.len()).filter(|at| detection.labels[*at].is_none());
    let scores: Vec<f64> = unseen().map(|at| detection.decision.scores[at]).collect();
    let truth: Vec<bool> = unseen().map(|at| broken[at]).collect();
    assert!(truth.len() == 150 && auroc(&scores, &truth).unwrap() > 0.97);
}

#[test]
fn labels_drawn_by_lot_are_worth_nothing_whatever_the_anchor() {
    let (log, broken) = world(1, 400);
    let lot: Vec<bool> =
        (0..broken.len()).map(|at| sample_rng(3, at as u64).next_u64().is_multiple_of(2)).collect();
    let known = labels(&log, &lot, 1);
    for choice in [AnchorChoice::Bulk, AnchorChoice::MeanOfGood, AnchorChoice::TwoGood] {
        let config = LogDetectionConfig { anchor: Some(choice.clone()), ..Default::default() };
        let detection = run(&config, &log, &known);
        let counted = || (0..lot.len()).filter(|&at| !detection.in_anchor[at]);
        let scores: Vec<f64> = counted().map(|at| detection.decision.scores[at]).collect();
        let truth: Vec<bool> = counted().map(|at| lot[at]).collect();
        let worth = auroc(&scores, &truth).unwrap();
        // Standard error 0.03 at 400 banners.
        assert!((0.4..0.6).contains(&worth), "{choice:?}: {worth}");
    }
}

#[test]
fn another_size_is_another_grid_unless_a_common_one_is_asked_for() {
    let (log, _) = world(1, 30);
    let half = BannerSize { width_px: 600, height_px: 500 };
    let both = |common_size| {
        let config = ClickLogConfig { common_size, ..Default::default() };
        let banners = log.banners().map(Result::unwrap);
        let banners = banners.enumerate().map(|(at, banner)| {
            let large = at % 2 == 0 && common_size.is_none();
            let grid = crate::Grid::covering(half, 5.0).unwrap();
            let heatmap = if large {
                Heatmap::from_values(grid, vec![1.0; grid.len()]).unwrap()
            } else {
                banner.heatmap
            };
            (banner.banner, if at % 2 == 0 { half } else { SIZE }, heatmap)
        });
        ClickLog::from_heatmaps(&config, banners).unwrap()
    };
    assert_eq!(
        run(&LogDetectionConfig::default(), &both(None), &BannerFacts::default()).grids.len(),
        2
    );
    let common = run(&LogDetectionConfig::default(), &both(Some(SIZE)), &BannerFacts::default());
    assert_eq!(
        (common.grids.len(), common.grids[0].display, common.grids[0].banners),
        (1, SIZE, 30)
    );
}

#[test]
fn small_grids_take_what_anchor_they_can_have() {
    let (log, _) = world(2, 3);
    let config = LogDetectionConfig {
        anchor: Some(AnchorChoice::Domain("nobody".into())),
        ..Default::default()
    };
    let detection = run(&config, &log, &BannerFacts::default());
    let how = &detection.grids[1].anchor.description;
    assert!(how.contains("step-uniform map") && how.contains("a bulk needs 5"), "{how}");
    assert!(detection.grids.iter().all(|grid| grid.fell_back));
    assert!(detection.decision.flagged.iter().all(|flagged| !flagged));
}

#[test]
fn a_large_grid_is_fitted_to_a_sample_that_holds_what_is_known() {
    let (log, broken) = world(1, 2_300);
    let known = labels(&log, &broken, 100);
    let config =
        LogDetectionConfig { anchor: Some(AnchorChoice::MeanOfGood), ..Default::default() };
    let detection = run(&config, &log, &known);
    let good = broken.iter().step_by(100).filter(|b| !**b).count();
    assert_eq!(detection.grids[0].anchor.banners.len(), good.div_ceil(2));
    assert_eq!(detection.parts.len(), 2_300);
}

#[test]
fn it_can_be_stopped() {
    let (log, _) = world(2, 10);
    let stopped = LogDetectionConfig::default()
        .run(&log, &BannerFacts::default(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped.unwrap_err(), Error::Stopped));
}
