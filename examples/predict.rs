//! Applies the network of a finished `count` or `location` run to banners.
//!
//! ```text
//! cargo run --release --example predict -- --run runs/count --clicks clicks.csv
//! cargo run --release --example predict -- --run runs/location --samples 500
//! ```
//!
//! It leaves `predictions.csv` (a row for each banner: the count with the probability of every
//! count, or the centres in px of the display size), `montage.png` (the first banners as the
//! network sees them, with crosses where it finds a centre), `summary.json` and `config.json` in
//! `--out`.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::table::{ClickLogConfig, CoordinateUnit, TableFormat};
use heatmap_examples::fine_tune::smoke;
use heatmap_examples::{
    Ending, SharedArguments, TableArguments, Terminal, end, fresh_folder, say, say_how_read,
};
use heatmap_models::burn::tensor::Device;
use heatmap_train::data::Split;
use heatmap_train::run::{CountConfig, RunConfig, RunFolder, load_run};
use heatmap_train::study::{PredictionInput, log_config, predict, run_count};
use serde::Serialize;

/// Count or locate the clusters of banners with a network that was trained
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Folder of a finished count or location run
    #[arg(long, value_name = "DIR", required_unless_present = "smoke")]
    run: Option<PathBuf>,

    /// Click table, as detect reads them; repeatable [default: new samples of the preset that the
    /// network was trained on]
    #[arg(long, value_name = "FILE")]
    clicks: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

    /// Leave out banners with fewer clicks
    #[arg(long, value_name = "N", default_value_t = 20)]
    min_clicks: u64,

    /// New samples of the preset, where no click table is given
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    samples: usize,
}

/// `config.json`.
#[derive(Serialize)]
struct Config<'a> {
    run: &'a Path,
    clicks: &'a [PathBuf],
    min_clicks: u64,
    unit: CoordinateUnit,
    format: TableFormat,
    samples: usize,
    seed: u64,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let terminal = Terminal::handle_ctrl_c()?;
    let output = &arguments.shared.output;
    arguments.tables.check_read(!arguments.clicks.is_empty())?;
    let (mut unit, mut format) = (CoordinateUnit::default(), TableFormat::default());
    arguments.tables.overlay(&mut unit, &mut format)?;
    let out = output.checked_out("predict")?;
    let device = arguments.shared.open_device()?;
    let seed = output.seed.unwrap_or(0);
    let path = match &arguments.run {
        Some(path) => path.clone(),
        None => tiny_run(&out, &device, &terminal)?,
    };
    let finished = load_run(&path, &device)?;
    let log = match &arguments.clicks[..] {
        [] => None,
        clicks => {
            let config = ClickLogConfig {
                min_clicks: arguments.min_clicks,
                unit,
                format: format.clone(),
                ..log_config(&finished)
            };
            let log = config.read(clicks, &mut |_| ControlFlow::Continue(()))?;
            say_how_read(&log.assumptions(), &log.warnings());
            Some(log)
        }
    };
    let samples = if output.smoke { 8 } else { arguments.samples };
    let input = match &log {
        Some(log) => PredictionInput::Log(log),
        None => PredictionInput::Samples { seed: Split::Test.seed(seed), count: samples },
    };
    let Arguments { clicks, min_clicks, .. } = arguments;
    let config =
        Config { run: &path, clicks, min_clicks: *min_clicks, unit, format, samples, seed };
    let folder = fresh_folder(&out, &config, "predictions")?;
    let summary = predict(&folder, &finished, &input, &device, &terminal)?;
    say(&format!(
        "{} banners, {:.2} clusters on average, by a {} that was trained on {}.",
        summary.banners, summary.mean_count, summary.architecture, summary.trained_on
    ));
    if let Some(exact) = summary.exact_accuracy {
        say(&format!("The number is right in {:.1} % of the samples.", 100.0 * exact));
    }
    say(&format!("predictions.csv and montage.png are in {}.", folder.path().display()));
    Ok(Ending::Done)
}

/// Trains the smallest network that counts, for `--smoke` without a run.
fn tiny_run(out: &Path, device: &Device, terminal: &Terminal) -> Result<PathBuf, Box<dyn Error>> {
    let mut path = out.as_os_str().to_owned();
    path.push("-run");
    let path = PathBuf::from(path);
    let mut config = CountConfig::published_recipe();
    config.fine_tune = smoke(config.fine_tune);
    let start = config.resolve()?;
    let (folder, _) = RunFolder::create(&path, &config)?;
    run_count(&folder, (&config, &start), ("cpu", device), None, terminal)?;
    Ok(path)
}
