//! The results of a location run: `summary.json`, `report.json` and pictures.

use heatmap_core::Heatmap;
use heatmap_core::plot::{MarkedTile, Tile, marked_montage};
use heatmap_core::synth::Sample;
use serde::Serialize;
use serde_json::{Map, Value};

use super::training_curve::write_training_curve;
use crate::Result;
use crate::evaluation::{LocationBaseline, Thresholds};
use crate::metric::{LocatedMap, LocationReport};
use crate::run::{LocationConfig, MetricsLog, RunFolder, TrainingStats};

/// How accurately a network and the baselines locate clusters.
#[derive(Debug, Clone, Serialize)]
pub struct LocationResults {
    /// Scores of the network.
    pub network: LocationReport,
    /// Thresholds that select centres among the candidates of the network.
    pub thresholds: Thresholds,
    /// The baselines with their fitted settings, and their scores.
    pub baselines: Vec<(LocationBaseline, LocationReport)>,
}

/// The numbers in `summary.json` of a location run. Keys with the scores of a baseline start with
/// its name.
#[derive(Debug, Clone)]
pub struct LocationSummary {
    values: Map<String, Value>,
    rows: Vec<(String, LocationReport)>,
}

impl LocationSummary {
    fn new(
        config: &LocationConfig,
        (stats, best): (TrainingStats, usize),
        results: &LocationResults,
        device: &str,
    ) -> Self {
        let samples = stats.steps * config.fine_tune.batch_size;
        let mut values = Map::new();
        let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
        put("architecture", config.fine_tune.architecture.to_string().into());
        put("preset", config.fine_tune.preset.clone().into());
        put("loss", config.loss.to_string().into());
        put("device", device.into());
        put("samples", samples.into());
        put("seconds", stats.seconds.into());
        put(
            "images_per_second",
            (stats.images as f64 / stats.seconds.max(f64::MIN_POSITIVE)).into(),
        );
        put("batches", stats.steps.into());
        put("best_batch", best.into());
        put("min_probability", results.thresholds.min_probability.into());
        put("evaluated_samples", results.network.maps.into());
        let mut rows = vec![(String::new(), results.network.clone())];
        rows.extend(
            results
                .baselines
                .iter()
                .map(|(baseline, report)| (baseline.name().to_owned(), report.clone())),
        );
        for (name, report) in &rows {
            let prefix = if name.is_empty() { String::new() } else { format!("{name}_") };
            let mut put =
                |metric: &str, value: Value| values.insert(format!("{prefix}{metric}"), value);
            // Null when no map has a pair of a true and a predicted centre.
            put("rmse_bins", report.rmse_bins.map_or(Value::Null, Value::from));
            put("rmse_px", report.rmse_px.map_or(Value::Null, Value::from));
            put("f1_2bins", report.f1_2bins.into());
            put("cardinality_accuracy", report.cardinality_accuracy.into());
            put("chamfer", report.chamfer_bins.into());
        }
        Self { values, rows }
    }

    /// Formats the summary as a table to print.
    pub fn table(&self) -> String {
        let head = ["", "RMSE, bins", "F1 at 2 bins", "right number", "Chamfer, bins"];
        let mut text = format!(
            "{:<20}{:>12}{:>14}{:>14}{:>15}\n",
            head[0], head[1], head[2], head[3], head[4]
        );
        for (name, report) in &self.rows {
            let name = if name.is_empty() { "network".to_owned() } else { name.replace('_', " ") };
            let rmse = report.rmse_bins.map_or("-".to_owned(), |rmse| format!("{rmse:.2}"));
            let LocationReport { f1_2bins, cardinality_accuracy, chamfer_bins, .. } = report;
            text += &format!(
                "{name:<20}{rmse:>12}{f1_2bins:>14.3}{cardinality_accuracy:>14.3}\
                 {chamfer_bins:>15.2}\n"
            );
        }
        let number = |name: &str| self.values[name].as_f64().unwrap_or(f64::NAN);
        text += &format!(
            "{} held-out samples; trained on {} samples in {:.0} s ({:.1} images/s), best after \
             batch {} of {}",
            self.values["evaluated_samples"],
            self.values["samples"],
            number("seconds"),
            number("images_per_second"),
            self.values["best_batch"],
            self.values["batches"],
        );
        text
    }
}

/// Writes `report.json`, `summary.json` and the training curves of a location run to `folder`, and
/// returns the summary. `run` is the statistics of the training and the step whose checkpoint is
/// the result; `device` is the name of the device.
///
/// # Errors
/// Returns an error when the log of the run cannot be read, or when a file cannot be written.
pub fn write_location(
    folder: &RunFolder,
    config: &LocationConfig,
    run: (TrainingStats, usize),
    results: &LocationResults,
    device: &str,
) -> Result<LocationSummary> {
    folder.write_json("report.json", results)?;
    let lines = MetricsLog::read(&folder.file("metrics.jsonl"))?;
    write_training_curve(folder, &lines, "loss", "loss", "loss.png")?;
    write_training_curve(folder, &lines, "f1_2bins", "F1 within 2 bins", "f1.png")?;
    let summary = LocationSummary::new(config, run, results, device);
    folder.write_json("summary.json", &summary.values)?;
    Ok(summary)
}

/// Writes `montage.png`: the first 16 held-out samples with true and predicted centres.
///
/// # Errors
/// Returns an error when the picture cannot be written.
///
/// # Panics
/// Panics when `located` has fewer maps than the samples shown.
pub fn write_location_montage(
    folder: &RunFolder,
    config: &LocationConfig,
    samples: &[Sample],
    located: &[LocatedMap],
) -> Result<()> {
    let few = 16.min(samples.len());
    let seen: Vec<Heatmap> = samples[..few]
        .iter()
        .map(|sample| config.fine_tune.image.scaled(&sample.heatmap))
        .collect();
    let label =
        |map: &LocatedMap| format!("{} there, {} found", map.truth.len(), map.predicted.len());
    let labels: Vec<String> = located[..few].iter().map(label).collect();
    let tiles: Vec<MarkedTile<'_>> = (0..few)
        .map(|at| MarkedTile {
            tile: Tile { label: &labels[at], heatmap: &seen[at] },
            truth: &located[at].truth,
            predicted: &located[at].predicted,
        })
        .collect();
    let title = format!("{}: held-out samples", config.fine_tune.preset);
    Ok(marked_montage(&title, &tiles, 4)?.save_png(&folder.file("montage.png"))?)
}
