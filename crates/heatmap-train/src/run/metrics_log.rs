//! `metrics.jsonl`: a log with one JSON object per line, for every training step and every
//! validation. It can be read while the run continues, and after a crash.
//!
//! The same numbers are written to the folder `events` beside it in TensorBoard's format, with the
//! tags `train/<name>` and `valid/<name>`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use burn::train::logger::MetricLogger;
use burn::train::metric::store::{Aggregate, EpochSummary, EventStoreClient, MetricsUpdate, Split};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use heatmap_core::{crash_point, write_atomically};
use serde::{Deserialize, Serialize};

use super::event_file::EventFile;
use crate::{Error, Result};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// Split that the metrics are of: `train` or `valid`.
    pub split: String,
    /// Number of steps done.
    pub step: usize,
    /// Seconds since the run was started or last resumed.
    pub seconds: f64,
    /// Metrics by name, without those that are not finite.
    #[serde(flatten)]
    pub values: BTreeMap<String, f64>,
}

/// A metric logger for burn-train that writes the log and the event file.
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    /// `None` after a failure, because nothing after a partial record can be read.
    events: Option<EventFile>,
    started: Instant,
    step: usize,
    names: HashMap<MetricId, String>,
    /// Why a line could not be written; no line is written after it.
    failure: Option<std::io::Error>,
}

impl MetricsLog {
    /// Opens the log at `path`, to continue after `step`. Lines of later steps, and a last line
    /// that a crash cut short, are removed. A new event file is created in the folder `events`
    /// beside the log.
    ///
    /// # Errors
    /// Returns an error when the log cannot be read, or when log or event file cannot be written.
    pub fn open(path: &Path, step: usize) -> Result<Self> {
        if path.exists() {
            let text = fs::read_to_string(path).map_err(Error::io(path))?;
            // The text of lines is kept, because a number that is parsed and formatted again might
            // differ in its last digit.
            let kept = whole_lines(path, &text)?.into_iter().filter(|(_, line)| line.step <= step);
            let kept: String = kept.map(|(text, _)| text).collect();
            write_atomically(path, |out| out.write_all(kept.as_bytes()))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(Error::io(path))?;
        let events = Some(EventFile::create(&path.with_file_name("events"), step)?);
        let (path, names) = (path.to_owned(), HashMap::new());
        Ok(Self { path, file, events, started: Instant::now(), step, names, failure: None })
    }

    /// Reads all complete lines of a log.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, or when a line is not valid, unless it is the
    /// last and was cut short.
    pub fn read(path: &Path) -> Result<Vec<MetricsLine>> {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        Ok(whole_lines(path, &text)?.into_iter().map(|(_, line)| line).collect())
    }

    fn name(&self, id: &MetricId) -> String {
        self.names.get(id).cloned().unwrap_or_default()
    }

    fn write(&mut self, split: &str, step: usize, mut values: BTreeMap<String, f64>) {
        if self.failure.is_some() {
            // Nothing after a partial line can be read.
            return;
        }
        // JSON has no NaN and no infinity, and a line that cannot be read would end a resumed run.
        values.retain(|_, value| value.is_finite());
        let seconds = self.started.elapsed().as_secs_f64();
        let line = MetricsLine { split: split.to_owned(), step, seconds, values };
        let text = serde_json::to_string(&line).unwrap_or_default() + "\n";
        // Delays the log as a busy machine would, so that tests notice code that does not wait for
        // it.
        #[cfg(test)]
        std::thread::sleep(std::time::Duration::from_millis(2));
        crash_point();
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // Reported before the next checkpoint, because the log would lack lines up to its step.
            self.failure = Some(error);
            return;
        }
        if let Some(events) = &mut self.events {
            let values =
                line.values.iter().map(|(name, value)| (format!("{}/{name}", line.split), *value));
            if let Err(error) = events.write(line.step, values) {
                log::warn!("events: {error}; no more will be written there");
                self.events = None;
            }
        }
    }
}

/// A name that no metric has; it is requested only to get an answer.
const NO_METRIC: &str = "";

/// Waits until every line that was sent to the log through `store` is written. The store has one
/// thread, which writes the log and answers requests in the order in which they were sent;
/// burn-train's flush does not wait for it.
pub(super) fn wait_for_lines(store: &EventStoreClient) {
    store.find_metric(NO_METRIC, 1, Aggregate::Mean, &Split::Train);
}

impl MetricLogger for MetricsLog {
    /// Writes a line for every training step, and one at the end of every validation.
    fn log(&mut self, update: MetricsUpdate, _epoch: usize, split: &Split) {
        let mut finals = BTreeMap::new();
        let mut values = BTreeMap::new();
        for numeric in &update.entries_numeric {
            let name = self.name(&numeric.entry.metric_id);
            match &numeric.numeric_entry {
                Some(NumericEntry::Final(value)) => finals.insert(name, *value),
                Some(entry) => values.insert(name, entry.current()),
                None => None,
            };
        }
        match split {
            Split::Train if !values.is_empty() => {
                self.step += 1;
                self.write("train", self.step, values);
            }
            Split::Valid if !finals.is_empty() => self.write("valid", self.step, finals),
            _ => {}
        }
    }

