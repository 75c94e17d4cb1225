//! What every score of broken banners is worth, alone and fused, over budgets of clicks.
//!
//! ```text
//! cargo run --release --example benchmark
//! cargo run --release --example benchmark -- --population field
//! cargo run --release --example benchmark -- --clicks clicks.csv --labels labels.csv
//! ```
//!
//! Synthetic logs with known truth: grids of many banners, 8 % of them broken, some only a little.
//! Weights and thresholds are learned on some grids; what is measured is measured on others, of
//! other layouts and other banners. It leaves
//! `benchmark.csv` with every number and its interval, `defects.csv`, `auroc.png`, `macro_f1.png`
//! and `summary.json` in `--out`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::benchmark::{
    BenchmarkConfig, LearnedScores, NoLearned, TableBenchmark, World, compare, summary, table,
    table_summary, table_text, write_curves, write_defects, write_rows, write_table_rows,
};
use heatmap_examples::{
    Ending, NamedPath, PublishedWeights, SharedArguments, TableArguments, bytes_bar, end,
    fresh_folder, plain_bar, say, say_how_read, stop_on_ctrl_c, unless_stopped,
};
use heatmap_train::run::NamedEncoder;
use heatmap_train::study::EncoderScores;
use indicatif::ProgressBar;

/// Measure every score of broken banners, alone and fused, over budgets of clicks
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Seeds, each with layouts and banners of its own; --seed moves all of them
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: u64,

    /// Grids of a seed to learn from, and as many others to score
    #[arg(long, value_name = "N", default_value_t = 12)]
    grids: u64,

    /// Banners of a grid
    #[arg(long, value_name = "N", default_value_t = 250)]
    banners: u64,

    /// Clicks of every banner, several with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(default_values_t = [25, 50, 100, 200, 500, 1_000, 5_000])]
    budgets: Vec<u32>,

    /// Share of broken banners [default: 0.08, or 0.09 in the field]
    #[arg(long, value_name = "SHARE")]
    prevalence: Option<f64>,

    /// Banners to draw: usual, or field, with several layouts a grid, bursts and defects that
    /// concentrate
    #[arg(long, value_name = "NAME", default_value = "usual", value_parser = world)]
    population: World,

    /// Score a click table of your own instead, CSV or Parquet (cargo feature parquet); nothing is
    /// learned from its labels. Repeatable
    #[arg(long, value_name = "FILE", requires = "labels")]
    clicks: Vec<PathBuf>,

    /// Labels of that table: domain, grid_id, broken (0, 1 or empty); repeatable
    #[arg(long, value_name = "FILE", requires = "clicks")]
    labels: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

    /// Also the cosine to the anchor by features of this run of count, location or simclr;
    /// repeatable
    #[arg(long, value_name = "NAME=DIR")]
    run: Vec<NamedPath>,

    /// The same by published weights, such as resnet50=resnet50-11ad3fa6.pth; repeatable
    #[arg(long, value_name = "MODEL=FILE")]
    pretrained: Vec<PublishedWeights>,

    /// The same by a network that was never trained
    #[arg(long)]
    untrained: bool,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    if !arguments.clicks.is_empty() {
        return score_table(arguments);
    }
    arguments.tables.check_read(false)?;
    let config = arguments.config()?;
    let device = arguments.shared.open_device()?;
    let mut encoders = Vec::new();
    if arguments.untrained {
        encoders.push(NamedEncoder::untrained(0, &device));
    }
    for pretrained in &arguments.pretrained {
        encoders.push(pretrained.open(&device)?);
    }
    for run in &arguments.run {
        encoders.push(NamedEncoder::of_run(&run.name, &run.path, &device)?);
    }
    let folder = fresh_folder(&arguments.shared.output.out("benchmark"), &config, "benchmark")?;
    // A grid is known or scored, and of each banner every encoder makes an image; without encoders
    // the grids alone count.
    let of_grid = match encoders.len() as u64 {
        0 => config.banners,
        encoders => encoders * (config.banners + EncoderScores::DRAWS),
    };
    let grids = 2 * config.grids * (config.seeds.len() * config.budgets.len()) as u64;
    let bar = plain_bar(grids * of_grid, "banners");
    let on_image = |done: usize| bar.inc(done as u64);
    let mut learned: Box<dyn LearnedScores> = match encoders.is_empty() {
        true => Box::new(NoLearned),
        false => {
            Box::new(EncoderScores { encoders: &encoders, device: &device, each_batch: &on_image })
        }
    };
    let per_budget = if encoders.is_empty() { 2 * config.grids * config.banners } else { 0 };
    let comparison = compare(&config, learned.as_mut(), |clicks| tell(&bar, clicks, per_budget))?;
    bar.finish_and_clear();
    write_rows(folder.path(), &comparison)?;
    write_defects(folder.path(), &comparison)?;
    write_curves(folder.path(), &comparison)?;
    folder.write_json("summary.json", &summary(&comparison))?;
    say(&format!("{}\nEverything is in {}.", table(&comparison), folder.path().display()));
    Ok(Ending::Done)
}

