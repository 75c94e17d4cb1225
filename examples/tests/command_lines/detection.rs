//! `detect`, `benchmark` and `embed` on tables.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bad_input::HEADER;
use crate::program::{example, fails_with, succeeds, words};

/// The log and the labels of the demonstration.
pub(crate) fn demo(folder: &Path) -> (PathBuf, PathBuf) {
    let out = folder.join("demonstration");
    succeeds(example("detect", ["--smoke", "--out"]).arg(&out));
    let log = folder.join("demonstration-demo");
    (log.join("clicks.csv"), log.join("labels.csv"))
}

#[test]
fn most_broken_banners_of_a_log_without_labels_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let out = folder.path().join("unlabelled");
    // A job that runs at night hears of flagged banners by the exit code.
    let mut detect = example("detect", ["--exit-code", "--clicks"]);
    let status = detect.arg(&clicks).arg("--out").arg(&out).status().expect("a program");
    assert_eq!(status.code(), Some(1));
    let scores = fs::read_to_string(out.join("scores.csv")).expect("scores");
    let header = "rank,domain,grid_id,display_width,display_height,clicks,score,flagged,reason,";
    assert!(scores.starts_with(header), "{scores}");
    // Anyone's labelled table can be scored, part by part.
    let own = folder.path().join("own-table");
    let mut benchmark = example("benchmark", ["--clicks"]);
    benchmark.arg(&clicks).arg("--labels").arg(&labels).arg("--out").arg(&own);
    succeeds(&mut benchmark);
    let table = fs::read_to_string(own.join("benchmark.csv")).expect("a table");
    assert!(table.lines().any(|line| line.starts_with("neighbor_fit,")), "{table}");
}

/// 50 banners of one layout; in 20 of them most clicks fall into the bottom left corner.
fn shared_defect() -> String {
    use rand::RngExt;
    let mut rng = heatmap_core::sample_rng(3, 0);
    let mut text = HEADER.to_owned();
    for banner in 0..50 {
        for _ in 0..150 {
            let mut span = |low: f64, high: f64| rng.random_range(low..high);
            let [x, y] = if banner < 20 && span(0.0, 1.0) < 0.7 {
                [span(0.0, 8.0), span(240.0, 248.0)]
            } else {
                let side = |at: f64, step: f64, pick: f64| if pick < 0.5 { at } else { at + step };
                let (left, top) = (span(0.0, 1.0), span(0.0, 1.0));
                [
                    side(60.0, 140.0, left) + span(0.0, 40.0),
                    side(50.0, 110.0, top) + span(0.0, 40.0),
                ]
            };
            writeln!(text, "site{banner:02}.example,shared,{x:.0},{y:.0},250,300,1").expect("text");
        }
    }
    text
}

fn has_line(said: &str, beginning: &str) -> bool {
    said.lines().any(|line| line.starts_with(beginning))
}

#[test]
fn a_defect_that_many_share_is_found_asked_about_and_decided_by_one_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let clicks = folder.path().join("shared.csv");
    fs::write(&clicks, shared_defect()).expect("written");
    let detect = |line: &str| {
        let mut command = example("detect", words(line));
        command.arg("--clicks").arg(&clicks).arg("--out").arg(folder.path().join("out"));
        command
    };
    let said = succeeds(&mut detect(""));
    assert!(has_line(&said, "20 of 50 banners flagged"), "{said}");
    assert!(said.contains("which is right?"), "{said}");
    let said = succeeds(&mut detect("--broken-like site03.example --good-like site40.example"));
    assert!(has_line(&said, "20 of 50 banners flagged"), "{said}");
    assert!(!said.contains("which is right?"), "{said}");
    fails_with("--good-like nobody: no banner of this domain", &mut detect("--good-like nobody"));
}

#[test]
fn the_benchmark_knows_the_field_population() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("field");
    succeeds(example("benchmark", words("--smoke --population field --out")).arg(&out));
    assert!(out.join("benchmark.csv").is_file());
}

#[test]
fn features_that_were_written_can_be_embedded() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("features");
    succeeds(example("features", ["--smoke", "--out"]).arg(&out));
    let table = fs::read_dir(&out)
        .expect("features")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "npy"))
        .expect("a table");
    let mut embed = example("embed", words("--neighbors 2 --table"));
    embed.arg(format!("a={}", table.display())).arg("--out").arg(folder.path().join("embedded"));
    succeeds(&mut embed);
    assert!(folder.path().join("embedded/embedding.csv").is_file());
}
