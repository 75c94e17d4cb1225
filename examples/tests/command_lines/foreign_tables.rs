//! Tables under headers of their own, with semicolons, decimal commas and pixels of the screen:
//! every program that reads clicks reads them, and takes them for the same clicks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::detection::demo;
use crate::program::{example, fails_with, json, metrics, succeeds, words};

/// What says how such a table is written; separator and decimal comma are found.
const SAID: &str = "--column domain=Spalte-A --column grid_id=Spalte-B \
                    --column click_x=Spalte-C --unit device-px=2";

/// A table of the demonstration as somebody else writes it.
fn foreign(table: &Path) -> PathBuf {
    let text = fs::read_to_string(table).expect("a table of the demonstration");
    let (header, rows) = text.split_once('\n').expect("a header");
    let names: Vec<&str> = header.split(',').collect();
    let new = |name: &&str| {
        match *name {
            "domain" => "Spalte-A",
            "grid_id" => "Spalte-B",
            "click_x" => "Spalte-C",
            other => other,
        }
        .to_owned()
    };
    let cell = |(cell, name): (&str, &&str)| match *name {
        // Twice a number of px has one digit at least behind the comma.
        "click_x" | "click_y" => {
            format!("{:?}", 2.0 * cell.parse::<f64>().expect("a coordinate")).replace('.', ",")
        }
        _ => cell.to_owned(),
    };
    let mut lines = vec![names.iter().map(new).collect::<Vec<_>>().join(";")];
    for row in rows.lines() {
        lines.push(row.split(',').zip(&names).map(cell).collect::<Vec<_>>().join(";"));
    }
    let path = table.with_file_name(format!(
        "foreign-{}",
        table.file_name().expect("a name").to_string_lossy()
    ));
    fs::write(&path, lines.join("\n") + "\n").expect("written");
    path
}

/// A program on these clicks.
fn on(name: &str, line: &str, clicks: &Path, out: &Path) -> Command {
    let mut command = example(name, words(line));
    command.arg("--clicks").arg(clicks).arg("--out").arg(out);
    command
}

/// How often the program says that it took column `Spalte-A` for the domain.
fn times_told(said: &str) -> usize {
    said.lines().filter(|line| line.contains("column `Spalte-A` is domain")).count()
}

#[test]
fn features_and_pictures_of_a_foreign_table_are_those_of_our_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, _) = demo(folder.path());
    let foreign = foreign(&clicks);
    for (name, files) in [
        ("features", &["index.csv", "montage.png"][..]),
        ("gallery", &["clicks.png", "summary.json"]),
    ] {
        let [ours, theirs] =
            ["ours", "theirs"].map(|whose| folder.path().join(format!("{whose}-{name}")));
        let line = "--smoke --bin-size 10";
        succeeds(&mut on(name, line, &clicks, &ours));
        let said = succeeds(&mut on(name, &format!("{line} {SAID}"), &foreign, &theirs));
        assert_eq!(times_told(&said), 1, "{said}");
        assert!(said.contains("separator `;`") && said.contains("decimal comma"), "{said}");
        for file in files {
            let read = |run: &Path| fs::read(run.join(file)).expect("a file of the run");
            assert!(read(&ours) == read(&theirs), "{name}: {file}");
        }
        // Without a word on its columns the table cannot be read, and nothing is left.
        let none = folder.path().join("none");
        fails_with("no column `domain`", &mut on(name, "--smoke", &foreign, &none));
        assert!(!none.exists());
    }
}

#[test]
fn simclr_trains_on_a_foreign_table_as_on_our_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let [ours, theirs] = ["ours", "theirs"].map(|whose| folder.path().join(whose));
    succeeds(on("simclr", "--smoke --loss sup-con", &clicks, &ours).arg("--labels").arg(&labels));
    let line = "--smoke --loss sup-con --separator ; --decimal ,";
    let mut simclr = on("simclr", line, &foreign(&clicks), &theirs);
    let said = succeeds(simclr.args(words(SAID)).arg("--labels").arg(foreign(&labels)));
    // Once for the clicks and once for the labels, which are another kind of file.
    assert_eq!(times_told(&said), 2, "{said}");
    assert_eq!(metrics(&ours), metrics(&theirs));
    let own = &json(&theirs.join("config.json"))["own"];
    assert_eq!((&own["unit"], &own["format"]["separator"]), (&"device-px=2".into(), &";".into()));
    assert_eq!(own["format"]["columns"]["domain"], "Spalte-A");
    // A run that goes on reads the table as it began.
    let resume = "--resume --batches 6 --new-schedule --out";
    succeeds(example("simclr", words(resume)).arg(&theirs));
    assert_eq!(json(&theirs.join("summary.json"))["batches"], 6);
    let other = "--resume --unit device-px=4 --batches 6 --out";
    fails_with("`own.unit` = device-px=4", example("simclr", words(other)).arg(&theirs));
}

#[test]
fn a_foreign_table_is_scored_counted_and_located() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clicks, labels) = demo(folder.path());
    let out = |whose: &str| folder.path().join(whose);
    let mut benchmark = on("benchmark", "", &clicks, &out("ours"));
    succeeds(benchmark.arg("--labels").arg(&labels));
    let mut benchmark = on("benchmark", SAID, &foreign(&clicks), &out("theirs"));
    let said = succeeds(benchmark.arg("--labels").arg(foreign(&labels)));
    assert_eq!(times_told(&said), 2, "{said}");
    let table = |run: &str| fs::read(out(run).join("benchmark.csv")).expect("a table");
    assert!(table("ours") == table("theirs"));

    let predicted = |whose: &str, line: &str, clicks: &Path| {
        let said = succeeds(&mut on("predict", &format!("--smoke {line}"), clicks, &out(whose)));
        let path = out(whose).join("predictions.csv");
        (said, fs::read(path).expect("predictions"))
    };
    let (_, ours) = predicted("our-predictions", "", &clicks);
    let (said, theirs) = predicted("their-predictions", SAID, &foreign(&clicks));
    assert_eq!(times_told(&said), 1, "{said}");
    assert!(ours == theirs);
}

#[test]
fn how_a_table_is_written_is_said_of_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("none");
    for name in ["benchmark", "features", "gallery", "predict", "simclr"] {
        let refused = "--unit says how a click table is written, and none is read";
        fails_with(refused, example(name, words("--smoke --unit percent --out")).arg(&out));
        assert!(!out.exists(), "{name}");
    }
}
