//! Draws every class of every preset, the effect of upsampling, and measures what the total of
//! clicks tells; or draws the banners of a click table.
//!
//! ```text
//! cargo run --release --example gallery
//! cargo run --release --example gallery -- --clicks clicks.csv
//! ```
//!
//! A few seconds. Leaves `<preset>.png`, `upsampling.png` and `heatmap.png`, or `clicks.png`, with
//! `config.json`, `metrics.jsonl` and `summary.json` in `--out`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::synth::PRESET_NAMES;
use heatmap_core::table::ClickLogConfig;
use heatmap_examples::{Ending, SharedArguments, TableArguments, Terminal, end, fresh_folder, say};
use heatmap_train::run::RunFolder;
use heatmap_train::study::{PresetGallery, read_log, write_banner_gallery};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Draw every class of every preset and measure what the total of clicks alone tells about the
/// class; or draw the banners of a click table
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Heatmaps of each class
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=20))]
    per_class: u64,

    /// Draw the banners of this click table, as detect reads them, instead of the presets;
    /// repeatable
    #[arg(long, value_name = "FILE")]
    clicks: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

    /// Edge of a bin of the click table's heatmaps, in px
    #[arg(long, value_name = "PX", default_value_t = 5.0)]
    bin_size: f64,
}

/// `config.json`.
#[derive(Debug, Serialize)]
struct Config {
    #[serde(flatten)]
    gallery: PresetGallery,
    presets: [&'static str; 7],
    clicks: Vec<PathBuf>,
    log: ClickLogConfig,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    // Nothing here runs on a device, but a name that cannot work is an error in every example.
    arguments.shared.open_device()?;
    arguments.tables.check_read(!arguments.clicks.is_empty())?;
    let mut log = ClickLogConfig { bin_size_px: arguments.bin_size, ..Default::default() };
    arguments.tables.overlay(&mut log.unit, &mut log.format)?;
    let config = Config {
        gallery: PresetGallery {
            seed: arguments.shared.output.seed.unwrap_or(0),
            per_class: arguments.per_class,
            baseline_samples: if arguments.shared.output.smoke { 500 } else { 10_000 },
        },
        presets: PRESET_NAMES,
        clicks: arguments.clicks.clone(),
        log,
    };
    // Read before anything is written, so that a broken row leaves no folder behind.
    let log = match &config.clicks[..] {
        [] => None,
        clicks => Some(read_log(clicks, &config.log, &Terminal::default())?),
    };
    let folder = fresh_folder(&arguments.shared.output.out("gallery"), &config, "run")?;
    let told = match log {
        Some(log) => write_banner_gallery(&folder, &log)?,
        None => show_presets(&folder, &config)?,
    };
    say(&format!("{told}\nPictures are in {}.", folder.path().display()));
    Ok(Ending::Done)
}

/// Draws all presets; gives the table of what the total of clicks tells.
fn show_presets(folder: &RunFolder, config: &Config) -> Result<String, Box<dyn Error>> {
    let bar = ProgressBar::new(PRESET_NAMES.len() as u64);
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} presets  {msg}  {eta} left")?;
    bar.set_style(style.progress_chars("=> "));
    let table = config.gallery.write(folder, |name| {
        bar.set_message(name.to_owned());
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    Ok(table)
}