/// Every part on a table of the user's own.
fn score_table(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let stop = stop_on_ctrl_c()?;
    let out = arguments.shared.output.checked_out("benchmark")?;
    let mut config = TableBenchmark {
        clicks: arguments.clicks.clone(),
        labels: arguments.labels.clone(),
        seed: arguments.shared.output.seed.unwrap_or(0),
        ..Default::default()
    };
    arguments.tables.overlay(&mut config.unit, &mut config.format)?;
    let reading = bytes_bar();
    let (log, labels) = config.read(&mut |progress| {
        reading.set_length(progress.bytes_total);
        reading.set_position(progress.bytes_read);
        unless_stopped(&stop)
    })?;
    reading.finish_and_clear();
    say_how_read(&[log.assumptions(), labels.assumptions()].concat(), &log.warnings());
    let scoring = plain_bar(log.len() as u64, "banners scored");
    let rows = config.score(&log, &labels, &mut |done, _| {
        scoring.set_position(done as u64);
        unless_stopped(&stop)
    })?;
    scoring.finish_and_clear();
    let folder = fresh_folder(&out, &config, "benchmark")?;
    write_table_rows(&folder.file("benchmark.csv"), &rows)?;
    folder.write_json("summary.json", &table_summary(&rows))?;
    say(&format!("{}\nEverything is in {}.", table_text(&rows), folder.path().display()));
    Ok(Ending::Done)
}

/// A population by its name.
fn world(name: &str) -> Result<World, String> {
    match name {
        "usual" => Ok(World::Usual),
        "field" => Ok(World::Field),
        _ => Err("is neither usual nor field".to_owned()),
    }
}

fn tell(bar: &ProgressBar, clicks: u32, banners: u64) {
    bar.inc(banners);
    bar.set_message(format!("of {clicks} clicks"));
}

impl Arguments {
    fn config(&self) -> Result<BenchmarkConfig, Box<dyn Error>> {
        let first = self.shared.output.seed.unwrap_or(0) * 1_000 + 1;
        let mut config = BenchmarkConfig {
            seeds: (first..first + self.seeds).collect(),
            grids: self.grids,
            banners: self.banners,
            budgets: self.budgets.clone(),
            ..Default::default()
        };
        if self.shared.output.smoke {
            config = BenchmarkConfig {
                seeds: vec![first],
                grids: 3,
                banners: 80,
                budgets: vec![50, 200],
                resamples: 50,
                ..config
            };
        }
        config.world = self.population;
        if let Some(prevalence) = self.prevalence {
            config.population.prevalence = prevalence;
            config.field.prevalence = prevalence;
        }
        config.check()?;
        Ok(config)
    }
}
