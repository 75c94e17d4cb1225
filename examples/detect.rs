//! From a table of clicks to a ranked, explained list of broken banners.
//!
//! ```text
//! cargo run --release --example detect -- --clicks clicks.csv
//! cargo run --release --example detect -- --clicks logs/ --metrics metrics.csv \
//!     --labels labels.csv --budget 50
//! cargo run --release --example detect -- --demo
//! ```
//!
//! It needs neither labels nor settings: most banners of a grid are good, or at least alike, and
//! say what a good one looks like. Landing rates and labels say it where there are some, and many
//! labels are learned from. Where two large groups differ and nothing tells which is right, it
//! asks. It leaves `scores.csv` (every banner, most broken first), `report.html` (one page for a
//! browser: the ranking, the clicks of the flagged banners and what drives their scores, the
//! anchors, what was wrong with the data), `summary.json` and `config.json` in `--out`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use heatmap_core::BannerSize;
use heatmap_core::detect::{
    AnchorChoice, DecisionConfig, DetectorConfig, LogDetectionConfig, LogFiles, LogInputs,
    LogSummary, PartSet,
};
use heatmap_core::report::Report;
use heatmap_core::synth::{DemoLog, DemoSize};
use heatmap_core::table::ClickLogConfig;
use heatmap_examples::start::fresh_folder;
use heatmap_examples::{
    Ending, SharedArguments, bytes_bar, end, plain_bar, say, stop_on_ctrl_c, unless_stopped,
};
use serde::Serialize;

/// Rank and flag broken banners from a table of clicks
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit code: 0, or 1 with --exit-code when a banner is flagged; 2 when an \
                  argument or a file cannot be used; 130 after Ctrl-C."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Click table, CSV or Parquet (cargo feature parquet), or a folder of such; repeatable
    #[arg(long, value_name = "FILE", required_unless_present_any = ["demo", "smoke"])]
    clicks: Vec<PathBuf>,

    /// Metrics of the banners: domain, grid_id and columns of numbers; repeatable
    #[arg(long, value_name = "FILE")]
    metrics: Vec<PathBuf>,

    /// Known labels: domain, grid_id, broken (0, 1 or empty); repeatable
    #[arg(long, value_name = "FILE")]
    labels: Vec<PathBuf>,

    /// This banner works, and so do those of its grid that look like it; the grid may be left out
    /// where one grid alone has the domain; repeatable
    #[arg(long, value_name = "[GRID/]DOMAIN")]
    good_like: Vec<String>,

    /// This banner is broken, and so are those of its grid that look like it; repeatable
    #[arg(long, value_name = "[GRID/]DOMAIN")]
    broken_like: Vec<String>,

    /// What stands for good: bulk, landing-rate[=SHARE], good, two-good, random, domain=NAME or
    /// none [default: landing-rate with metrics that have one, else bulk]
    #[arg(long, value_name = "CHOICE")]
    anchor: Option<AnchorChoice>,

    /// Flag so many banners, the highest scores
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    budget: Option<usize>,

    /// Share of the good banners that may be flagged in error, without labels and budget
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    false_alarms: f64,

    /// Leave out banners with fewer clicks
    #[arg(long, value_name = "N", default_value_t = 20)]
    min_clicks: u64,

    /// Edge of a bin in px
    #[arg(long, value_name = "PX", default_value_t = 5.0)]
    bin_size: f64,

    /// Put banners of all sizes of a grid together, on the bins of this one, such as 300x250; by
    /// default each size is judged by itself
    #[arg(long, value_name = "WxH", value_parser = banner_size)]
    common_size: Option<BannerSize>,

    /// Scores to compute: all, or fast for millions of banners [default: all up to 100,000 banners]
    #[arg(long, value_name = "SET", value_parser = part_set)]
    parts: Option<PartSet>,

    /// End with exit code 1 when a banner is flagged, for scripts and cron
    #[arg(long)]
    exit_code: bool,

    /// Write a synthetic click log with metrics and labels into the folder first, and take it
    #[arg(long, conflicts_with_all = ["clicks", "metrics", "labels"])]
    demo: bool,
}

/// More banners than this are scored by the fast parts alone unless asked otherwise.
const MAX_BANNERS_FOR_ALL_PARTS: usize = 100_000;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let flagged_is_failure = arguments.exit_code;
    match run(&arguments) {
        Ok(flagged) if flagged > 0 && flagged_is_failure => ExitCode::from(1),
        outcome => end(outcome.map(|_| Ending::Done)),
    }
}

/// `config.json`.
#[derive(Debug, Serialize)]
struct Config {
    clicks: Vec<PathBuf>,
    metrics: Vec<PathBuf>,
    labels: Vec<PathBuf>,
    good_like: Vec<String>,
    broken_like: Vec<String>,
    log: ClickLogConfig,
    detection: LogDetectionConfig,
}

