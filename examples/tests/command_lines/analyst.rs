//! `detect` as an analyst uses it: tables out of spreadsheets, results for other programs, the run
//! of the week before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::detection::demo;
use crate::program::{example, fails_with, json, succeeds, words};

/// `detect` with these words, on `clicks`, into the folder `out`.
fn detect(line: &str, clicks: &Path, out: &Path) -> Command {
    let mut command = example("detect", words(line));
    command.arg("--clicks").arg(clicks).arg("--out").arg(out);
    command
}

/// The standard output of a command that must end well.
fn listed(command: &mut Command) -> (String, String) {
    let output = command.output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

fn scores(out: &Path) -> Vec<u8> {
    fs::read(out.join("scores.csv")).expect("scores")
}

#[test]
fn a_german_spreadsheet_is_read_and_what_was_assumed_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let plain = fs::read_to_string(&clicks).expect("a log");
    let german = folder.path().join("german.csv");
    let mut lines = plain.lines();
    let header = lines.next().expect("a header").replace("domain", "Website");
    let rows: String = lines.map(|row| format!("{row}\r\n")).collect();
    let text = format!("{header}\r\n{rows}").replace(',', ";").replace('.', ",");
    // Names have points, too, but those are no numbers.
    fs::write(&german, text.replace(",example", ".example")).expect("written");
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    succeeds(&mut detect("", &clicks, &a));
    let said = succeeds(&mut detect("", &german, &b));
    assert!(said.contains("separator `;`"), "{said}");
    assert!(said.contains("column `Website` is domain"), "{said}");
    assert!(scores(&a) == scores(&b));
    let page = fs::read_to_string(b.join("report.html")).expect("a page");
    assert!(page.contains("separator `;`"), "not in the data quality");
    assert!(json(&b.join("summary.json"))["assumptions"][0].to_string().contains("separator"));
}

#[test]
fn results_go_to_standard_output_on_request_and_nothing_else_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let out = folder.path().join("out");
    let (csv, said) = listed(&mut detect("--format csv", &clicks, &out));
    assert!(csv.as_bytes() == scores(&out));
    assert!(said.contains("banners flagged"), "{said}");
    let (text, _) = listed(&mut detect("--format json", &clicks, &out));
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON and nothing else");
    let flagged = found["flagged"].as_array().expect("banners");
    assert_eq!(flagged.len() as u64, found["summary"]["flagged"].as_u64().expect("a number"));
    assert!(!flagged.is_empty());
    assert!(flagged.iter().all(|banner| banner["reason"].as_str().is_some_and(|r| !r.is_empty())));
    let (table, said) = listed(&mut detect("--format table --quiet", &clicks, &out));
    assert_eq!((table.lines().count(), said.as_str()), (1 + flagged.len(), ""));
    let (nothing, said) = listed(&mut detect("--quiet", &clicks, &out));
    assert_eq!((nothing.as_str(), said.as_str()), ("", ""));
}

#[test]
fn fractions_are_doubted_refused_when_strict_and_right_once_they_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let plain = fs::read_to_string(&clicks).expect("a log");
    let mut rows = csv::Reader::from_reader(plain.as_bytes());
    let header = rows.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|found| found == name).expect("a column");
    let sides = [("click_x", "display_width"), ("click_y", "display_height")]
        .map(|(a, b)| [column(a), column(b)]);
    let path = folder.path().join("fractions.csv");
    let mut written = csv::Writer::from_path(&path).expect("a file");
    written.write_record(&header).expect("written");
    for row in rows.records() {
        let mut row: Vec<String> = row.expect("a row").iter().map(str::to_owned).collect();
        for [at, side] in sides {
            let number = |text: &str| text.parse::<f64>().expect("a number");
            row[at] = (number(&row[at]) / number(&row[side])).to_string();
        }
        written.write_record(&row).expect("written");
    }
    written.flush().expect("written");
    let out = folder.path().join("out");
    let said = succeeds(&mut detect("", &path, &out));
    assert!(said.contains("Warning: ") && said.contains("--unit fraction"), "{said}");
    assert!(json(&out.join("summary.json"))["warnings"][0]["what"].to_string().contains("0 to 1"));
    let before = scores(&out);
    fails_with("--strict: ", &mut detect("--strict", &path, &out));
    assert!(scores(&out) == before, "a run that was refused has written");
    let said = succeeds(&mut detect("--strict --unit fraction", &path, &out));
    assert!(!said.contains("Warning"), "{said}");
}

