//! [`LogSummary`]: the results of a detection in numbers.

use serde::Serialize;

use super::{Change, Findings};
use crate::detect::evaluation::{ConfusionCounts, auroc, average_precision};
use crate::detect::{LogDetection, NETWORK_PART, ScoreMeaning};
use crate::table::InputWarning;

/// The results of a detection as flat numbers, as written to `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogSummary {
    /// Number of banners; one that occurs in several display sizes counts once for each.
    pub banners: usize,
    /// Number of grids; one that occurs in several display sizes counts once for each.
    pub grids: usize,
    /// Number of clicks on all banners.
    pub clicks: u64,
    /// Number of rows read.
    pub rows: u64,
    /// Number of rows left out.
    pub rows_dropped: u64,
    /// What was found out about the files, such as their separator.
    pub assumptions: Vec<String>,
    /// Reasons to doubt that the files mean what was read.
    pub warnings: Vec<InputWarning>,
    /// Number of banners that have a row in the metrics table.
    pub banners_with_metrics: usize,
    /// Number of banners that have a label.
    pub banners_with_labels: usize,
    /// Number of flagged banners.
    pub flagged: usize,
    /// What has changed since an earlier run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The score above which banners are flagged, if there is one for all.
    pub threshold: Option<f64>,
    /// What kind of number a score is.
    pub score_meaning: ScoreMeaning,
    /// The rule by which banners are flagged, in words.
    pub rule: String,
    /// Explanation of the column `network_probability` of `scores.csv`; `None` if that is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_probability: Option<&'static str>,
    /// Number of grids that do not have the requested kind of anchor.
    pub grids_without_the_anchor: usize,
    /// Number of groups of banners that look alike.
    pub groups: usize,
    /// Number of groups that are taken for a kind of defect.
    pub groups_taken_for_broken: usize,
    /// Number of grids in which two large groups differ and nothing says which of them works.
    pub undecided_grids: usize,
    /// The questions about these grids.
    pub undecided: String,
    /// Quality of scores and flags against the labels, where there are both kinds of labels.
    #[serde(flatten)]
    pub against_labels: Option<AgainstLabels>,
}

/// Numbers of flagged banners against an earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Since {
    /// Where the earlier run is.
    pub run: String,
    /// Flagged now, but not then.
    pub new: usize,
    /// Flagged then and now.
    pub still_broken: usize,
    /// Flagged then, but no longer.
    pub fixed: usize,
    /// Flagged then, and no longer in the log.
    pub gone: usize,
}

/// Quality of scores and flags, measured against labels of banners that were scored without their
/// own label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AgainstLabels {
    /// Number of banners labelled broken.
    pub labelled_broken: usize,
    /// Area under the ROC curve.
    pub auroc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Mean of the F1 scores of the broken and the good class.
    pub macro_f1: f64,
    /// F1 score of the broken class.
    pub f1: f64,
    /// Share of the broken banners that are flagged.
    pub recall: f64,
    /// Share of the good banners that are flagged.
    pub false_alarm_rate: f64,
}

/// Explains the column `network_probability` to readers of `summary.json`.
const PROBABILITY: &str = "network_probability: the probability of broken where half of the \
                           banners are, by a network that was trained on 614,400 banners of \
                           generated layouts and is calibrated on those; on a log it ranks, and \
                           how far its probabilities can be trusted there is not known";

impl Findings<'_> {
    /// Returns the findings in numbers.
    pub fn summary(&self) -> LogSummary {
        let (inputs, detection) = (self.inputs, self.detection);
        let decision = &detection.decision;
        let groups = || detection.grids.iter().flat_map(|grid| &grid.groups);
        let undecided: Vec<&str> =
            detection.grids.iter().filter_map(|grid| grid.undecided.as_deref()).collect();
        let network = detection.parts.names().iter().position(|name| name == NETWORK_PART);
        let has_network = network.is_some_and(|part| detection.parts.has(part));
        LogSummary {
            banners: inputs.log.len(),
            grids: detection.grids.len(),
            clicks: inputs.log.clicks(),
            rows: inputs.log.rows(),
            rows_dropped: inputs.log.drops().rows(),
            assumptions: inputs.assumptions(),
            warnings: inputs.warnings(),
            banners_with_metrics: inputs.notes.with_metrics.unwrap_or(0),
            banners_with_labels: detection.labels.iter().flatten().count(),
            flagged: detection.flagged(),
            since: self.changes.as_ref().map(|changes| Since {
                run: changes.since.display().to_string(),
                new: changes.count(Change::New),
                still_broken: changes.count(Change::StillBroken),
                fixed: changes.count(Change::Fixed),
                gone: changes.gone.len(),
            }),
            threshold: decision.threshold,
            score_meaning: decision.meaning,
            rule: decision.rule.clone(),
            network_probability: has_network.then_some(PROBABILITY),
            grids_without_the_anchor: detection.grids.iter().filter(|grid| grid.fell_back).count(),
            groups: groups().count(),
            groups_taken_for_broken: groups().filter(|group| group.kind.is_defect()).count(),
            undecided_grids: undecided.len(),
            undecided: undecided.join(" "),
            against_labels: AgainstLabels::of(detection),
        }
    }
}

impl AgainstLabels {
    /// Evaluates on the banners with labels, except those that an anchor is made of, which fit it
    /// by construction. Returns `None` unless there are both broken and good ones.
    pub fn of(detection: &LogDetection) -> Option<Self> {
        let decision = &detection.decision;
        let counts = |at: &usize| detection.labels[*at].is_some() && !detection.in_anchor[*at];
        let labelled: Vec<usize> = (0..detection.labels.len()).filter(counts).collect();
        let truth: Vec<bool> =
            labelled.iter().map(|&at| detection.labels[at] == Some(true)).collect();
        let scores: Vec<f64> = labelled.iter().map(|&at| decision.scores[at]).collect();
        let flags: Vec<bool> = labelled.iter().map(|&at| decision.flagged[at]).collect();
        let counts = ConfusionCounts::of(&flags, &truth);
        Some(Self {
            labelled_broken: truth.iter().filter(|broken| **broken).count(),
            auroc: auroc(&scores, &truth).ok()?,
            average_precision: average_precision(&scores, &truth).ok()?,
            macro_f1: counts.macro_f1(),
            f1: counts.f1(),
            recall: counts.recall(),
            false_alarm_rate: counts.false_alarm_rate(),
        })
    }
}