    fn read_numeric(
        &mut self,
        name: &str,
        _epoch: usize,
        _split: &Split,
    ) -> std::result::Result<Vec<NumericEntry>, String> {
        if name == NO_METRIC {
            return Ok(Vec::new());
        }
        Err(format!("`{name}` is in metrics.jsonl, and is not read back while the run goes on"))
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        let name = definition.name.to_lowercase().replace(' ', "_");
        self.names.insert(definition.metric_id, name);
    }

    fn log_epoch_summary(&mut self, _summary: EpochSummary) {}
}

/// Returns the complete lines of a log, as text and parsed.
fn whole_lines<'a>(path: &Path, text: &'a str) -> Result<Vec<(&'a str, MetricsLine)>> {
    let mut lines = Vec::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        match serde_json::from_str(line) {
            Ok(said) => lines.push((line, said)),
            // Only the last line can lack its line break, when a crash cut it short.
            Err(_) if !line.ends_with('\n') => {}
            Err(error) => return Err(Error::bad_file(path, format!("line {}: {error}", at + 1))),
        }
    }
    Ok(lines)
}

/// A [`MetricsLog`] that burn-train and the training loop share.
#[derive(Clone)]
pub(super) struct SharedLog(Arc<Mutex<MetricsLog>>);

impl SharedLog {
    pub(super) fn new(log: MetricsLog) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    fn lock(&self) -> MutexGuard<'_, MetricsLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line in addition to those of burn-train.
    pub(super) fn write(&self, split: &str, step: usize, values: BTreeMap<String, f64>) {
        self.lock().write(split, step, values);
    }

    /// Checks that all lines could be written.
    ///
    /// # Errors
    /// Returns an error when a line could not be written.
    pub(super) fn check(&self) -> Result<()> {
        let mut log = self.lock();
        match log.failure.take() {
            Some(error) => Err(Error::io(&log.path)(error)),
            None => Ok(()),
        }
    }
}

impl MetricLogger for SharedLog {
    fn log(&mut self, update: MetricsUpdate, epoch: usize, split: &Split) {
        self.lock().log(update, epoch, split);
    }

    fn read_numeric(
        &mut self,
        name: &str,
        epoch: usize,
        split: &Split,
    ) -> std::result::Result<Vec<NumericEntry>, String> {
        self.lock().read_numeric(name, epoch, split)
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.lock().log_metric_definition(definition);
    }

    fn log_epoch_summary(&mut self, summary: EpochSummary) {
        self.lock().log_epoch_summary(summary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        "{\"split\":\"train\",\"step\":1,\"seconds\":0.5,\"loss\":2.5}\n",
        "{\"split\":\"train\",\"step\":2,\"seconds\":1.0,\"loss\":2.25}\n",
        "{\"split\":\"train\",\"step\":3,\"seco",
    );

    #[test]
    fn a_log_goes_on_after_the_step_of_the_checkpoint() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("metrics.jsonl");
        fs::write(&path, LINES).unwrap();
        let steps = |path: &Path| {
            MetricsLog::read(path).unwrap().iter().map(|line| line.step).collect::<Vec<_>>()
        };
        assert_eq!(steps(&path), [1, 2]);
        let mut log = MetricsLog::open(&path, 1).unwrap();
        assert!(LINES.starts_with(&fs::read_to_string(&path).unwrap()) && steps(&path) == [1]);
        log.write("train", 2, BTreeMap::from([("loss".to_owned(), 2.0)]));
        assert_eq!(steps(&path), [1, 2]);
        assert_eq!(MetricsLog::read(&path).unwrap()[1].values["loss"], 2.0);
    }

    #[test]
    fn numbers_go_to_events_too_until_those_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        let values = BTreeMap::from([("loss".to_owned(), 2.0)]);
        log.write("train", 1, values.clone());
        log.write("valid", 1, values.clone());
        let events =
            fs::read_dir(root.path().join("events")).unwrap().next().unwrap().unwrap().path();
        let content = fs::read(&events).unwrap();
        for tag in ["train/loss", "valid/loss"] {
            let found = content.windows(tag.len()).filter(|bytes| *bytes == tag.as_bytes()).count();
            assert_eq!(found, 1, "{tag}");
        }
        log.events = Some(EventFile::unwritable(&root.path().join("unwritable")));
        log.write("train", 1, values.clone());
        log.write("train", 2, values);
        assert!(log.events.is_none());
        assert_eq!(MetricsLog::read(&path).unwrap().len(), 4);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("metrics.jsonl");
        fs::write(&path, LINES.replace("2.25}", "")).unwrap();
        let error = MetricsLog::read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 2: "), "{error}");
    }
}
