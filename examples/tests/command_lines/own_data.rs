//! Training on tables that a user brings, and networks that are put to use on them.

use std::fs;
use std::path::Path;

use crate::detection::demo;
use crate::program::{example, fails_with, json, succeeds, words};

/// `simclr`, tiny, on `clicks`.
fn simclr(line: &str, clicks: &Path, out: &Path) -> std::process::Command {
    let mut command = example("simclr", words("--smoke"));
    command.args(words(line)).arg("--clicks").arg(clicks).arg("--out").arg(out);
    command
}

#[test]
fn simclr_learns_from_a_click_log_with_and_without_labels_and_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let out = folder.path().join("unlabelled");
    succeeds(&mut simclr("", &clicks, &out));
    let config = json(&out.join("config.json"));
    assert_eq!(config["own"]["clicks"][0], clicks.display().to_string());
    // 120 banners, of which 30 are held out.
    assert_eq!(json(&out.join("summary.json"))["accuracy_chance"], 1.0 / 30.0);
    assert!(out.join("encoder.safetensors").is_file() && out.join("pca.png").is_file());
    // What is needed to go on is in the folder alone.
    succeeds(example("simclr", words("--resume --batches 6 --new-schedule --out")).arg(&out));
    assert_eq!(json(&out.join("summary.json"))["batches"], 6);

    let out = folder.path().join("labelled");
    succeeds(simclr("--loss sup-con", &clicks, &out).arg("--labels").arg(&labels));
    assert_eq!(json(&out.join("summary.json"))["accuracy_chance"], 0.5);
    let empty = folder.path().join("empty.csv");
    fs::write(&empty, "domain,grid_id,broken\nnone,g,1\n").expect("written");
    let mut unlabelled = simclr("", &clicks, &folder.path().join("none"));
    fails_with("`good` has 0 heatmaps", unlabelled.arg("--labels").arg(empty));
}

#[test]
fn a_trained_network_counts_and_locates_on_a_click_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    for name in ["count", "location"] {
        let run = folder.path().join(name);
        succeeds(example(name, words("--smoke --out")).arg(&run));
        let out = folder.path().join(format!("predicted-{name}"));
        let mut predict = example("predict", ["--run"]);
        predict.arg(&run).arg("--clicks").arg(&clicks).arg("--out").arg(&out);
        succeeds(&mut predict);
        let mut table = csv::Reader::from_path(out.join("predictions.csv")).expect("a table");
        let header = table.headers().expect("a header").clone();
        assert_eq!(&header[5], "count");
        let rows: Vec<csv::StringRecord> = table.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 120);
        match name {
            "count" => {
                let sum: f64 =
                    (6..header.len()).map(|at| rows[0][at].parse::<f64>().expect("p")).sum();
                assert!((sum - 1.0).abs() < 1e-3, "{sum}");
            }
            _ => assert_eq!(&header[6], "centres"),
        }
        assert!(out.join("montage.png").is_file());
        // The network of the run's own evaluation, on the samples of that evaluation.
        let same = folder.path().join(format!("same-{name}"));
        let mut again = example("predict", words("--samples 16 --run"));
        succeeds(again.arg(&run).arg("--out").arg(&same));
        if name == "count" {
            let (ours, theirs) =
                (json(&same.join("summary.json")), json(&run.join("summary.json")));
            assert_eq!(ours["exact_accuracy"], theirs["exact_accuracy"], "{ours} {theirs}");
        }
    }
    let none = folder.path().join("none");
    fails_with(
        "nowhere: no run in this folder",
        example("predict", words("--run nowhere --out")).arg(none),
    );
}
