//! Runs that were killed, whose checkpoints are damaged, or whose disk is full.

use std::fs::{self, OpenOptions};
use std::process::Command;

use crate::program::{example, fails_with, json, killed_when, metrics, path, succeeds, words};

fn simclr(line: &str, out: &std::path::Path) -> Command {
    let mut command = example("simclr", words(line));
    command.arg("--smoke").arg("--out").arg(out);
    command
}

#[test]
fn a_killed_run_goes_on_and_under_another_schedule_only_if_the_user_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let checkpoints = out.join("checkpoints");
    let is_there = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
    };
    killed_when(simclr("--batches 100 --checkpoint-every 2", &out), || {
        fs::read_dir(&checkpoints).is_ok_and(|mut entries| entries.any(is_there))
    });
    fails_with("--new-schedule", &mut simclr("--batches 102 --resume", &out));
    succeeds(&mut simclr("--resume", &out));
    assert_eq!(json(&out.join("summary.json"))["batches"], 100);
    succeeds(&mut simclr("--batches 102 --resume --new-schedule", &out));
    assert_eq!(json(&out.join("summary.json"))["batches"], 102);
    assert_eq!(json(&out.join("config.json"))["earlier_batches"], serde_json::json!([100]));
    // With every checkpoint damaged there is nothing to go on from, and that is said.
    for checkpoint in fs::read_dir(&checkpoints).expect("checkpoints") {
        let part = checkpoint.expect("a checkpoint").path().join("optimizer.bpk");
        OpenOptions::new()
            .write(true)
            .open(part)
            .and_then(|file| file.set_len(1_000))
            .expect("cut");
    }
    fails_with("optimizer.bpk: 1000 bytes", &mut simclr("--resume", &out));
}

#[test]
fn a_run_without_its_last_checkpoint_ends_as_it_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("count");
    let count = |line: &str| {
        let mut command = example("count", words(line));
        command.arg("--out").arg(&out);
        command
    };
    succeeds(&mut count("--smoke --checkpoint-every 2"));
    let summary = |out: &std::path::Path| {
        let mut all = json(&out.join("summary.json"));
        all.as_object_mut()
            .expect("an object")
            .retain(|name, _| name != "seconds" && !name.contains("per_second"));
        all
    };
    let (first, first_metrics) = (summary(&out), metrics(&out));
    fs::remove_dir_all(out.join("checkpoints/step-000004")).expect("the last checkpoint");
    // A file that a kill has left where checkpoints lie is swept.
    fs::write(out.join("checkpoints/.unfinished-x"), "").expect("written");
    succeeds(&mut count("--smoke --resume"));
    assert_eq!(summary(&out), first);
    assert_eq!(metrics(&out), first_metrics);
    assert!(!out.join("checkpoints/.unfinished-x").exists());
}

/// No file may grow beyond 30 MB: the log can, a checkpoint cannot.
#[cfg(unix)]
#[test]
fn a_full_disk_is_one_line_and_what_was_there_is_intact() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    succeeds(&mut simclr("", &out));
    let mut limited = Command::new("bash");
    limited.arg("-c").arg(format!(
        "trap '' XFSZ; ulimit -f 30000; '{}' --smoke --batches 40 --out '{}' --resume \
         --new-schedule",
        path("simclr").display(),
        out.display()
    ));
    fails_with("File too large", &mut limited);
    succeeds(&mut simclr("--resume", &out));
    assert_eq!(json(&out.join("summary.json"))["batches"], 40);
}
