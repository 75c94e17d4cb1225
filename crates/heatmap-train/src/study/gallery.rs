//! [`PresetGallery`] and [`write_banner_gallery`]: pictures of the presets and of the banners of a
//! click log.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use heatmap_core::plot::{Tile, heatmap, montage};
use heatmap_core::synth::{PRESET_NAMES, Preset, Sample, Span, total_clicks_baseline};
use heatmap_core::table::{BannerHeatmap, ClickLog, DropReason};
use heatmap_core::{Normalization, Upsampling, sample_rng, write_atomically};
use serde::Serialize;

use crate::Result;
use crate::run::RunFolder;

/// Largest number of banners in one picture; those with the most clicks are shown.
const MAX_BANNERS: usize = 64;

/// Settings of the pictures of the presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PresetGallery {
    /// Seed of all samples.
    pub seed: u64,
    /// Number of heatmaps drawn for each class.
    pub per_class: u64,
    /// Number of samples on which the classes are fitted to the total number of clicks, to measure
    /// how well that number alone predicts the class. The same number of other samples is scored.
    pub baseline_samples: u64,
}

impl PresetGallery {
    /// Draws samples of all presets and the effect of upsampling, and measures how well the total
    /// number of clicks predicts the class. It writes `<preset>.png`, `upsampling.png`,
    /// `heatmap.png`, `metrics.jsonl` and `summary.json` to `folder`, and returns a table to print.
    /// `each_preset` is called with the name of every preset that is done.
    ///
    /// # Errors
    /// Returns an error when a picture cannot be drawn, or when a file cannot be written.
    ///
    /// # Panics
    /// Panics when `per_class` or `baseline_samples` is 0.
    pub fn write(&self, folder: &RunFolder, mut each_preset: impl FnMut(&str)) -> Result<String> {
        let mut summary = BTreeMap::new();
        for name in PRESET_NAMES {
            let preset = Preset::named(name)?;
            self.draw_classes(folder, &preset)?;
            let baseline = total_clicks_baseline(&preset, self.seed, self.baseline_samples);
            summary.insert(format!("{name}.classes"), preset.num_classes() as f64);
            summary.insert(format!("{name}.total_clicks_accuracy"), baseline.accuracy);
            summary.insert(format!("{name}.chance_accuracy"), baseline.chance);
            each_preset(name);
        }
        self.draw_upsampling(folder)?;
        write_atomically(&folder.file("metrics.jsonl"), |out| {
            PRESET_NAMES.iter().try_for_each(|name| {
                let accuracy = summary[&format!("{name}.total_clicks_accuracy")];
                let line = serde_json::json!({"preset": name, "total_clicks_accuracy": accuracy});
                writeln!(out, "{line}")
            })
        })?;
        folder.write_json("summary.json", &summary)?;
        let mut table =
            "preset               classes   accuracy from the total of clicks   guessing"
                .to_owned();
        for name in PRESET_NAMES {
            let of = |what: &str| summary[&format!("{name}.{what}")];
            let (accuracy, chance) = (of("total_clicks_accuracy"), of("chance_accuracy"));
            table += &format!("\n{name:<20}{:>8}{accuracy:>36.3}{chance:>11.3}", of("classes"));
        }
        Ok(table)
    }

    fn draw_classes(&self, folder: &RunFolder, preset: &Preset) -> Result<()> {
        let classes = 0..preset.num_classes();
        let samples: Vec<Sample> = classes
            .flat_map(|class| (0..self.per_class).map(move |index| (class, index)))
            .map(|(class, index)| preset.sample_of_class(self.seed, class, index))
            // The square root keeps wide clusters visible beside narrow ones.
            .map(|sample| Sample {
                heatmap: sample.heatmap.normalized(Normalization::Sqrt),
                ..sample
            })
            .collect();
        let label = |sample: &Sample| &preset.classes[sample.class].name;
        let tiles: Vec<Tile<'_>> = samples
            .iter()
            .map(|sample| Tile { label: label(sample), heatmap: &sample.heatmap })
            .collect();
        // About eight heatmaps per row, so that a row holds whole classes.
        let columns = (8 / self.per_class).max(1) * self.per_class;
        let picture = montage(&preset.name, &tiles, columns as usize)?;
        Ok(picture.save_png(&folder.file(&format!("{}.png", preset.name)))?)
    }

    /// Writes `upsampling.png` with a banner of 200 clicks before and after upsampling, and
    /// `heatmap.png` with the upsampled one alone.
    fn draw_upsampling(&self, folder: &RunFolder) -> Result<()> {
        let sparse = Preset::banners(0.0, Span::only(200))?.sample(self.seed, 0).heatmap;
        let upsampled = Upsampling::default().apply(&sparse, &mut sample_rng(self.seed, 0))?;
        let tiles = [
            Tile { label: "200 clicks", heatmap: &sparse },
            Tile { label: "upsampled to 50,000", heatmap: &upsampled },
        ];
        montage("upsampling", &tiles, 2)?.save_png(&folder.file("upsampling.png"))?;
        let picture = heatmap("a good banner, upsampled", &upsampled)?;
        Ok(picture.save_png(&folder.file("heatmap.png"))?)
    }
}

/// Draws up to 64 banners of a log, those with the most clicks. It writes `clicks.png`,
/// `metrics.jsonl` and `summary.json` to `folder`, and returns a sentence to print.
///
/// # Errors
/// Returns an error when a file cannot be written, or when a temporary file of the log cannot be
/// read.
pub fn write_banner_gallery(folder: &RunFolder, log: &ClickLog) -> Result<String> {
    let mut most: Vec<(Reverse<u64>, usize)> =
        log.keys().map(|entry| Reverse(entry.clicks)).zip(0..).collect();
    most.sort_unstable();
    most.truncate(MAX_BANNERS);
    // The log holds only one heatmap at a time in memory, so it is read in its own order.
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
    Ok(format!("{} banners, {clicks} clicks on them and {outside} outside.", log.len()))
}
