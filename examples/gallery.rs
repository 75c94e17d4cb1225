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

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::plot::{Tile, heatmap, montage};
use heatmap_core::synth::{PRESET_NAMES, Preset, Sample, Span, total_clicks_baseline};
use heatmap_core::table::{BannerHeatmap, ClickLog, DropReason};
use heatmap_core::{Normalization, Upsampling, sample_rng, write_atomically};
use heatmap_examples::start::fresh_folder;
use heatmap_examples::{Ending, SharedArguments, Terminal, end, say};
use heatmap_train::run::RunFolder;
use heatmap_train::study::read_log;
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

    /// Draw the banners of this click table (CSV, or Parquet) instead of the presets
    #[arg(long, value_name = "FILE")]
    clicks: Option<PathBuf>,

    /// Edge of a bin of the click table's heatmaps, in px
    #[arg(long, value_name = "PX", default_value_t = 5.0)]
    bin_size: f64,
}

/// `config.json`.
#[derive(Debug, Serialize)]
struct Config {
    seed: u64,
    per_class: u64,
    baseline_samples: u64,
    presets: [&'static str; 7],
    clicks: Option<PathBuf>,
    bin_size_px: f64,
}

/// Banners on one picture at most, those with the most clicks.
const MAX_BANNERS: usize = 64;

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    // Nothing here runs on a device, but a name that cannot work is an error in every example.
    arguments.shared.device.open()?;
    let config = Config {
        seed: arguments.shared.seed.unwrap_or(0),
        per_class: arguments.per_class,
        baseline_samples: if arguments.shared.smoke { 500 } else { 10_000 },
        presets: PRESET_NAMES,
        clicks: arguments.clicks.clone(),
        bin_size_px: arguments.bin_size,
    };
    // Read before anything is written, so that a broken row leaves no folder behind.
    let read = |path| read_log(path, arguments.bin_size, &Terminal::default());
    let log = arguments.clicks.as_deref().map(read).transpose()?;
    let folder = fresh_folder(&arguments.shared.out("gallery"), &config, "run")?;
    match log {
        Some(log) => show_banners(&folder, &log)?,
        None => show_presets(&folder, &config)?,
    }
    say(&format!("Pictures are in {}.", folder.path().display()));
    Ok(Ending::Done)
}

fn show_presets(folder: &RunFolder, config: &Config) -> Result<(), Box<dyn Error>> {
    let mut summary = BTreeMap::new();
    let bar = ProgressBar::new(PRESET_NAMES.len() as u64);
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} presets  {msg}  {eta} left")?;
    bar.set_style(style.progress_chars("=> "));
    for name in PRESET_NAMES {
        bar.set_message(name);
        let preset = Preset::named(name)?;
        draw_classes(folder, &preset, config)?;
        let baseline = total_clicks_baseline(&preset, config.seed, config.baseline_samples);
        summary.insert(format!("{name}.classes"), preset.num_classes() as f64);
        summary.insert(format!("{name}.total_clicks_accuracy"), baseline.accuracy);
        summary.insert(format!("{name}.chance_accuracy"), baseline.chance);
        bar.inc(1);
    }
    bar.finish_and_clear();
    draw_upsampling(folder, config.seed)?;
    write_atomically(&folder.file("metrics.jsonl"), |out| {
        PRESET_NAMES.iter().try_for_each(|name| {
            let accuracy = summary[&format!("{name}.total_clicks_accuracy")];
            writeln!(
                out,
                "{}",
                serde_json::json!({"preset": name, "total_clicks_accuracy": accuracy})
            )
        })
    })?;
    folder.write_json("summary.json", &summary)?;
    say("preset               classes   accuracy from the total of clicks   guessing");
    for name in PRESET_NAMES {
        let of = |what: &str| summary[&format!("{name}.{what}")];
        let (accuracy, chance) = (of("total_clicks_accuracy"), of("chance_accuracy"));
        say(&format!("{name:<20}{:>8}{accuracy:>36.3}{chance:>11.3}", of("classes")));
    }
    Ok(())
}

