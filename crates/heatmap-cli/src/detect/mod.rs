//! The program `heatmap-detect`: from a table of clicks to a ranked, explained list of broken
//! banners.

mod arguments;
mod config;
mod sentences;
mod shards;

use std::error::Error;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use heatmap_core::RunFolder;
use heatmap_core::detect::{
    DecisionConfig, EarlierRun, Findings, ListFormat, LogDetection, LogDetectionConfig, LogFiles,
    LogInputs, PartSet, SavedDetector,
};
use heatmap_core::report::Report;
use heatmap_core::synth::{DemoLog, DemoSize};
use heatmap_core::table::{Progress, Shard};

use self::arguments::Arguments;
use self::config::Config;
use self::sentences::sentences;
use crate::{
    Ending, be_quiet, bytes_bar, end, plain_bar, say, say_how_read, say_on_stderr, stop_on_ctrl_c,
    unless_stopped,
};

/// More banners than this are scored by the fast parts alone unless asked otherwise.
const MAX_BANNERS_FOR_ALL_PARTS: usize = 100_000;

/// Runs the program with the arguments of the process, and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.quiet {
        be_quiet();
    } else if arguments.format.is_some() {
        say_on_stderr();
    }
    match run(&arguments) {
        Ok(flagged) if flagged > 0 && arguments.exit_code => ExitCode::from(1),
        outcome => end(outcome.map(|_| Ending::Done)),
    }
}

/// Gives the number of flagged banners.
fn run(arguments: &Arguments) -> Result<usize, Box<dyn Error>> {
    let stop = stop_on_ctrl_c()?;
    match (arguments.shard, &arguments.merge) {
        (Some(shard), _) => shards::score(arguments, shard, &stop).map(|()| 0),
        (None, Some(folder)) => shards::merge(arguments, folder, &stop),
        (None, None) => detect(arguments, &stop),
    }
}

/// Reads, scores and decides in one go.
fn detect(arguments: &Arguments, stop: &AtomicBool) -> Result<usize, Box<dyn Error>> {
    let out = arguments.output.checked_out("detect")?;
    let mut config = arguments.config()?;
    // Before minutes of work, and before the run moves aside that it may be.
    let earlier = config.previous.as_deref().map(EarlierRun::read).transpose()?;
    demo_if_asked(arguments, &mut config)?;
    let saved = open_detector(&mut config)?;
    let inputs = read(&config, None, stop)?;
    tell_of_files(&inputs, arguments.strict)?;
    if saved.is_none() {
        choose_parts(arguments, &mut config, &inputs);
    }
    let detection = score(&config, saved.as_ref(), &inputs, stop)?;
    if saved.is_none() {
        look_for_anchors(&config, &detection)?;
    }
    if let Some(path) = &arguments.save {
        let detector = SavedDetector::of(&config.detection, &inputs.log, &inputs.known)?;
        detector.write(path)?;
        let (grids, banners) = detector.len();
        say(&format!(
            "The detector is in {}: {banners} banners of {grids} grids and sizes.",
            path.display()
        ));
    }
    let findings = Findings::of(&inputs, &detection, earlier.as_ref())?;
    leave(arguments, config, findings, &out)
}

/// Writes everything that was found, and gives the number of flagged banners.
fn leave(
    arguments: &Arguments,
    mut config: Config,
    mut findings: Findings<'_>,
    out: &Path,
) -> Result<usize, Box<dyn Error>> {
    let folder = own_folder(out, &mut config, &mut findings)?;
    findings.write_scores(&folder.file("scores.csv"))?;
    let source =
        config.clicks.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let program = format!("heatmap-detect {}", env!("CARGO_PKG_VERSION"));
    Report::of_findings(&findings, &source, &program)?.write_html(&folder.file("report.html"))?;
    let summary = findings.summary();
    folder.write_json("summary.json", &summary)?;
    sentences(&findings, &summary).iter().for_each(|line| say(line));
    say(&format!("scores.csv and report.html are in {}.", folder.path().display()));
    if let Some(format) = arguments.format {
        list(&findings, format)?;
    }
    Ok(summary.flagged)
}

/// Writes the synthetic log and takes its clicks, if that was asked for.
fn demo_if_asked(arguments: &Arguments, config: &mut Config) -> heatmap_core::Result<()> {
    let smoke = arguments.output.smoke;
    if arguments.demo || (smoke && config.clicks.is_empty()) {
        let out = arguments.output.out("detect");
        config.clicks = vec![write_demo(&out, smoke, config.detection.seed)?];
    }
    Ok(())
}

/// Takes the fast scores for very many banners, unless the user has chosen.
fn choose_parts(arguments: &Arguments, config: &mut Config, inputs: &LogInputs) {
    let chosen = arguments.parts.is_some() || config.detection.detector.parts == PartSet::Fast;
    if inputs.log.len() > MAX_BANNERS_FOR_ALL_PARTS && !chosen {
        config.detection.detector.parts = PartSet::Fast;
        say(&format!(
            "{} banners: only the fast scores are computed; --parts all computes all of them.",
            inputs.log.len()
        ));
    }
}

/// # Errors
/// When no grid has the anchor that was asked for.
fn look_for_anchors(config: &Config, detection: &LogDetection) -> Result<(), Box<dyn Error>> {
    if config.detection.anchor.is_some() && detection.grids.iter().all(|grid| grid.fell_back) {
        let how = detection.grids.first().map_or("", |grid| &grid.anchor.description);
        return Err(format!("--anchor: no grid has such a banner: {how}").into());
    }
    Ok(())
}

