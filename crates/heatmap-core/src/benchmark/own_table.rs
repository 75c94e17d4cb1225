//! Every score on a labelled table of someone's own, without learning from its labels.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::detect::evaluation::{Bootstrap, ConfusionCounts, Interval, auroc, average_precision};
use crate::detect::{BannerFacts, LogDetection, LogDetectionConfig};
use crate::table::{ClickLog, ClickLogConfig, LabelTable, Progress};
use crate::{Error, Result, write_atomically};

/// The table and how it is read.
#[derive(Debug, Clone, Serialize)]
pub struct TableBenchmark {
    /// Click tables.
    pub clicks: Vec<PathBuf>,
    /// Tables of labels.
    pub labels: Vec<PathBuf>,
    /// Seed of samples and of the bootstrap.
    pub seed: u64,
    /// Resamples of the bootstrap.
    pub resamples: usize,
}

/// What one score is worth on the labelled banners.
#[derive(Debug, Clone, Serialize)]
pub struct TableRow {
    /// Name of the part, or `detect` for the score that detection flags by.
    pub score: String,
    /// Banners that have the score and a label.
    pub banners: usize,
    /// Those of them that are broken.
    pub broken: usize,
    /// Area under the ROC curve over all of them, with 95 % of a bootstrap over banners of either
    /// kind.
    pub auroc: Interval,
    /// Mean of the area within each grid that has both kinds; no number where none has.
    pub auroc_of_grids: f64,
    /// The smallest of these.
    pub worst_grid: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Macro-F1 and false alarms of the flags, for the score that flags.
    pub flags: Option<(f64, f64)>,
}

impl Default for TableBenchmark {
    fn default() -> Self {
        Self { clicks: Vec::new(), labels: Vec::new(), seed: 0, resamples: 500 }
    }
}

impl TableBenchmark {
    /// Scores the banners as if there were no labels, and holds the scores against the labels.
    /// `reading` is told how far the tables are read, `scoring` how many banners are scored of how
    /// many; either may stop it.
    ///
    /// # Errors
    /// When a table cannot be read, or holds no labelled banner of either kind, and when it was
    /// stopped.
    pub fn run(
        &self,
        reading: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        scoring: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Vec<TableRow>> {
        let labels = LabelTable::read(&self.labels)?;
        let log = ClickLogConfig::default().read(&self.clicks, reading)?;
        let config = LogDetectionConfig { seed: self.seed, ..Default::default() };
        let detection =
            config.run(&log, &BannerFacts::default(), &mut |done| scoring(done, log.len()))?;
        self.rows(&log, &detection, &labels)
    }

    fn rows(
        &self,
        log: &ClickLog,
        detection: &LogDetection,
        labels: &LabelTable,
    ) -> Result<Vec<TableRow>> {
        let truth: Vec<Option<bool>> = log.keys().map(|entry| labels.get(&entry.banner)).collect();
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
            // A part that no banner of one of the kinds has has no row.
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

/// The rows for a terminal.
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

/// Leaves the rows as CSV.
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

/// Flat numbers for `summary.json`.
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
