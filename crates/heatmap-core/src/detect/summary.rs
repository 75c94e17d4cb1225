//! [`LogSummary`]: what detection came to, in numbers.

use serde::Serialize;

use super::evaluation::{ConfusionCounts, auroc, average_precision};
use super::{LogDetection, LogInputs, NETWORK_PART, ScoreMeaning};

/// The numbers of a detection, flat, as `summary.json` has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogSummary {
    /// Banners, counted once for each display size.
    pub banners: usize,
    /// Grids, counted once for each display size.
    pub grids: usize,
    /// Clicks of all banners.
    pub clicks: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were left out.
    pub rows_dropped: u64,
    /// Banners that the metrics table has.
    pub banners_with_metrics: usize,
    /// Banners of which it is known whether they are broken.
    pub banners_with_labels: usize,
    /// Banners that are flagged.
    pub flagged: usize,
    /// The score from which on banners are flagged, where there is one for all.
    pub threshold: Option<f64>,
    /// What a score means.
    pub score_meaning: ScoreMeaning,
    /// How banners are flagged, in words.
    pub rule: String,
    /// What the column of this name in `scores.csv` is, where it has values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_probability: Option<&'static str>,
    /// Grids that have no anchor such as was asked for.
    pub grids_without_the_anchor: usize,
    /// Groups of like banners.
    pub groups: usize,
    /// Those of them that are taken for a kind of defect.
    pub groups_taken_for_broken: usize,
    /// Grids in which two large groups differ and nothing says which of them works.
    pub undecided_grids: usize,
    /// What is asked about these.
    pub undecided: String,
    /// What the scores are worth against the labels, where both kinds of labels are known.
    #[serde(flatten)]
    pub against_labels: Option<AgainstLabels>,
}

/// What scores and flags are worth against labels that they were not made with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AgainstLabels {
    /// Banners that are labelled broken.
    pub labelled_broken: usize,
    /// Area under the receiver operating characteristic.
    pub auroc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Mean of the F1 of broken and of good banners.
    pub macro_f1: f64,
    /// F1 of broken banners.
    pub f1: f64,
    /// Share of the broken banners that are flagged.
    pub recall: f64,
    /// Share of the good banners that are flagged.
    pub false_alarm_rate: f64,
}

/// What the column `network_probability` is.
const PROBABILITY: &str = "network_probability: the probability of broken where half of the \
                           banners are, by a network that was trained on 614,400 banners of \
                           generated layouts and is calibrated on those; on a log it ranks, and \
                           how far its probabilities can be trusted there is not known";

impl LogSummary {
    /// Sums up what was made of the inputs.
    pub fn of(inputs: &LogInputs, detection: &LogDetection) -> Self {
        let decision = &detection.decision;
        let groups = || detection.grids.iter().flat_map(|grid| &grid.groups);
        let undecided: Vec<&str> =
            detection.grids.iter().filter_map(|grid| grid.undecided.as_deref()).collect();
        let network = detection.parts.names().iter().position(|name| name == NETWORK_PART);
        let has_network = network.is_some_and(|part| detection.parts.has(part));
        Self {
            banners: inputs.log.len(),
            grids: detection.grids.len(),
            clicks: inputs.log.clicks(),
            rows: inputs.log.rows(),
            rows_dropped: inputs.log.drops().rows(),
            banners_with_metrics: inputs.with_metrics,
            banners_with_labels: detection.labels.iter().flatten().count(),
            flagged: detection.flagged(),
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
    /// Of the banners with labels; those that an anchor is made of fit it by construction and are
    /// left out. None when there are not both broken and good ones.
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
