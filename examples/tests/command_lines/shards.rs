//! `detect --shard` and `--merge`: one detection by several processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::detection::demo;
use crate::program::{example, fails_with, succeeds, words};

fn shard(which: &str, clicks: &Path, labels: &Path, shards: &Path) -> Command {
    let mut command = example("detect", ["--shard", which, "--clicks"]);
    command.arg(clicks).arg("--labels").arg(labels).arg("--parts-out").arg(shards);
    command
}

fn merge(shards: &Path, out: &Path) -> Command {
    let mut command = example("detect", ["--merge"]);
    command.arg(shards).arg("--out").arg(out);
    command
}

#[test]
fn shards_leave_nothing_but_their_files_and_merge_to_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let at = |name: &str| folder.path().join(name);
    let (one, merged, shards) = (at("one"), at("merged"), at("shards"));
    let mut detect = example("detect", ["--clicks"]);
    detect.arg(&clicks).arg("--labels").arg(&labels).arg("--out").arg(&one);
    succeeds(&mut detect);
    for which in ["2/3", "1/3"] {
        let said = succeeds(&mut shard(which, &clicks, &labels, &shards));
        assert!(said.contains(&format!("Shard {which} is in ")), "{said}");
    }
    fails_with("shard 3/3 is missing", &mut merge(&shards, &merged));
    assert!(!merged.exists(), "a merge that was refused has written");
    succeeds(&mut shard("3/3", &clicks, &labels, &shards));
    assert_eq!(fs::read_dir(&shards).expect("shards").count(), 3);
    succeeds(&mut merge(&shards, &merged));
    for file in ["scores.csv", "report.html", "summary.json", "config.json"] {
        let [a, b] = [&one, &merged].map(|run| fs::read(run.join(file)).expect("a file"));
        assert!(a == b, "{file} differs");
    }
    let mut budget = shard("1/3", &clicks, &labels, &shards);
    succeeds(budget.args(words("--budget 3")));
    fails_with("is of other settings than", &mut merge(&shards, &at("other")));
}
