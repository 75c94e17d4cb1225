//! `config.json` repeats a run to the bit, and sweeps do what is not done yet.

use std::fs;
use std::path::Path;

use crate::program::{example, metrics, succeeds, words};

fn run(name: &str, line: &str, out: &Path) {
    succeeds(example(name, words(line)).arg("--smoke").arg("--out").arg(out));
}

fn repeat(name: &str, of: &Path, out: &Path) {
    let config = of.join("config.json");
    succeeds(example(name, ["--smoke", "--config"]).arg(config).arg("--out").arg(out));
}

#[test]
fn settings_repeat_a_run_to_the_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["simclr", "count", "location"] {
        let [first, again] =
            ["first", "again"].map(|run| folder.path().join(format!("{run}-{name}")));
        run(name, "--seed 5 --set checkpoint_every=2 --preset simclr-report", &first);
        repeat(name, &first, &again);
        assert_eq!(metrics(&first), metrics(&again), "{name}");
    }
}

#[test]
fn the_network_of_the_detector_is_repeated_and_resumed_to_the_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, again] = ["first", "again"].map(|name| folder.path().join(name));
    run("detector", "--seed 5 --set checkpoint_every=2", &first);
    repeat("detector", &first, &again);
    let network = |run: &Path| fs::read(run.join("set_network.bin")).expect("a network");
    assert!(network(&first) == network(&again));
    run("detector", "--resume 2", &again);
    assert_eq!(metrics(&first), metrics(&again));
    assert!(network(&first) == network(&again));
}

#[test]
fn what_settings_say_holds_in_repeated_and_resumed_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, again] = ["first", "again"].map(|name| folder.path().join(name));
    run("location", "--set num_centres=8", &first);
    repeat("location", &first, &again);
    let config = |run: &Path| fs::read_to_string(run.join("config.json")).expect("settings");
    assert_eq!(config(&first), config(&again));
    run("location", "--resume", &first);
}

#[test]
fn a_sweep_that_is_done_is_not_done_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("grid");
    let sweep = "--sweep loss.name=nt-xent,dclw seed=0,1 --devices 2";
    let summaries = || {
        let mut all: Vec<_> = fs::read_dir(&out)
            .expect("a folder of runs")
            .filter_map(|run| {
                fs::metadata(run.ok()?.path().join("summary.json")).ok()?.modified().ok()
            })
            .collect();
        all.sort();
        all
    };
    run("simclr", sweep, &out);
    let table = fs::read_to_string(out.join("sweep.csv")).expect("a table");
    assert_eq!(table.lines().count(), 5, "{table}");
    let first = summaries();
    assert_eq!(first.len(), 4);
    run("simclr", sweep, &out);
    assert_eq!(first, summaries());
}