/// Gives the number of flagged banners.
fn run(arguments: &Arguments) -> Result<usize, Box<dyn Error>> {
    let stop = stop_on_ctrl_c()?;
    let out = arguments.shared.checked_out("detect")?;
    let mut config = arguments.config();
    config.detection.decision.check()?;
    let mut folder = None;
    if arguments.demo || (arguments.shared.smoke && config.clicks.is_empty()) {
        let smoke = arguments.shared.smoke;
        let (grids, banners) = if smoke { (2, 60) } else { (6, 250) };
        let tables = DemoLog::within(&out.join("demo"));
        (config.clicks, config.metrics, config.labels) = (
            vec![tables.clicks.clone()],
            vec![tables.metrics.clone()],
            vec![tables.labels.clone()],
        );
        folder = Some(fresh_folder(&out, &config, "run")?);
        tables.write(DemoSize { grids, banners }, config.detection.seed)?;
        say(&format!("A synthetic log is in {}.", out.join("demo").display()));
    }
    let inputs = arguments.read(&config, &stop)?;
    if inputs.log.len() > MAX_BANNERS_FOR_ALL_PARTS && arguments.parts.is_none() {
        config.detection.detector.parts = PartSet::Fast;
        say(&format!(
            "{} banners: only the fast scores are computed; --parts all computes all of them.",
            inputs.log.len()
        ));
    }
    let bar = plain_bar(inputs.log.len() as u64, "banners scored");
    let detection = config.detection.run(&inputs.log, &inputs.known, &mut |done| {
        bar.set_position(done as u64);
        unless_stopped(&stop)
    })?;
    bar.finish_and_clear();
    let fell_back = detection.grids.iter().filter(|grid| grid.fell_back).count();
    if arguments.anchor.is_some() && fell_back == detection.grids.len() {
        let how = &detection.grids[0].anchor.description;
        return Err(format!("--anchor: no grid has such a banner: {how}").into());
    }
    let folder = folder.map_or_else(|| fresh_folder(&out, &config, "run"), Ok)?;
    let ranking = detection.ranking();
    detection.write_scores(&folder.file("scores.csv"), &inputs.log, &ranking)?;
    let source =
        config.clicks.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let program = format!("heatmap detect {}", env!("CARGO_PKG_VERSION"));
    let report = Report::of_detection(&inputs, &detection, &ranking, &source, &program)?;
    report.write_html(&folder.file("report.html"))?;
    let numbers = LogSummary::of(&inputs, &detection);
    folder.write_json("summary.json", &numbers)?;
    numbers.sentences(&inputs, &detection, &ranking).iter().for_each(|line| say(line));
    say(&format!("scores.csv and report.html are in {}.", folder.path().display()));
    Ok(numbers.flagged)
}

fn banner_size(text: &str) -> Result<BannerSize, String> {
    let sides = text
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width_px, height_px)) if width_px > 0 && height_px > 0 => {
            Ok(BannerSize { width_px, height_px })
        }
        _ => Err("is not a size such as 300x250".to_owned()),
    }
}

fn part_set(text: &str) -> Result<PartSet, String> {
    match text {
        "all" => Ok(PartSet::All),
        "fast" => Ok(PartSet::Fast),
        _ => Err("is neither all nor fast".to_owned()),
    }
}

impl Arguments {
    /// The tables, and the banners that stand for good and for broken ones.
    fn read(&self, config: &Config, stop: &AtomicBool) -> Result<LogInputs, Box<dyn Error>> {
        let Config { clicks, metrics, labels, .. } = config;
        let bar = bytes_bar();
        let mut inputs =
            LogInputs::read(&config.log, LogFiles { clicks, metrics, labels }, &mut |progress| {
                bar.set_length(progress.bytes_total);
                bar.set_position(progress.bytes_read);
                bar.set_message(format!("{} rows", progress.rows));
                unless_stopped(stop)
            })?;
        bar.finish_and_clear();
        for (option, names, good) in
            [("--good-like", &self.good_like, true), ("--broken-like", &self.broken_like, false)]
        {
            inputs.add_examples(names, good).map_err(|error| format!("{option} {error}"))?;
        }
        Ok(inputs)
    }

    fn config(&self) -> Config {
        let seed = self.shared.seed.unwrap_or(0);
        Config {
            clicks: self.clicks.clone(),
            metrics: self.metrics.clone(),
            labels: self.labels.clone(),
            good_like: self.good_like.clone(),
            broken_like: self.broken_like.clone(),
            log: ClickLogConfig {
                bin_size_px: self.bin_size,
                min_clicks: self.min_clicks,
                common_size: self.common_size,
                ..Default::default()
            },
            detection: LogDetectionConfig {
                anchor: self.anchor.clone(),
                detector: DetectorConfig {
                    parts: self.parts.unwrap_or_default(),
                    seed,
                    ..Default::default()
                },
                decision: DecisionConfig {
                    budget: self.budget,
                    false_alarms: self.false_alarms,
                    ..Default::default()
                },
                seed,
                ..Default::default()
            },
        }
    }
}
