use super::*;
use crate::detect::DecisionConfig;
use crate::synth::{Layout, Population};
use crate::table::{BannerKey, LabelTable};

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

type Banner = (BannerKey, BannerSize, Heatmap);

/// Banners `from` to `to` of two grids, some of them broken, and which.
fn banners(from: u64, to: u64) -> Vec<(Banner, bool)> {
    let population = Population { prevalence: 0.15, ..Default::default() };
    let of = |grid: u64, index: u64| {
        let banner = population.banner(&Layout::draw(5, grid), grid, index, 300);
        let key = BannerKey { domain: format!("site{index:03}"), grid_id: format!("g{grid}") };
        ((key, SIZE, banner.heatmap), banner.defect.is_some())
    };
    (0..2).flat_map(|grid| (from..to).map(move |index| of(grid, index))).collect()
}

fn log(banners: Vec<(Banner, bool)>) -> ClickLog {
    let banners = banners.into_iter().map(|(banner, _)| banner);
    ClickLog::from_heatmaps(&ClickLogConfig::default(), banners).unwrap()
}

fn go_on(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn labelled(banners: &[(Banner, bool)]) -> BannerFacts {
    let labels: LabelTable =
        banners.iter().map(|((key, ..), broken)| (key.clone(), *broken)).collect();
    BannerFacts { labels: Some(labels), ..Default::default() }
}

#[test]
fn a_saved_detector_scores_its_own_log_as_the_detection_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.json");
    let config = LogDetectionConfig { seed: 3, ..Default::default() };
    let log = log(banners(0, 80));
    let known = BannerFacts::default();
    let before = config.run(&log, &known, &mut go_on).unwrap();
    SavedDetector::of(&config, &log, &known).unwrap().write(&path).unwrap();
    let saved = SavedDetector::read(&path).unwrap();
    assert_eq!(saved.len(), (2, 160));
    let after = saved.run(&log, &known, &mut go_on).unwrap();
    assert_eq!(after.decision, before.decision);
    for banner in 0..log.len() {
        assert_eq!(after.parts.row(banner), before.parts.row(banner));
    }
    assert!(std::fs::metadata(&path).unwrap().len() < 400_000);
}

#[test]
fn a_new_log_is_scored_banner_by_banner_and_its_broken_ones_are_found() {
    let config = LogDetectionConfig::default();
    let known = BannerFacts::default();
    let saved = SavedDetector::of(&config, &log(banners(0, 80)), &known).unwrap();
    let new = banners(80, 140);
    let truth: Vec<bool> = new.iter().map(|(_, broken)| *broken).collect();
    let found = saved.run(&log(new.clone()), &known, &mut go_on).unwrap();
    let right = found.decision.flagged.iter().zip(&truth).filter(|(a, b)| a == b).count();
    assert!(right as f64 > 0.93 * truth.len() as f64, "{right} of {}", truth.len());
    // A few of them have the scores that they have among all.
    let (few, rest): (Vec<usize>, Vec<usize>) = (0..new.len()).partition(|at| at % 20 == 0);
    let picked: Vec<_> = few.iter().map(|&at| new[at].clone()).collect();
    let of_few = saved.run(&log(picked), &known, &mut go_on).unwrap();
    for (place, &at) in few.iter().enumerate() {
        assert_eq!(of_few.decision.scores[place], found.decision.scores[at]);
    }
    assert!(!rest.is_empty());
}

#[test]
fn labels_are_learned_from_once_and_a_budget_flags_new_banners_alone() {
    let config = LogDetectionConfig {
        decision: DecisionConfig { budget: Some(4), ..Default::default() },
        ..Default::default()
    };
    let old = banners(0, 200);
    let known = labelled(&old);
    let saved = SavedDetector::of(&config, &log(old), &known).unwrap();
    let new = log(banners(200, 230));
    let found = saved.run(&new, &BannerFacts::default(), &mut go_on).unwrap();
    assert_eq!(found.decision.scores.len(), new.len());
    assert_eq!(found.flagged(), 4);
    assert!(found.decision.rule.contains("label"), "{}", found.decision.rule);
    assert!(found.labels.iter().all(Option::is_none));
}

#[test]
fn what_does_not_fit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.json");
    let known = BannerFacts::default();
    let saved = SavedDetector::of(&LogDetectionConfig::default(), &log(banners(0, 20)), &known);
    let saved = saved.unwrap();
    let refuses = |log: &ClickLog, message: &str| {
        let error = saved.run(log, &known, &mut go_on).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    let mut other = banners(0, 20);
    other.iter_mut().for_each(|((key, ..), _)| key.grid_id = "new".to_owned());
    refuses(
        &log(other),
        "grid `new` in 300 x 250 px is not in the detector, which has `g0` in 300",
    );
    let coarse = ClickLogConfig { bin_size_px: 10.0, ..Default::default() };
    let grid = coarse.grid_of(SIZE).unwrap();
    let map = Heatmap::from_values(grid, vec![1.0; grid.len()]).unwrap();
    let key = BannerKey { domain: "a".to_owned(), grid_id: "g0".to_owned() };
    refuses(
        &ClickLog::from_heatmaps(&coarse, [(key, SIZE, map)]).unwrap(),
        "the detector has bins of 5 px, and the log other ones",
    );
    saved.write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for (text, message) in [
        ("{}".to_owned(), "no detector"),
        ("domain,grid_id\n".to_owned(), "no detector"),
        (text.replacen("\"version\":1", "\"version\":7", 1), "a detector of version 7"),
        (text.replacen("\"bin_size_px\"", "\"bin_size\"", 1), "a broken detector: unknown field"),
        (text[..text.len() / 2].to_owned(), "no detector"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = SavedDetector::read(&path).unwrap_err().to_string();
        assert!(error.contains("detector.json: ") && error.contains(message), "{error}");
    }
}
