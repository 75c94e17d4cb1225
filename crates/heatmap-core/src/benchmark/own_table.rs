//! [`TableBenchmark`]: evaluates every score on a user's own labelled table, without learning from
//! its labels.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::detect::evaluation::{Bootstrap, ConfusionCounts, Interval, auroc, average_precision};
use crate::detect::{BannerFacts, LogDetection, LogDetectionConfig};
use crate::table::{ClickLog, ClickLogConfig, CoordinateUnit, LabelTable, Progress, TableFormat};
use crate::{Error, Result, write_atomically};

/// The click tables and label tables to evaluate on, and the settings of the evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct TableBenchmark {
    /// Files or folders of click tables.
    pub clicks: Vec<PathBuf>,
    /// Files of label tables, which say of banners whether they are broken.
    pub labels: Vec<PathBuf>,
    /// What `click_x` and `click_y` count.
    pub unit: CoordinateUnit,
    /// How all tables are written, as far as that cannot be seen.
    pub format: TableFormat,
    /// Seed of the sampling and of the bootstrap.
    pub seed: u64,
    /// Number of bootstrap resamples.
    pub resamples: usize,
}

/// The results of one score on the labelled banners.
#[derive(Debug, Clone, Serialize)]
pub struct TableRow {
    /// Name of the part, or `detect` for the final score that detection flags by.
    pub score: String,
    /// Number of banners that have both the score and a label.
    pub banners: usize,
    /// Number of these banners that are broken.
    pub broken: usize,
    /// AUROC over all these banners, with 95 % limits of a bootstrap that is stratified by label.
    pub auroc: Interval,
    /// Mean of the AUROC within each grid that has both kinds of labels; NaN if no grid has both.
    pub auroc_of_grids: f64,
    /// Smallest AUROC within one of these grids; NaN if no grid has both kinds of labels.
    pub worst_grid: f64,
    /// Average precision over all these banners.
    pub average_precision: f64,
    /// Macro-F1 and false-alarm rate of the flags; only the score `detect` flags banners.
    pub flags: Option<(f64, f64)>,
}

impl Default for TableBenchmark {
    fn default() -> Self {
        Self {
            clicks: Vec::new(),
            labels: Vec::new(),
            unit: CoordinateUnit::default(),
            format: TableFormat::default(),
            seed: 0,
            resamples: 500,
        }
    }
}