/// A folder for the run; an earlier one moves aside. Where that is the run to compare with, it is
/// called by its new name from here on.
fn own_folder(
    out: &Path,
    config: &mut Config,
    findings: &mut Findings<'_>,
) -> heatmap_core::Result<RunFolder> {
    let is_previous = config.previous.as_deref().is_some_and(|previous| {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(previous).is_some() && real(previous) == real(out)
    });
    let (folder, moved) = RunFolder::create(out, config)?;
    if let Some(moved) = moved {
        say(&format!("The earlier run is now in {}.", moved.display()));
        if is_previous {
            findings.changes.iter_mut().for_each(|changes| changes.since.clone_from(&moved));
            config.previous = Some(moved);
            folder.write_json(RunFolder::CONFIG, config)?;
        }
    }
    Ok(folder)
}

/// Writes a synthetic log beside `out`, where the next one replaces it, and returns its clicks.
fn write_demo(out: &Path, smoke: bool, seed: u64) -> heatmap_core::Result<std::path::PathBuf> {
    let mut folder = out.as_os_str().to_owned();
    folder.push("-demo");
    let folder = Path::new(&folder);
    let (grids, banners) = if smoke { (2, 60) } else { (6, 250) };
    let tables = DemoLog::within(folder);
    tables.write(DemoSize { grids, banners }, seed)?;
    say(&format!(
        "A synthetic log is in {}. Only its clicks are used; to use all that is known, say \
         --clicks {} --metrics {} --labels {}.",
        folder.display(),
        tables.clicks.display(),
        tables.metrics.display(),
        tables.labels.display()
    ));
    Ok(tables.clicks)
}

/// The tables, and the banners that stand for good and for broken ones.
fn read(
    config: &Config,
    shard: Option<Shard>,
    stop: &AtomicBool,
) -> Result<LogInputs, Box<dyn Error>> {
    let Config { clicks, metrics, labels, .. } = config;
    let files = LogFiles { clicks, metrics, labels };
    let bar = bytes_bar();
    let progress = &mut |progress: Progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_read);
        bar.set_message(format!("{} rows", progress.rows));
        unless_stopped(stop)
    };
    let mut inputs = match shard {
        None => LogInputs::read(&config.log, files, progress)?,
        Some(shard) => LogInputs::read_shard(&config.log, files, shard, progress)?,
    };
    bar.finish_and_clear();
    for (option, names, good) in
        [("--good-like", &config.good_like, true), ("--broken-like", &config.broken_like, false)]
    {
        inputs.add_examples(names, good).map_err(|error| format!("{option} {error}"))?;
    }
    Ok(inputs)
}

/// The saved detector, if one is to be applied. The log is read and the banners are flagged as it
/// has it, but for what the user says of false alarms and the budget.
fn open_detector(config: &mut Config) -> heatmap_core::Result<Option<SavedDetector>> {
    let Some(path) = &config.detector else { return Ok(None) };
    let mut saved = SavedDetector::read(path)?;
    saved.decide_by(decided_as_said(&config.detection, saved.detection()));
    saved.configure(&mut config.log);
    config.detection = saved.detection().clone();
    Ok(Some(saved))
}

/// How banners are flagged: as in `written`, but for what the user says.
fn decided_as_said(said: &LogDetectionConfig, written: &LogDetectionConfig) -> DecisionConfig {
    let (said, usual) = (&said.decision, DecisionConfig::default());
    let mut decision = written.decision.clone();
    decision.budget = said.budget.or(decision.budget);
    if said.false_alarms != usual.false_alarms {
        decision.false_alarms = said.false_alarms;
    }
    decision
}

/// Scores and flags all banners.
fn score(
    config: &Config,
    saved: Option<&SavedDetector>,
    inputs: &LogInputs,
    stop: &AtomicBool,
) -> heatmap_core::Result<LogDetection> {
    let bar = plain_bar(inputs.log.len() as u64, "banners scored");
    let progress = &mut |done: usize| {
        bar.set_position(done as u64);
        unless_stopped(stop)
    };
    let detection = match saved {
        Some(saved) => saved.run(&inputs.log, &inputs.known, progress),
        None => config.detection.run(&inputs.log, &inputs.known, progress),
    };
    bar.finish_and_clear();
    detection
}

/// Says what was assumed of the files and what is doubtful.
///
/// # Errors
/// When something is doubtful and the user is `strict`.
fn tell_of_files(inputs: &LogInputs, strict: bool) -> Result<(), Box<dyn Error>> {
    let (assumptions, warnings) = (inputs.assumptions(), inputs.warnings());
    match warnings.first() {
        Some(first) if strict => {
            say_how_read(&assumptions, &[]);
            let others = match warnings.len() - 1 {
                0 => String::new(),
                others => format!(" ({others} more)"),
            };
            Err(format!("--strict: {first}{others}").into())
        }
        _ => {
            say_how_read(&assumptions, &warnings);
            Ok(())
        }
    }
}

/// Writes the results to standard output. Whoever no longer reads is no reason to fail.
fn list(findings: &Findings<'_>, format: ListFormat) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    match findings.write_list(format, &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}
