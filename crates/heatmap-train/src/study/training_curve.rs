//! [`write_training_curve`]: draws a metric over the steps of a run.

use heatmap_core::plot::{Curve, curves};

use crate::Result;
use crate::run::{MetricsLine, RunFolder};

/// Draws a metric over the steps of a run: one curve for the training batches and one for the
/// validation samples.
///
/// `lines` is the log of the run, and `metric` the name of the metric in the log. `called` is the
/// title of the picture and the label of its vertical axis. The picture is written to `file` in
/// `folder`.
///
/// # Errors
/// Returns an error when the log has no value of the metric, or when the picture cannot be written.
pub fn write_training_curve(
    folder: &RunFolder,
    lines: &[MetricsLine],
    metric: &str,
    called: &str,
    file: &str,
) -> Result<()> {
    let points = |split: &str| -> Vec<(f64, f64)> {
        let of_split = lines.iter().filter(|line| line.split == split);
        of_split.filter_map(|line| Some((line.step as f64, *line.values.get(metric)?))).collect()
    };
    let (train, valid) = (points("train"), points("valid"));
    let both = [
        Curve { name: "training", points: &train },
        Curve { name: "held-out samples", points: &valid },
    ];
    Ok(curves(called, "batch", called, &both)?.save_png(&folder.file(file))?)
}
