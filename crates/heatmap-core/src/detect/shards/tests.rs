mod refusals;

use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::detect::{
    BannerFacts, Findings, ListFormat, LogDetection, LogDetectionConfig, LogInputs, PartSet,
};
use crate::synth::{Layout, Population};
use crate::table::{BannerKey, ClickLog, ClickLogConfig, LabelTable, MetricsTable, Shard};
use crate::{BannerSize, Error, Grid, Heatmap};

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };
const LARGE: BannerSize = BannerSize { width_px: 600, height_px: 500 };

type Banner = (BannerKey, BannerSize, Heatmap);

/// `banners` banners of one grid, with 300 clicks but for the last two of many, and which are
/// broken.
fn grid(number: u64, display: BannerSize, banners: u64) -> Vec<(Banner, bool)> {
    let population = Population { prevalence: 0.2, ..Default::default() };
    let of = |index: u64| {
        let clicks = if banners > 2 && index + 2 >= banners { 7 } else { 300 };
        let banner = population.banner(&Layout::draw(5, number), number, index, clicks);
        let values = banner.heatmap.values().to_vec();
        let bin_size_px = f64::from(display.width_px) / 60.0;
        let bins = Grid { bin_size_px, ..Grid::MEDIUM_RECTANGLE };
        let heatmap = Heatmap::from_values(bins, values).unwrap();
        let domain = format!("site{index:03}.example");
        let key = BannerKey { domain, grid_id: format!("layout-{number}") };
        ((key, display, heatmap), banner.defect.is_some())
    };
    (0..banners).map(of).collect()
}

/// Four grids of several sizes; their names do not stand in the order of their numbers.
fn world() -> Vec<(Banner, bool)> {
    [(3, 90), (11, 70), (2, 30), (7, 1)]
        .into_iter()
        .flat_map(|(n, size)| grid(n, SIZE, size))
        .collect()
}

fn heatmaps(world: &[(Banner, bool)]) -> Vec<Banner> {
    world.iter().map(|(banner, _)| banner.clone()).collect()
}

fn fast() -> LogDetectionConfig {
    let mut config = LogDetectionConfig { seed: 5, ..Default::default() };
    config.detector.parts = PartSet::Fast;
    config
}

fn reading() -> ClickLogConfig {
    ClickLogConfig { min_clicks: 10, ..Default::default() }
}

