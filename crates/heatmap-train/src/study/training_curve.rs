//! [`write_training_curve`]: a metric over the batches.

use heatmap_core::plot::{Curve, curves};

use crate::Result;
use crate::run::{MetricsLine, RunFolder};

/// Draws a metric on training batches and on held-out samples over the batches.
///
/// # Errors
/// When the log has no such metric or the picture cannot be written.
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
