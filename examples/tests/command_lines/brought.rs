//! Files and folders as people bring them: pipes, folders as the shell completes them, links, two
//! programs in one folder, names that speak to terminals and spreadsheets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bad_input::HEADER;
use crate::detection::demo;
use crate::program::{example, fails_with, path, succeeds, words};

#[test]
fn what_one_program_leaves_out_all_do_and_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let clicks = folder.path().join("clicks.csv");
    let rows = format!("{HEADER}a.com,g,1,2,250,300,1\na.com,g,x,2,250,300,1\n");
    fs::write(&clicks, rows).expect("written");
    let out = folder.path().join("features");
    let said =
        succeeds(example("features", ["--smoke", "--clicks"]).arg(&clicks).arg("--out").arg(&out));
    let reason = "1 with 1 clicks: click_x is no usable number, such as ";
    let line = said.lines().find(|line| line.contains(reason)).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("clicks.csv: line 3"), "{line}");
    assert_eq!(fs::read_to_string(out.join("index.csv")).expect("an index").lines().count(), 2);
}

#[cfg(unix)]
#[test]
fn pipes_links_and_completed_folders_are_taken_as_they_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let out = folder.path().join("detect");
    // Through a pipe, into a folder as TAB completes it, to a reader that goes away.
    let piped = format!(
        "'{}' --clicks <(cat '{}') --out '{}/' | head -n 1",
        path("detect").display(),
        clicks.display(),
        out.display()
    );
    succeeds(Command::new("bash").args(["-o", "pipefail", "-c", &piped]));
    let log = fs::File::open(&clicks).expect("a log");
    let mut from_input = example("detect", ["--clicks", "/dev/stdin", "--out"]);
    succeeds(from_input.arg(format!("{}/.", out.display())).stdin(Stdio::from(log)));
    // The earlier run has moved aside, with its date.
    let scores = |path: &Path| fs::read(path.join("scores.csv")).expect("scores");
    let aside = |name: &str| {
        let is_aside = |path: &PathBuf| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&format!("{name}-2")))
        };
        let entries = fs::read_dir(folder.path()).expect("a folder");
        entries.filter_map(|entry| Some(entry.ok()?.path())).find(is_aside).expect("an earlier run")
    };
    assert!(scores(&out) == scores(&aside("detect")));
    // A link stays one, and what it points to moves aside.
    let (disk, link) = (folder.path().join("disk"), folder.path().join("link"));
    fs::create_dir(&disk).expect("made");
    std::os::unix::fs::symlink(&disk, &link).expect("a link");
    for _ in 0..2 {
        succeeds(example("detect", ["--clicks"]).arg(&clicks).arg("--out").arg(&link));
    }
    assert!(link.is_symlink());
    assert!(scores(&disk) == scores(&aside("disk")));
}

#[test]
fn two_programs_do_not_write_in_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let out = folder.path().join("shared");
    let mut first = example("simclr", words("--smoke --batches 60 --out"));
    let mut first =
        first.arg(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    while !out.join("config.json").is_file() {
        assert!(first.try_wait().expect("a child").is_none());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let taken = "another program is writing in this folder";
    fails_with(taken, example("simclr", ["--smoke", "--out"]).arg(&out));
    fails_with(taken, example("detect", ["--clicks"]).arg(&clicks).arg("--out").arg(&out));
    fails_with(taken, example("simclr", ["--smoke", "--resume", "--out"]).arg(&out));
    first.kill().expect("a child that runs");
    first.wait().expect("an end");
}

#[test]
fn a_configuration_that_was_edited_is_of_another_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("count");
    succeeds(example("count", ["--smoke", "--out"]).arg(&out));
    let config = out.join("config.json");
    let text = fs::read_to_string(&config).expect("settings");
    fs::write(&config, text.replace("resnet18", "resnet34")).expect("written");
    let reason = "not of the network that config.json has";
    fails_with(reason, example("count", ["--smoke", "--resume", "--out"]).arg(&out));
}

#[test]
fn terminals_are_told_nothing_by_names_and_spreadsheets_no_formulas() {
    let folder = tempfile::tempdir().expect("a folder");
    let clicks = folder.path().join("hostile.csv");
    let rows = format!("{HEADER}=1+1,g\x1b[2J,1,2,250,300,9\n-5,g,1,2,250,300,9\n");
    fs::write(&clicks, rows).expect("written");
    let out = folder.path().join("out");
    let mut detect = example("detect", ["--min-clicks", "1", "--clicks"]);
    let said = succeeds(detect.arg(&clicks).arg("--out").arg(&out));
    assert!(!said.contains('\x1b'), "{said:?}");
    let scores = fs::read_to_string(out.join("scores.csv")).expect("scores");
    assert!(scores.contains(",'=1+1,"), "{scores}");
    assert!(scores.contains(",-5,"), "{scores}");
}