fn go_on(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn nothing() -> BannerFacts {
    BannerFacts::default()
}

/// Labels, metrics and an example of some banners.
fn facts(world: &[(Banner, bool)]) -> BannerFacts {
    let labels: LabelTable =
        world.iter().step_by(2).map(|((key, ..), broken)| (key.clone(), *broken)).collect();
    let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    let mut text = "domain,grid_id,clicks,landed_clicks,frames,note\n".to_owned();
    for (at, ((key, ..), broken)) in world.iter().enumerate().skip(3) {
        let landed = if *broken { 40 } else { 200 + at % 90 };
        let frames = if at % 7 == 0 { "x".to_owned() } else { format!("{}", at as f64 / 0.7) };
        text += &format!("{},{},300,{landed},{frames},text\n", key.domain, key.grid_id);
    }
    std::fs::write(file.path(), text).unwrap();
    let metrics = MetricsTable::read(&[file.path().to_owned()]).unwrap();
    let examples = vec![(world[1].0.0.clone(), !world[1].1)];
    BannerFacts { metrics: Some(metrics), labels: Some(labels), examples }
}

/// What a settled detection says, in all its forms.
fn said(inputs: &LogInputs, detection: &LogDetection) -> (String, String, String) {
    let findings = Findings::of(inputs, detection, None).unwrap();
    let list = |format| {
        let mut out = Vec::new();
        findings.write_list(format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let wanted: Vec<usize> = findings.ranking.iter().take(5).copied().collect();
    let explained = detection.explain(&inputs.log, &wanted).unwrap();
    let grids = format!("{:?} {:?}", detection.grids, explained);
    (list(ListFormat::Csv), list(ListFormat::Json), grids)
}

fn one_run(
    config: &LogDetectionConfig,
    reading: &ClickLogConfig,
    banners: &[Banner],
    known: BannerFacts,
) -> (LogInputs, LogDetection) {
    let log = ClickLog::from_heatmaps(reading, banners.to_vec()).unwrap();
    let inputs = LogInputs::new(log, known);
    let detection = config.run(&inputs.log, &inputs.known, &mut go_on).unwrap();
    (inputs, detection)
}

/// Writes shard `number` of `count` and gives the number of its grids.
fn write(
    config: &LogDetectionConfig,
    reading: &ClickLogConfig,
    banners: &[Banner],
    known: BannerFacts,
    [number, count]: [u32; 2],
    folder: &Path,
) -> usize {
    let shard = Shard::new(number, count).unwrap();
    let log = ClickLog::shard_of_heatmaps(reading, shard, banners.to_vec()).unwrap();
    let inputs = LogInputs::new(log, known);
    let file = config.run_shard(&inputs, folder, &"made by a test", &mut go_on).unwrap();
    assert_eq!((file.shard, file.banners), (shard, inputs.log.len_of_shard()));
    assert!(file.path.is_file());
    file.grids
}

/// Holds the merge of 1, 2, 3 and 9 shards against one run, which it returns.
fn merges(
    config: &LogDetectionConfig,
    reading: &ClickLogConfig,
    banners: &[Banner],
    known: &dyn Fn() -> BannerFacts,
) -> (LogInputs, LogDetection) {
    let (inputs, expected) = one_run(config, reading, banners, known());
    // The order of the rows is another one on every machine.
    let reversed: Vec<Banner> = banners.iter().rev().cloned().collect();
    for count in [1, 2, 3, 9] {
        let folder = tempfile::tempdir().unwrap();
        let mut grids = Vec::new();
        for number in 1..=count {
            let banners = if number % 2 == 0 { banners } else { &reversed };
            let shard = [number, count];
            grids.push(write(config, reading, banners, known(), shard, folder.path()));
        }
        assert_eq!(grids.iter().sum::<usize>(), expected.grids.len());
        assert!(count < 9 || grids.contains(&0), "{grids:?}");
        let set = ShardSet::open(folder.path()).unwrap();
        assert_eq!(set.banners(), inputs.log.len());
        assert_eq!(set.origin::<String>().unwrap(), "made by a test");
        let (merged_inputs, merged) = set.merge(&mut go_on).unwrap();
        // Not `==` alone: that takes 0 and -0 for equal.
        let bits = |of: &LogDetection| -> Vec<u64> {
            of.decision.scores.iter().map(|score| score.to_bits()).collect()
        };
        assert_eq!(bits(&merged), bits(&expected), "{count} shards");
        assert_eq!(merged.decision, expected.decision);
        assert_eq!((&merged.labels, &merged.in_anchor), (&expected.labels, &expected.in_anchor));
        assert_eq!(said(&merged_inputs, &merged), said(&inputs, &expected));
        assert_eq!(merged_inputs.notes, inputs.notes);
        assert_eq!(merged_inputs.log.drops().rows(), inputs.log.drops().rows());
    }
    (inputs, expected)
}

#[test]
fn shards_without_labels_merge_to_one_run() {
    let (inputs, detection) = merges(&fast(), &reading(), &heatmaps(&world()), &nothing);
    assert!(detection.flagged() > 5 && detection.grids.len() == 4);
    assert!(inputs.log.drops().rows() > 0);
}

#[test]
fn shards_with_the_network_merge_to_one_run_with_its_pictures() {
    let banners = heatmaps(&[grid(3, SIZE, 40), grid(2, SIZE, 30)].concat());
    let config = LogDetectionConfig::default();
    let (inputs, detection) = merges(&config, &reading(), &banners, &nothing);
    assert!(detection.grids.iter().any(|grid| !grid.compared.is_empty()));
    let best = detection.ranking()[0];
    assert!(detection.explain(&inputs.log, &[best]).unwrap()[&best].network.is_some());
}

#[test]
fn shards_with_labels_metrics_and_an_example_merge_to_one_run() {
    let world = world();
    for anchor in [None, Some(crate::detect::AnchorChoice::MeanOfGood)] {
        let config = LogDetectionConfig { anchor, ..fast() };
        let of = || facts(&world);
        let (inputs, detection) = merges(&config, &reading(), &heatmaps(&world), &of);
        assert!(inputs.notes.with_metrics > Some(100) && !inputs.notes.texts.is_empty());
        assert!(!inputs.notes.bad_values.is_empty());
        assert!(detection.decision.rule.contains("labels"), "{}", detection.decision.rule);
        assert_eq!(detection.in_anchor.contains(&true), config.anchor.is_some());
    }
}

#[test]
fn sizes_are_grids_of_their_own_or_share_a_common_one() {
    let all = [grid(3, SIZE, 40), grid(3, LARGE, 25), grid(2, SIZE, 30)].concat();
    let of_its_size = |(key, display, heatmap): Banner| {
        let bins = reading().grid_of(display).unwrap();
        let step = bins.columns / heatmap.grid().columns;
        let mut values = vec![0.0; bins.len()];
        for (bin, &clicks) in heatmap.values().iter().enumerate() {
            let (row, column) = (bin / heatmap.grid().columns, bin % heatmap.grid().columns);
            values[step * (row * bins.columns + column)] = clicks;
        }
        (key, display, Heatmap::from_values(bins, values).unwrap())
    };
    let own: Vec<Banner> = heatmaps(&all).into_iter().map(of_its_size).collect();
    let (_, detection) = merges(&fast(), &reading(), &own, &nothing);
    let grids = detection.grids.iter().map(|grid| (grid.grid_id.as_str(), grid.display));
    let expected = [("layout-2", SIZE), ("layout-3", SIZE), ("layout-3", LARGE)];
    assert_eq!(grids.collect::<Vec<_>>(), expected);
    let common = ClickLogConfig { common_size: Some(SIZE), ..reading() };
    let on_common: Vec<Banner> = heatmaps(&all)
        .into_iter()
        .map(|(key, display, heatmap)| {
            let bins = Heatmap::from_values(Grid::MEDIUM_RECTANGLE, heatmap.values().to_vec());
            (key, display, bins.unwrap())
        })
        .collect();
    let (_, detection) = merges(&fast(), &common, &on_common, &nothing);
    assert_eq!(detection.grids.len(), 2);
}

#[test]
fn the_sample_of_a_large_grid_is_that_of_one_run() {
    let banners = heatmaps(&[grid(1, SIZE, 20), grid(2, SIZE, 2_050)].concat());
    let (_, detection) = merges(&fast(), &reading(), &banners, &nothing);
    assert!(detection.grids[1].banners > 2_000 && detection.grids[1].first > 0);
}

#[test]
fn a_merge_may_flag_by_another_rule() {
    let banners = heatmaps(&world());
    let folder = tempfile::tempdir().unwrap();
    write(&fast(), &reading(), &banners, nothing(), [1, 1], folder.path());
    let mut set = ShardSet::open(folder.path()).unwrap();
    let mut config = fast();
    config.decision.budget = Some(3);
    set.decide_by(config.decision.clone());
    assert_eq!(set.detection(), &config);
    let (_, merged) = set.merge(&mut go_on).unwrap();
    let (_, expected) = one_run(&config, &reading(), &banners, nothing());
    assert_eq!((merged.flagged(), merged.decision), (3, expected.decision));
}

#[test]
fn a_whole_log_is_no_shard_and_a_shard_is_no_whole_log() {
    let folder = tempfile::tempdir().unwrap();
    let banners = heatmaps(&grid(3, SIZE, 30));
    let log = ClickLog::from_heatmaps(&reading(), banners.clone()).unwrap();
    let whole = LogInputs::new(log, nothing());
    let error = fast().run_shard(&whole, folder.path(), &(), &mut go_on).unwrap_err();
    assert!(error.to_string().contains("was not read as a shard"), "{error}");
    let shard = Shard::new(1, 2).unwrap();
    let log = ClickLog::shard_of_heatmaps(&reading(), shard, banners).unwrap();
    let error = fast().run(&log, &nothing(), &mut go_on).unwrap_err().to_string();
    assert!(error.contains("the clicks of shard 1/2 alone"), "{error}");
    let error = crate::detect::SavedDetector::of(&fast(), &log, &nothing()).unwrap_err();
    assert!(error.to_string().contains("the clicks of shard 1/2 alone"), "{error}");
}

#[test]
fn a_shard_and_a_merge_that_are_stopped_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let banners = heatmaps(&grid(3, SIZE, 30));
    let log = ClickLog::shard_of_heatmaps(&reading(), Shard::new(1, 1).unwrap(), banners.clone());
    let inputs = LogInputs::new(log.unwrap(), nothing());
    let stop = &mut |done: usize| {
        if done < 9 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let stopped = fast().run_shard(&inputs, folder.path(), &(), stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    fast().run_shard(&inputs, folder.path(), &(), &mut go_on).unwrap();
    let stopped = ShardSet::open(folder.path()).unwrap().merge(stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped));
}