#[test]
fn a_week_is_compared_with_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let (before, now) = (folder.path().join("before"), folder.path().join("now"));
    let previous = |dir: &Path| format!("--previous {}", dir.display());
    succeeds(&mut detect("--budget 3", &clicks, &before));
    let said = succeeds(&mut detect(&format!("--budget 5 {}", previous(&before)), &clicks, &now));
    assert!(said.contains("2 new, 3 still broken, 0 fixed."), "{said}");
    let (csv, _) = listed(&mut detect(
        &format!("--budget 1 --format csv {}", previous(&now)),
        &clicks,
        &before,
    ));
    assert_eq!(csv.lines().filter(|line| line.contains(",fixed,")).count(), 4, "{csv}");
    assert_eq!(json(&before.join("summary.json"))["since"]["fixed"], 4);
    // The run before may be the one that moves aside.
    let said =
        succeeds(&mut detect(&format!("--budget 2 {}", previous(&before)), &clicks, &before));
    assert!(said.contains("1 new, 1 still broken, 0 fixed."), "{said}");
    assert!(said.contains("Since ") && said.contains("/before-2"), "{said}");
    let moved = json(&before.join("config.json"))["previous"].as_str().map(PathBuf::from);
    assert!(moved.expect("a folder").join("scores.csv").is_file());
    fails_with("nowhere: No such file", &mut detect("--previous nowhere", &clicks, &now));
}

#[test]
fn settings_come_from_an_earlier_run_and_are_overridden_by_arguments() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let out = folder.path().join("first");
    succeeds(detect("--budget 4 --bin-size 10", &clicks, &out).arg("--labels").arg(&labels));
    let again = |line: &str| {
        let folder = folder.path().join("again");
        let mut command = example("detect", words(line));
        succeeds(command.arg("--config").arg(out.join("config.json")).arg("--out").arg(&folder));
        folder
    };
    assert!(scores(&again("")) == scores(&out));
    let config = json(&again("--budget 2").join("config.json"));
    assert_eq!(config["detection"]["decision"]["budget"], 2);
    assert_eq!(config["log"]["bin_size_px"], 10.0);
}

#[test]
fn a_detector_is_fitted_once_and_applied_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let (out, again) = (folder.path().join("out"), folder.path().join("again"));
    let detector = folder.path().join("detector.json");
    succeeds(detect("--bin-size 10", &clicks, &out).arg("--save").arg(&detector));
    let apply = |line: &str, clicks: &Path| {
        let mut command = detect(line, clicks, &again);
        command.arg("--detector").arg(&detector);
        command
    };
    succeeds(&mut apply("", &clicks));
    assert!(scores(&again) == scores(&out));
    let said = succeeds(&mut apply("--budget 2", &clicks));
    assert!(said.contains("2 of 120 banners flagged"), "{said}");
    let other = folder.path().join("other.csv");
    let text = fs::read_to_string(&clicks).expect("a log");
    fs::write(&other, text.replace(",grid-", ",other-")).expect("written");
    fails_with("is not in the detector, which has", &mut apply("", &other));
    fails_with("cannot be used with", &mut apply("--bin-size 5", &clicks));
}

#[cfg(unix)]
#[test]
fn a_compressed_log_comes_through_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    succeeds(&mut detect("", &clicks, &a));
    let packed = Command::new("gzip").arg("-c").arg(&clicks).stdout(Stdio::piped()).spawn();
    let mut packed = packed.expect("gzip");
    let mut command = detect("", &PathBuf::from("-"), &b);
    let said = succeeds(command.stdin(packed.stdout.take().expect("a pipe")));
    packed.wait().expect("an end");
    assert!(said.contains("Read standard input: gzip."), "{said}");
    assert!(scores(&a) == scores(&b));
}

#[test]
fn what_is_said_wrong_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let out = folder.path().join("out");
    for (line, named) in [
        ("--column domane=Site", "no column of our tables; there are: domain, grid_id"),
        ("--column domain", "is not COLUMN=HEADER"),
        ("--unit inches", "must be px, fraction, percent"),
        ("--separator ab", "is not one character"),
        ("--decimal ;", "`decimal` = ;"),
        ("--format xml", "xml"),
        ("--config nowhere.json", "nowhere.json"),
    ] {
        fails_with(named, &mut detect(line, &clicks, &out));
    }
    assert!(!out.exists());
}
