use super::*;
use crate::detect::evaluation::{ConfusionCounts, auroc};
use crate::synth::{Layout, Population};
use crate::table::ClickLogConfig;

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

/// `grids` grids of `banners` banners with 300 clicks, and which are broken, in the order of the log.
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

fn run(config: &LogDetectionConfig, log: &ClickLog, known: &Known) -> LogDetection {
    config.run(log, known, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn labels(log: &ClickLog, broken: &[bool], every: usize) -> Known {
    let mut text = String::from("domain,grid_id,broken\n");
    for (entry, broken) in log.keys().zip(broken).step_by(every) {
        text += &format!("{},{},{}\n", entry.banner.domain, entry.banner.grid_id, u8::from(*broken));
    }
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(file.path(), text).unwrap();
    Known { labels: Some(LabelTable::read(&[file.path().to_owned()]).unwrap()), ..Default::default() }
}

#[test]
fn without_a_label_most_broken_banners_are_found() {
    let (log, broken) = world(3, 120);
    let detection = run(&LogDetectionConfig::default(), &log, &Known::default());
    assert_eq!(detection.grids.len(), 3);
    assert!(detection.grids.iter().all(|grid| grid.banners == 120 && grid.anchor.how.contains("without labels")));
    let counts = ConfusionCounts::of(&detection.decision.flagged, &broken);
    assert!(auroc(&detection.decision.scores, &broken).unwrap() > 0.97);
    assert!(counts.recall() > 0.7 && counts.false_alarm_rate() < 0.03, "{counts:?}");
    let best = detection.ranking()[0];
    assert!(broken[best] && detection.grid_of(best) == best / 120);
}

#[test]
fn labels_are_used_for_the_anchor_and_the_fusion() {
    let (log, broken) = world(2, 150);
    let known = labels(&log, &broken, 2);
    let config = LogDetectionConfig { anchor: Some(AnchorChoice::MeanOfGood), ..Default::default() };
    let detection = run(&config, &log, &known);
    assert!(detection.decision.rule.contains("logistic regression"), "{}", detection.decision.rule);
    assert!(detection.grids[0].anchor.how.contains("labelled good"));
    // The banners without a label, which nothing was fitted to.
    let unseen = || (0..broken.len()).filter(|at| detection.labels[*at].is_none());
    let scores: Vec<f64> = unseen().map(|at| detection.decision.scores[at]).collect();
    let truth: Vec<bool> = unseen().map(|at| broken[at]).collect();
    assert!(truth.len() == 150 && auroc(&scores, &truth).unwrap() > 0.97);
}

#[test]
fn small_grids_take_what_anchor_they_can_have() {
    let (log, _) = world(2, 3);
    let config = LogDetectionConfig { anchor: Some(AnchorChoice::Domain("nobody".into())), ..Default::default() };
    let detection = run(&config, &log, &Known::default());
    let how = &detection.grids[1].anchor.how;
    assert!(how.contains("step-uniform map") && how.contains("a bulk needs 5"), "{how}");
    assert!(detection.decision.flagged.iter().all(|flagged| !flagged));
}

#[test]
fn a_large_grid_is_fitted_to_a_sample_that_holds_what_is_known() {
    let (log, broken) = world(1, 2_300);
    let known = labels(&log, &broken, 100);
    let config = LogDetectionConfig { anchor: Some(AnchorChoice::MeanOfGood), ..Default::default() };
    let detection = run(&config, &log, &known);
    let good = broken.iter().step_by(100).filter(|b| !**b).count();
    assert_eq!(detection.grids[0].anchor.banners.len(), good);
    assert_eq!(detection.parts.len(), 2_300);
}

#[test]
fn it_can_be_stopped() {
    let (log, _) = world(2, 10);
    let stopped = LogDetectionConfig::default().run(&log, &Known::default(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped.unwrap_err(), Error::Stopped));
}
