//! [`Arguments`]: what a user may say.

use std::path::PathBuf;

use clap::Parser;
use heatmap_core::BannerSize;
use heatmap_core::detect::{AnchorChoice, ListFormat, PartSet};
use heatmap_core::table::Shard;

use super::config::Config;
use crate::{OutputArguments, TableArguments};

/// Rank and flag broken banners from a table of clicks
#[derive(Debug, Parser)]
#[command(
    name = "heatmap-detect",
    version,
    after_help = "Exit code: 0, or 1 with --exit-code when a banner is flagged; 2 when an \
                  argument or a file cannot be used, or with --strict is doubtful; 130 after \
                  Ctrl-C."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) output: OutputArguments,

    /// Click table: CSV with any separator, also .gz, Parquet (cargo feature parquet), a folder of
    /// such, or - for standard input; repeatable
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["demo", "smoke", "config", "merge"]
    )]
    clicks: Vec<PathBuf>,

    /// Metrics of the banners: domain, grid_id and columns of numbers; repeatable
    #[arg(long, value_name = "FILE")]
    metrics: Vec<PathBuf>,

    /// Known labels: domain, grid_id, broken (yes or no, 1 or 0, or empty), and display_width and
    /// display_height where sizes differ; repeatable
    #[arg(long, value_name = "FILE")]
    labels: Vec<PathBuf>,

    /// Folder of an earlier run: says which banners are new, fixed or still broken since
    #[arg(long, value_name = "DIR")]
    previous: Option<PathBuf>,

    /// Save the detector that was fitted to this log, to be applied to others by --detector
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,

    /// Apply a detector that was saved, instead of fitting one to this log; labels are used to
    /// evaluate it alone
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["save", "good_like", "broken_like", "anchor", "bin_size",
                              "common_size", "parts"]
    )]
    detector: Option<PathBuf>,

    /// Score the grids of one of N shards alone, 1/3 to 3/3 for three, and leave them in
    /// --parts-out for --merge; each shard reads the whole log, on whatever machine
    #[arg(
        long,
        value_name = "I/N",
        requires = "parts_out",
        conflicts_with_all = ["merge", "out", "save", "detector", "previous", "format", "exit_code"]
    )]
    pub(super) shard: Option<Shard>,

    /// Folder for the file of the shard
    #[arg(long, value_name = "DIR", requires = "shard")]
    pub(super) parts_out: Option<PathBuf>,

    /// Decide on all banners from the files of all shards in this folder, which hold all that it
    /// takes
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["clicks", "metrics", "labels", "save", "detector", "good_like",
                              "broken_like", "anchor", "min_clicks", "bin_size", "common_size",
                              "parts", "column", "separator", "decimal", "unit", "config", "seed",
                              "smoke", "demo"]
    )]
    pub(super) merge: Option<PathBuf>,

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
    pub(super) anchor: Option<AnchorChoice>,

    /// Flag so many banners, the highest scores
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    budget: Option<usize>,

    /// Share of the good banners that may be flagged in error, without labels and budget [default:
    /// 0.01]
    #[arg(long, value_name = "SHARE")]
    false_alarms: Option<f64>,

    /// Leave out banners with fewer clicks [default: 20]
    #[arg(long, value_name = "N")]
    min_clicks: Option<u64>,

    /// Edge of a bin in px [default: 5]
    #[arg(long, value_name = "PX")]
    bin_size: Option<f64>,

    /// Put banners of all sizes of a grid together, on the bins of this one, such as 300x250; by
    /// default each size is judged by itself
    #[arg(long, value_name = "WxH", value_parser = banner_size)]
    common_size: Option<BannerSize>,

    /// Scores to compute: all, or fast for millions of banners [default: all up to 100,000 banners]
    #[arg(long, value_name = "SET", value_parser = part_set)]
    pub(super) parts: Option<PartSet>,

    #[command(flatten)]
    tables: TableArguments,

    /// Settings to begin with: the config.json of an earlier run
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Write the results to standard output, too: table (flagged banners in columns), csv (all
    /// banners) or json; everything else goes to standard error
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<ListFormat>,

    /// Say nothing but errors
    #[arg(long)]
    pub(super) quiet: bool,

    /// Take a warning about the files for an error
    #[arg(long)]
    pub(super) strict: bool,

    /// End with exit code 1 when a banner is flagged, for scripts and cron
    #[arg(long)]
    pub(super) exit_code: bool,

    /// Write a synthetic click log, with metrics and labels beside it, and take its clicks
    #[arg(long, conflicts_with_all = ["clicks", "metrics", "labels"])]
    pub(super) demo: bool,
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

/// Puts what was said in the place of a setting.
fn put<T: Clone>(setting: &mut T, said: &Option<T>) {
    if let Some(said) = said {
        *setting = said.clone();
    }
}

impl Arguments {
    /// The settings: those of `--config`, or the defaults, with what the user said in their place.
    ///
    /// # Errors
    /// When the file of settings cannot be used, or a setting has no possible value.
    pub(super) fn config(&self) -> heatmap_core::Result<Config> {
        let mut config =
            self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
        for (files, said) in [
            (&mut config.clicks, &self.clicks),
            (&mut config.metrics, &self.metrics),
            (&mut config.labels, &self.labels),
        ] {
            if !said.is_empty() {
                *files = said.clone();
            }
        }
        config.good_like.extend(self.good_like.iter().cloned());
        config.broken_like.extend(self.broken_like.iter().cloned());
        config.previous = self.previous.clone().or(config.previous);
        config.detector = self.detector.clone().or(config.detector);
        let log = &mut config.log;
        put(&mut log.bin_size_px, &self.bin_size);
        put(&mut log.min_clicks, &self.min_clicks);
        log.common_size = self.common_size.or(log.common_size);
        self.tables.overlay(&mut log.unit, &mut log.format)?;
        let detection = &mut config.detection;
        detection.anchor = self.anchor.clone().or_else(|| detection.anchor.take());
        put(&mut detection.detector.parts, &self.parts);
        detection.decision.budget = self.budget.or(detection.decision.budget);
        put(&mut detection.decision.false_alarms, &self.false_alarms);
        if let Some(seed) = self.output.seed {
            (detection.seed, detection.detector.seed) = (seed, seed);
        }
        detection.decision.check()?;
        Ok(config)
    }
}