impl TableBenchmark {
    /// Reads the tables and scores their banners; see [`TableBenchmark::read`] and
    /// [`TableBenchmark::score`].
    ///
    /// # Errors
    /// As those have them.
    pub fn run(
        &self,
        reading: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        scoring: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<TableRow>> {
        let (log, labels) = self.read(reading)?;
        self.score(&log, &labels, scoring)
    }

    /// Reads the click tables and the label tables. `reading` is called with the progress, and
    /// stops it by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When a table cannot be read, or when the reading was stopped.
    pub fn read(
        &self,
        reading: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(ClickLog, LabelTable)> {
        let config = ClickLogConfig {
            unit: self.unit,
            format: self.format.clone(),
            ..ClickLogConfig::default()
        };
        let labels = LabelTable::read_as(&self.labels, &self.format)?;
        Ok((config.read(&self.clicks, reading)?, labels))
    }

    /// Scores the banners of a log without their labels, then evaluates the scores with the labels.
    /// `scoring` is called with the number of banners scored so far and in total, and stops the
    /// scoring by returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// When the log has no banner labelled broken or none labelled good, when it cannot be read
    /// again, or when the scoring was stopped.
    pub fn score(
        &self,
        log: &ClickLog,
        labels: &LabelTable,
        scoring: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<TableRow>> {
        let config = LogDetectionConfig { seed: self.seed, ..Default::default() };
        let detection =
            config.run(log, &BannerFacts::default(), &mut |done| scoring(done, log.len()))?;
        self.rows(log, &detection, labels)
    }

    fn rows(
        &self,
        log: &ClickLog,
        detection: &LogDetection,
        labels: &LabelTable,
    ) -> Result<Vec<TableRow>> {
        let truth: Vec<Option<bool>> =
            log.keys().map(|entry| labels.get(&entry.banner, entry.display)).collect();
        let of = |wanted: bool| truth.iter().filter(|label| **label == Some(wanted)).count();
        if of(true) == 0 || of(false) == 0 {
            let said = format!(
                "{} broken and {} good banners of the log are labelled: it takes both",
                of(true),
                of(false)
            );
            return Err(Error::Data(said));
        }
        let decided: Vec<Option<f64>> =
            detection.decision.scores.iter().copied().map(Some).collect();
        let mut rows = vec![self.row("detect", &decided, &truth, detection)?];
        for (part, name) in detection.parts.names().iter().enumerate() {
            let scores: Vec<Option<f64>> =
                (0..truth.len()).map(|at| detection.parts.get(at, part)).collect();
            // A part that is missing for all broken or for all good banners cannot be evaluated.
            let of = |wanted: bool| {
                (0..truth.len()).any(|at| truth[at] == Some(wanted) && scores[at].is_some())
            };
            if of(true) && of(false) {
                rows.push(self.row(name, &scores, &truth, detection)?);
            }
        }
        Ok(rows)
    }

    fn row(
        &self,
        name: &str,
        scores: &[Option<f64>],
        truth: &[Option<bool>],
        detection: &LogDetection,
    ) -> Result<TableRow> {
        let known: Vec<usize> =
            (0..truth.len()).filter(|&at| truth[at].is_some() && scores[at].is_some()).collect();
        let pick = |from: &[usize]| -> (Vec<f64>, Vec<bool>) {
            from.iter().filter_map(|&at| Some((scores[at]?, truth[at]?))).unzip()
        };
        let (values, broken) = pick(&known);
        let of_grid = |grid: usize| {
            let own: Vec<usize> =
                known.iter().copied().filter(|&at| detection.grid_of(at) == grid).collect();
            let (values, broken) = pick(&own);
            auroc(&values, &broken).ok()
        };
        let areas: Vec<f64> = (0..detection.grids.len()).filter_map(of_grid).collect();
        let flags = (name == "detect").then(|| {
            let flagged: Vec<bool> =
                known.iter().map(|&at| detection.decision.flagged[at]).collect();
            let counts = ConfusionCounts::of(&flagged, &broken);
            (counts.macro_f1(), counts.false_alarm_rate())
        });
        let bootstrap = Bootstrap::stratified(&broken, self.resamples, self.seed)?;
        Ok(TableRow {
            score: name.to_owned(),
            banners: known.len(),
            broken: broken.iter().filter(|broken| **broken).count(),
            auroc: bootstrap.of_scores(auroc, &values, &broken)?,
            auroc_of_grids: areas.iter().sum::<f64>() / areas.len() as f64,
            worst_grid: areas.iter().copied().fold(f64::NAN, f64::min),
            average_precision: average_precision(&values, &broken)?,
            flags,
        })
    }
}

/// Formats the results as a text table for the terminal.
pub fn table_text(rows: &[TableRow]) -> String {
    let mut text = format!(
        "{:24} {:>22}  {:>14} {:>11} {:>9}\n",
        "score", "AUROC (95 %)", "mean of grids", "worst grid", "AP"
    );
    for row in rows {
        let Interval { estimate, low, high } = row.auroc;
        let _ = writeln!(
            text,
            "{:24} {estimate:.4} ({low:.4}-{high:.4})  {:14.4} {:11.4} {:9.3}",
            row.score, row.auroc_of_grids, row.worst_grid, row.average_precision
        );
    }
    if let Some((macro_f1, false_alarms)) = rows.first().and_then(|row| row.flags) {
        let _ = writeln!(
            text,
            "\nflags of detect: macro-F1 {macro_f1:.3}, false alarms {:.2} %",
            100.0 * false_alarms
        );
    }
    text
}

/// Writes the results to `path` as CSV.
///
/// # Errors
/// When the file cannot be written.
pub fn write_table_rows(path: &Path, rows: &[TableRow]) -> Result<()> {
    let mut text = String::from(
        "score,banners,broken,auroc,auroc_low,auroc_high,auroc_of_grids,worst_grid,\
         average_precision,macro_f1,false_alarms\n",
    );
    for row in rows {
        let Interval { estimate, low, high } = row.auroc;
        let flags = row.flags.map_or(",".to_owned(), |(f1, alarms)| format!("{f1:.5},{alarms:.5}"));
        let _ = writeln!(
            text,
            "{},{},{},{estimate:.5},{low:.5},{high:.5},{:.5},{:.5},{:.5},{flags}",
            row.score,
            row.banners,
            row.broken,
            row.auroc_of_grids,
            row.worst_grid,
            row.average_precision
        );
    }
    write_atomically(path, |out| out.write_all(text.as_bytes()))
}

/// Returns the AUROCs and the quality of the flags as named numbers for `summary.json`.
pub fn table_summary(rows: &[TableRow]) -> BTreeMap<String, f64> {
    let mut map = BTreeMap::new();
    for row in rows {
        map.insert(format!("auroc_{}", row.score), row.auroc.estimate);
        map.insert(format!("auroc_of_grids_{}", row.score), row.auroc_of_grids);
        if let Some((macro_f1, false_alarms)) = row.flags {
            map.insert("macro_f1".to_owned(), macro_f1);
            map.insert("false_alarm_rate".to_owned(), false_alarms);
        }
    }
    map
}
