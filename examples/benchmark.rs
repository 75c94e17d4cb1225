//! What every score of broken banners is worth, alone and fused, over budgets of clicks.
//!
//! ```text
//! cargo run --release --example benchmark
//! ```
//!
//! Synthetic logs with known truth: grids of many banners, 8 % of them broken, some only a little. Weights and thresholds are
//! learned on some grids; what is measured is measured on others, of other layouts and other banners. It leaves `benchmark.csv` with every
//! number and its interval, `defects.csv`, `auroc.png`, `macro_f1.png` and `summary.json` in `--out`.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_examples::benchmark::{
    BenchmarkConfig, EncoderScores, LearnedScores, NoLearned, compare, summary, table, write_curves, write_defects,
    write_rows,
};
use heatmap_examples::named_encoders::{NamedEncoder, PretrainedName, RunName};
use heatmap_examples::start::fresh_folder;
use heatmap_examples::{Ending, SharedArguments, end, plain_bar, say};
use indicatif::ProgressBar;

/// Measure every score of broken banners, alone and fused, over budgets of clicks
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Seeds, each with layouts and banners of its own; --seed moves all of them
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,

    /// Grids of a seed to learn from, and as many others to score
    #[arg(long, value_name = "N", default_value_t = 12)]
    grids: u64,

    /// Banners of a grid
    #[arg(long, value_name = "N", default_value_t = 250)]
    banners: u64,

    /// Clicks of every banner, several with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [25, 50, 100, 200, 500, 1_000, 5_000])]
    clicks: Vec<u32>,

    /// Share of broken banners
    #[arg(long, value_name = "SHARE", default_value_t = 0.08)]
    prevalence: f64,

    /// Also the cosine to the anchor by features of this run of count, location or simclr; repeatable
    #[arg(long, value_name = "NAME=DIR")]
    run: Vec<RunName>,

    /// The same by published weights, such as resnet50=resnet50-11ad3fa6.pth; repeatable
    #[arg(long, value_name = "MODEL=FILE")]
    pretrained: Vec<PretrainedName>,

    /// The same by a network that was never trained
    #[arg(long)]
    untrained: bool,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let config = arguments.config()?;
    let device = arguments.shared.device.open()?;
    let mut encoders = Vec::new();
    if arguments.untrained {
        encoders.push(NamedEncoder::untrained(0, &device));
    }
    for pretrained in &arguments.pretrained {
        encoders.push(pretrained.open(&device)?);
    }
    for run in &arguments.run {
        encoders.push(run.open(&device)?);
    }
    let folder = fresh_folder(&arguments.shared.out("benchmark"), &config, "benchmark")?;
    // A grid is known or scored, and of each banner every encoder makes an image; without encoders the grids alone count.
    let banners = 2 * config.grids * config.banners * (config.seeds.len() * config.budgets.len()) as u64;
    let bar = plain_bar(banners * (encoders.len() as u64).max(1), "banners");
    let on_image = |done: usize| bar.inc(done as u64);
    let mut learned: Box<dyn LearnedScores> = match encoders.is_empty() {
        true => Box::new(NoLearned),
        false => Box::new(EncoderScores { encoders: &encoders, device: &device, each_batch: &on_image }),
    };
    let per_budget = if encoders.is_empty() { 2 * config.grids * config.banners } else { 0 };
    let comparison = compare(&config, learned.as_mut(), |clicks| tell(&bar, clicks, per_budget))?;
    bar.finish_and_clear();
    write_rows(&folder, &comparison)?;
    write_defects(&folder, &comparison)?;
    write_curves(&folder, &comparison)?;
    folder.write_json("summary.json", &summary(&comparison))?;
    say(&format!("{}\nEverything is in {}.", table(&comparison), folder.path().display()));
    Ok(Ending::Done)
}

fn tell(bar: &ProgressBar, clicks: u32, banners: u64) {
    bar.inc(banners);
    bar.set_message(format!("of {clicks} clicks"));
}

impl Arguments {
    fn config(&self) -> Result<BenchmarkConfig, Box<dyn Error>> {
        let first = self.shared.seed.unwrap_or(0) * 1_000 + 1;
        let mut config = BenchmarkConfig {
            seeds: (first..first + self.seeds).collect(),
            grids: self.grids,
            banners: self.banners,
            budgets: self.clicks.clone(),
            ..Default::default()
        };
        if self.shared.smoke {
            config = BenchmarkConfig {
                seeds: vec![first],
                grids: 3,
                banners: 80,
                budgets: vec![50, 200],
                resamples: 50,
                ..config
            };
        }
        config.population.prevalence = self.prevalence;
        config.check()?;
        Ok(config)
    }
}
