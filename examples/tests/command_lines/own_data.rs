//! Training on tables that a user brings, and networks that are put to use on them.

use std::fs;
use std::path::{Path, PathBuf};

use heatmap_core::Point;
use heatmap_core::synth::Preset;

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

/// Clicks on 40 banners with 0 to 3 clusters, a table of their numbers, and one of their centres.
fn clusters(folder: &Path) -> [PathBuf; 3] {
    let preset = Preset::named("location-separable").expect("a preset");
    let mut clicks =
        "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n".to_owned();
    let mut numbers = "domain,grid_id,clusters\n".to_owned();
    let mut centres = "domain;grid_id;Center X;Center Y\n".to_owned();
    for at in 0..40 {
        let sample = preset.sample_of_class(9, at % 4, at as u64);
        let grid = sample.heatmap.grid();
        let px = |bins: f64| bins * grid.bin_size_px;
        let (height, width) = (px(grid.rows as f64), px(grid.columns as f64));
        for (bin, count) in sample.heatmap.values().iter().enumerate().filter(|(_, it)| **it > 0.0)
        {
            let x = px((bin % grid.columns) as f64 + 0.5);
            let y = px((bin / grid.columns) as f64 + 0.5);
            clicks += &format!("site{at},g,{x},{y},{height},{width},{count}\n");
        }
        numbers += &format!("site{at},g,{}\n", sample.centres.len());
        if sample.centres.is_empty() {
            centres += &format!("site{at};g;;\n");
        }
        for Point { x, y } in sample.centres {
            centres += &format!("site{at};g;{:.2};{:.2}\n", px(x), px(y)).replace('.', ",");
        }
    }
    let files = ["clicks.csv", "numbers.csv", "centres.csv"].map(|name| folder.join(name));
    for (path, text) in files.iter().zip([clicks, numbers, centres]) {
        fs::write(path, text).expect("written");
    }
    files
}

#[test]
fn counting_and_locating_are_learned_from_a_click_log_and_its_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let [clicks, numbers, centres] = clusters(folder.path());
    let train = |name: &str, labels: &Path, out: &Path| {
        let mut command = example(name, words("--smoke --min-clicks 1 --clicks"));
        command.arg(&clicks).arg("--labels").arg(labels).arg("--out").arg(out);
        command
    };
    let located = folder.path().join("located");
    succeeds(&mut train("location", &centres, &located));
    let config = json(&located.join("config.json"));
    assert_eq!((&config["num_centres"], &config["own"]["min_clicks"]), (&3.into(), &1.into()));
    let data = json(&located.join("data.json"));
    assert_eq!((&data["fewest"], &data["most"]), (&0.into(), &3.into()));
    // Two held-out banners of each number, which are scored once.
    assert_eq!(json(&located.join("summary.json"))["evaluated_samples"], 8);
    succeeds(example("location", words("--resume --batches 6 --new-schedule --out")).arg(&located));

    let counted = folder.path().join("counted");
    succeeds(&mut train("count", &numbers, &counted));
    assert_eq!(json(&counted.join("config.json"))["density_weight"], 0.0);
    let summary = json(&counted.join("summary.json"));
    assert_eq!(
        (&summary["evaluated_samples"], summary.get("ceiling_one_sigma")),
        (&8.into(), None)
    );
    let with_centres = folder.path().join("with-centres");
    succeeds(&mut train("count", &centres, &with_centres));
    assert_eq!(json(&with_centres.join("config.json"))["density_weight"], 0.1);

    let none = folder.path().join("none");
    let no_centres = "(site0, g) has a number of clusters but no centres";
    fails_with(no_centres, &mut train("location", &numbers, &none));
    let few = fs::read_to_string(&numbers).expect("numbers");
    let few: Vec<&str> = few.lines().take(13).collect();
    let path = folder.path().join("few.csv");
    fs::write(&path, few.join("\n")).expect("written");
    fails_with("`0 clusters` has 3 heatmaps, fewer than 8", &mut train("count", &path, &none));
    fails_with("a click log; give one", example("predict", ["--run"]).arg(&located));
    // Neither the log nor the labels are needed to use the network.
    let moved = folder.path().join("moved.csv");
    fs::rename(&clicks, &moved).expect("renamed");
    fs::remove_file(&centres).expect("removed");
    let predicted = folder.path().join("predicted");
    let mut predict = example("predict", words("--min-clicks 1 --run"));
    predict.arg(&located).arg("--clicks").arg(&moved).arg("--out").arg(&predicted);
    succeeds(&mut predict);
    assert_eq!(json(&predicted.join("summary.json"))["banners"], 40);
}
