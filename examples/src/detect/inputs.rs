//! The tables that `detect` reads.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use heatmap_core::detect::{Known, LogDetection, LogDetectionConfig};
use heatmap_core::table::{ClickLog, ClickLogConfig, LabelTable, MetricsTable};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{plain_bar, unless_stopped};

/// The tables as they were read.
#[derive(Debug)]
pub struct Inputs {
    /// The clicks.
    pub log: ClickLog,
    /// What else is known of the banners.
    pub known: Known,
    /// Banners of the log that the metrics table and the label table have, too.
    pub joined: [usize; 2],
}

/// Reads all of them, with a bar. Ctrl-C, that is `stop`, ends it with an error.
///
/// # Errors
/// When a table cannot be read; the error names it.
pub fn read_inputs(
    config: &ClickLogConfig,
    clicks: &[PathBuf],
    metrics: &[PathBuf],
    labels: &[PathBuf],
    stop: &AtomicBool,
) -> Result<Inputs, Box<dyn Error>> {
    // The small tables first: what is wrong with them is known before minutes of reading.
    let metrics = if metrics.is_empty() { None } else { Some(MetricsTable::read(metrics)?) };
    let labels = if labels.is_empty() { None } else { Some(LabelTable::read(labels)?) };
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template(
        "{bar:24} {bytes}/{total_bytes}  {msg}  {bytes_per_sec}  {eta} left",
    );
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    let log = config.read(clicks, &mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_read);
        bar.set_message(format!("{} rows", progress.rows));
        unless_stopped(stop)
    })?;
    bar.finish_and_clear();
    let keys = || log.keys().map(|entry| entry.banner);
    let joined = [
        metrics
            .as_ref()
            .map_or(0, |table| keys().filter(|banner| table.get(banner).is_some()).count()),
        labels
            .as_ref()
            .map_or(0, |table| keys().filter(|banner| table.get(banner).is_some()).count()),
    ];
    Ok(Inputs { log, known: Known { metrics, labels, examples: Vec::new() }, joined })
}

/// Scores and flags the banners of `log`, with a bar. Ctrl-C, that is `stop`, ends it with an
/// error.
///
/// # Errors
/// As [`LogDetectionConfig::run`].
pub fn detect_with_bar(
    config: &LogDetectionConfig,
    log: &ClickLog,
    known: &Known,
    stop: &AtomicBool,
) -> Result<LogDetection, Box<dyn Error>> {
    let bar = plain_bar(log.len() as u64, "banners scored");
    let detection = config.run(log, known, &mut |done| {
        bar.set_position(done as u64);
        unless_stopped(stop)
    })?;
    bar.finish_and_clear();
    Ok(detection)
}

/// Whether it was the user who ended it.
pub fn was_stopped(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(heatmap_core::Error::Stopped))
}