/// The banners with the most clicks.
fn show_banners(folder: &RunFolder, log: &ClickLog) -> Result<(), Box<dyn Error>> {
    let mut most: Vec<(Reverse<u64>, usize)> =
        log.keys().map(|entry| Reverse(entry.clicks)).zip(0..).collect();
    most.sort_unstable();
    most.truncate(MAX_BANNERS);
    // In the order of the log, of which one heatmap after another is in memory.
    let mut shown = Vec::with_capacity(most.len());
    for (at, banner) in log.banners().enumerate() {
        let BannerHeatmap { banner, clicks, heatmap, .. } = banner?;
        if let Some(place) = most.iter().position(|(_, wanted)| *wanted == at) {
            let label = format!("{} {}: {clicks}", banner.domain, banner.grid_id);
            shown.push((place, label, heatmap.normalized(Normalization::Sqrt)));
        }
    }
    shown.sort_by_key(|(place, ..)| *place);
    let tiles: Vec<Tile<'_>> =
        shown.iter().map(|(_, label, heatmap)| Tile { label, heatmap }).collect();
    let title = format!("the {} banners with the most clicks, of {}", tiles.len(), log.len());
    montage(&title, &tiles, 6)?.save_png(&folder.file("clicks.png"))?;
    let outside =
        log.drops().by_reason().iter().find(|dropped| dropped.reason == DropReason::OutsideBanner);
    let (clicks, outside) = (log.clicks(), outside.map_or(0, |dropped| dropped.clicks));
    let summary =
        serde_json::json!({"banners": log.len(), "clicks": clicks, "outside_clicks": outside});
    write_atomically(&folder.file("metrics.jsonl"), |out| writeln!(out, "{summary}"))?;
    folder.write_json("summary.json", &summary)?;
    say(&format!("{} banners, {clicks} clicks on them and {outside} outside.", log.len()));
    Ok(())
}

fn draw_classes(
    folder: &RunFolder,
    preset: &Preset,
    config: &Config,
) -> Result<(), Box<dyn Error>> {
    let classes = 0..preset.num_classes();
    let samples: Vec<Sample> = classes
        .flat_map(|class| (0..config.per_class).map(move |index| (class, index)))
        .map(|(class, index)| preset.sample_of_class(config.seed, class, index))
        // Scaled so that wide clusters show beside narrow ones.
        .map(|sample| Sample { heatmap: sample.heatmap.normalized(Normalization::Sqrt), ..sample })
        .collect();
    let tiles: Vec<Tile<'_>> = samples
        .iter()
        .map(|sample| Tile { label: &preset.classes[sample.class].name, heatmap: &sample.heatmap })
        .collect();
    // Rows that hold whole classes, about eight heatmaps wide.
    let columns = (8 / config.per_class).max(1) * config.per_class;
    montage(&preset.name, &tiles, columns as usize)?
        .save_png(&folder.file(&format!("{}.png", preset.name)))?;
    Ok(())
}

/// One banner of 200 clicks, as it is and upsampled.
fn draw_upsampling(folder: &RunFolder, seed: u64) -> Result<(), Box<dyn Error>> {
    let sparse = Preset::banners(0.0, Span::only(200))?.sample(seed, 0).heatmap;
    let upsampled = Upsampling::default().apply(&sparse, &mut sample_rng(seed, 0))?;
    let tiles = [
        Tile { label: "200 clicks", heatmap: &sparse },
        Tile { label: "upsampled to 50,000", heatmap: &upsampled },
    ];
    montage("upsampling", &tiles, 2)?.save_png(&folder.file("upsampling.png"))?;
    heatmap("a good banner, upsampled", &upsampled)?.save_png(&folder.file("heatmap.png"))?;
    Ok(())
}
