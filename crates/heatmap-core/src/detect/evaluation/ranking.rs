//! Ranking metrics, which do not depend on a threshold.

use super::{check, falling};
use crate::Result;

/// The scores from the highest down, each with the cumulative counts: (score, broken so far, good
/// so far). Equal scores form one step.
fn steps(scores: &[f64], broken: &[bool]) -> Vec<(f64, f64, f64)> {
    let mut steps: Vec<(f64, f64, f64)> = Vec::new();
    let (mut hits, mut false_alarms) = (0.0, 0.0);
    for at in falling(scores) {
        if broken[at] {
            hits += 1.0
        } else {
            false_alarms += 1.0
        }
        match steps.last_mut() {
            Some(last) if last.0 == scores[at] => *last = (scores[at], hits, false_alarms),
            _ => steps.push((scores[at], hits, false_alarms)),
        }
    }
    steps
}

/// Returns the area under the ROC curve: the probability that a broken banner scores higher than a
/// good one, where ties count half (Mann-Whitney).
///
/// # Errors
/// When only one kind of banner is there, lengths differ, or a score is not finite.
pub fn auroc(scores: &[f64], broken: &[bool]) -> Result<f64> {
    let curve = roc_curve(scores, broken)?;
    Ok(curve.windows(2).map(|pair| (pair[1].0 - pair[0].0) * 0.5 * (pair[0].1 + pair[1].1)).sum())
}

/// Returns the average precision (AUPR): the mean of the precision over the steps of the recall,
/// without interpolation.
///
/// # Errors
/// When [`auroc`] would fail.
pub fn average_precision(scores: &[f64], broken: &[bool]) -> Result<f64> {
    check(scores, broken)?;
    let all = broken.iter().filter(|b| **b).count() as f64;
    let mut before = 0.0;
    let mut sum = 0.0;
    for (_, hits, false_alarms) in steps(scores, broken) {
        sum += (hits - before) * hits / (hits + false_alarms);
        before = hits;
    }
    Ok(sum / all)
}

/// Returns the ROC curve as points (false-alarm rate, recall) from (0, 0) to (1, 1), one for each
/// distinct score.
///
/// # Errors
/// When [`auroc`] would fail.
pub fn roc_curve(scores: &[f64], broken: &[bool]) -> Result<Vec<(f64, f64)>> {
    check(scores, broken)?;
    let bad = broken.iter().filter(|b| **b).count() as f64;
    let good = broken.len() as f64 - bad;
    let points = steps(scores, broken)
        .into_iter()
        .map(|(_, hits, false_alarms)| (false_alarms / good, hits / bad));
    Ok(std::iter::once((0.0, 0.0)).chain(points).collect())
}

/// Returns the precision-recall curve as points (recall, precision) in ascending order of recall:
/// (0, 1), then one point for each distinct score.
///
/// # Errors
/// When [`auroc`] would fail.
pub fn precision_recall_curve(scores: &[f64], broken: &[bool]) -> Result<Vec<(f64, f64)>> {
    check(scores, broken)?;
    let bad = broken.iter().filter(|b| **b).count() as f64;
    let points = steps(scores, broken)
        .into_iter()
        .map(|(_, hits, alarms)| (hits / bad, hits / (hits + alarms)));
    Ok(std::iter::once((0.0, 1.0)).chain(points).collect())
}
