//! `--shard` and `--merge`: one detection by several processes.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use heatmap_core::detect::{EarlierRun, Findings, ShardSet};
use heatmap_core::table::Shard;

use super::arguments::Arguments;
use super::config::Config;
use super::{
    choose_parts, decided_as_said, demo_if_asked, leave, look_for_anchors, read, tell_of_files,
};
use crate::{plain_bar, say, unless_stopped};

/// Scores the grids of one shard and leaves them for [`merge`].
pub(super) fn score(
    arguments: &Arguments,
    shard: Shard,
    stop: &AtomicBool,
) -> Result<(), Box<dyn Error>> {
    let folder = arguments.parts_out.as_deref().ok_or("--shard needs --parts-out")?;
    let mut config = arguments.config()?;
    if let Some(detector) = &config.detector {
        return Err(format!(
            "--shard: {} is fitted already and scores any part of a log by itself",
            detector.display()
        )
        .into());
    }
    demo_if_asked(arguments, &mut config)?;
    let inputs = read(&config, Some(shard), stop)?;
    tell_of_files(&inputs, arguments.strict)?;
    choose_parts(arguments, &mut config, &inputs);
    let bar = plain_bar(inputs.log.len_of_shard() as u64, "banners scored");
    let written = config.detection.run_shard(&inputs, folder, &config, &mut |done| {
        bar.set_position(done as u64);
        unless_stopped(stop)
    });
    bar.finish_and_clear();
    let written = written?;
    say(&format!(
        "Shard {shard} is in {}: {} of {} banners, grids and sizes: {}.",
        written.path.display(),
        written.banners,
        inputs.log.len(),
        written.grids
    ));
    Ok(())
}

/// Decides on all banners from the files of all shards, and gives the number of flagged ones.
pub(super) fn merge(
    arguments: &Arguments,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<usize, Box<dyn Error>> {
    let out = arguments.output.checked_out("detect")?;
    let said = arguments.config()?;
    let mut shards = ShardSet::open(folder)?;
    shards.decide_by(decided_as_said(&said.detection, shards.detection()));
    let mut config: Config = shards.origin()?;
    config.detection = shards.detection().clone();
    config.previous = said.previous.or(config.previous);
    let earlier = config.previous.as_deref().map(EarlierRun::read).transpose()?;
    let bar = plain_bar(shards.banners() as u64, "banners merged");
    let merged = shards.merge(&mut |done| {
        bar.set_position(done as u64);
        unless_stopped(stop)
    });
    bar.finish_and_clear();
    let (inputs, detection) = merged?;
    tell_of_files(&inputs, arguments.strict)?;
    look_for_anchors(&config, &detection)?;
    let findings = Findings::of(&inputs, &detection, earlier.as_ref())?;
    leave(arguments, config, findings, &out)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use clap::{CommandFactory, Parser};
    use heatmap_core::synth::{DemoLog, DemoSize};

    use super::super::detect;
    use super::*;

    static GOING: AtomicBool = AtomicBool::new(false);

    /// What a user says, a word at a time; `{}` is the folder of the test.
    fn said(line: &str, folder: &Path) -> Result<Arguments, clap::Error> {
        let line = line.replace("{}", &folder.to_string_lossy());
        Arguments::try_parse_from(["heatmap-detect", "--quiet"].into_iter().chain(line.split(' ')))
    }

    fn log(folder: &Path) -> DemoLog {
        let tables = DemoLog::within(&folder.join("log"));
        tables.write(DemoSize { grids: 4, banners: 40 }, 1).unwrap();
        tables
    }

    #[test]
    fn merged_shards_leave_the_files_of_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let DemoLog { clicks, metrics, labels } = log(folder);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let all = format!("--metrics {} --labels {}", text(metrics), text(labels));
        for (known, n) in [("", 1), ("", 2), (&*all, 3)] {
            let given = format!("--clicks {} {known} --parts fast", clicks.display());
            let given = given.split_whitespace().collect::<Vec<_>>().join(" ");
            let (one, merged) = (format!("one-{n}"), format!("merged-{n}"));
            let line = format!("{given} --out {{}}/{one}");
            let flagged = detect(&said(&line, folder).unwrap(), &GOING).unwrap();
            for i in 1..=n {
                let line = format!("{given} --shard {i}/{n} --parts-out {{}}/shards-{n}");
                let arguments = said(&line, folder).unwrap();
                score(&arguments, arguments.shard.unwrap(), &GOING).unwrap();
            }
            let arguments = said(&format!("--merge {{}}/shards-{n} --out {{}}/{merged}"), folder);
            let shards = folder.join(format!("shards-{n}"));
            assert_eq!(merge(&arguments.unwrap(), &shards, &GOING).unwrap(), flagged);
            assert!(flagged > 0);
            for file in ["scores.csv", "report.html", "summary.json", "config.json"] {
                let [a, b] = [&one, &merged].map(|run| fs::read(folder.join(run).join(file)));
                assert!(a.unwrap() == b.unwrap(), "{file} of {n} shards differs");
            }
        }
        // The rule may be another one, and a run may be compared with an earlier one.
        let line = "--merge {}/shards-3 --budget 2 --previous {}/one-3 --out {}/two";
        let arguments = said(line, folder).unwrap();
        assert_eq!(merge(&arguments, &folder.join("shards-3"), &GOING).unwrap(), 2);
        let scores = fs::read_to_string(folder.join("two/scores.csv")).unwrap();
        assert!(scores.contains(",still broken,") && scores.contains(",fixed,"), "{scores}");
    }

    #[test]
    fn what_a_shard_or_a_merge_cannot_use_is_refused() {
        Arguments::command().debug_assert();
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let clicks = format!("--clicks {}", log(folder).clicks.display());
        for (line, named) in [
            ("--shard 4/3 --parts-out {}", "is no shard such as 1/3"),
            ("--shard 0/3 --parts-out {}", "is no shard such as 1/3"),
            ("--shard 1/3", "--parts-out <DIR>"),
            ("--parts-out {}", "--shard <I/N>"),
            ("--shard 1/3 --parts-out {} --merge {}", "cannot be used with"),
            ("--shard 1/3 --parts-out {} --save {}/detector.json", "cannot be used with"),
            ("--shard 1/3 --parts-out {} --out {}/out", "cannot be used with"),
            ("--merge {}", "cannot be used with"),
        ] {
            let error = said(&format!("{clicks} {line}"), folder).unwrap_err().to_string();
            assert!(error.contains(named), "{line}: {error}");
        }
        for option in ["--anchor bulk", "--min-clicks 3", "--seed 3", "--parts fast", "--demo"] {
            let error = said(&format!("--merge {{}} {option}"), folder).unwrap_err().to_string();
            assert!(error.contains("cannot be used with"), "{option}: {error}");
        }
        let merging = said("--merge {}/none --out {}/out", folder).unwrap();
        let error = merge(&merging, folder, &GOING).unwrap_err().to_string();
        assert!(error.contains("no shard in this folder"), "{error}");
        assert!(!folder.join("out").exists());
        let settings = folder.join("config.json");
        fs::write(&settings, r#"{"clicks": ["a.csv"], "detector": "d.json"}"#).unwrap();
        let line = "--config {}/config.json --shard 1/2 --parts-out {}/shards";
        let arguments = said(line, folder).unwrap();
        let error = score(&arguments, arguments.shard.unwrap(), &GOING).unwrap_err().to_string();
        assert!(error.contains("d.json is fitted already"), "{error}");
    }
}
