//! Quality of flags, and the threshold that makes it best on labelled banners.

use super::{check, falling};
use crate::{Error, Result};

/// The confusion matrix of flags, with broken as the positive class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfusionCounts {
    /// True positives: broken and flagged.
    pub hits: usize,
    /// False positives: good and flagged.
    pub false_alarms: usize,
    /// False negatives: broken and not flagged.
    pub misses: usize,
    /// True negatives: good and not flagged.
    pub passes: usize,
}

impl ConfusionCounts {
    /// Counts the banners by flag and truth.
    ///
    /// # Panics
    /// When `flagged` and `broken` differ in length.
    pub fn of(flagged: &[bool], broken: &[bool]) -> Self {
        assert_eq!(flagged.len(), broken.len(), "one flag for each banner");
        let mut counts = Self::default();
        for (&flagged, &broken) in flagged.iter().zip(broken) {
            match (flagged, broken) {
                (true, true) => counts.hits += 1,
                (true, false) => counts.false_alarms += 1,
                (false, true) => counts.misses += 1,
                (false, false) => counts.passes += 1,
            }
        }
        counts
    }

    /// Returns the share of the flagged banners that are broken; 0 when none is flagged.
    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    /// Returns the share of the broken banners that are flagged; 0 when none is broken.
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.hits + self.misses)
    }

    /// Returns the share of the good banners that are flagged; 0 when none is good.
    pub fn false_alarm_rate(&self) -> f64 {
        ratio(self.false_alarms, self.false_alarms + self.passes)
    }

    /// Returns the F1 score of the broken class; 0 when no banner is broken or flagged.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }

    /// Returns the mean of the F1 scores of the broken and the good class. A class that neither
    /// occurs nor is predicted counts as 0 (scikit-learn would leave it out unless it is given the
    /// labels).
    pub fn macro_f1(&self) -> f64 {
        0.5 * (self.f1()
            + ratio(2 * self.passes, 2 * self.passes + self.false_alarms + self.misses))
    }

    /// Returns the share of the banners that are flagged and broken, or not flagged and good.
    pub fn accuracy(&self) -> f64 {
        ratio(self.hits + self.passes, self.hits + self.false_alarms + self.misses + self.passes)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The metric that a threshold is chosen to maximise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Mean of the F1 scores of both classes.
    MacroF1,
    /// F1 score of the broken class.
    F1,
}

/// Returns the threshold with the best objective, among those that flag some banners but not all.
/// It lies half way between two neighbouring scores; of equally good ones it is the highest. The
/// objective on the same banners is optimistic: evaluate the threshold on others.
///
/// # Errors
/// When only one kind of banner is there, lengths differ, or a score is not finite.
pub fn best_threshold(scores: &[f64], broken: &[bool], objective: Objective) -> Result<f64> {
    check(scores, broken)?;
    let order = falling(scores);
    let bad = broken.iter().filter(|b| **b).count();
    let mut counts =
        ConfusionCounts { misses: bad, passes: broken.len() - bad, ..Default::default() };
    let mut best = (f64::NEG_INFINITY, scores[order[0]]);
    for (place, &at) in order.iter().enumerate() {
        if broken[at] {
            counts.hits += 1;
            counts.misses -= 1;
        } else {
            counts.false_alarms += 1;
            counts.passes -= 1;
        }
        let Some(&next) = order.get(place + 1) else { break };
        if scores[next] < scores[at] {
            let value = match objective {
                Objective::MacroF1 => counts.macro_f1(),
                Objective::F1 => counts.f1(),
            };
            if value > best.0 {
                // Halved before they are added, because the sum may overflow. Between two adjacent
                // floats there is no middle, and rounding up would leave the higher score
                // unflagged.
                let middle = 0.5 * scores[next] + 0.5 * scores[at];
                best = (value, if middle < scores[at] { middle } else { scores[next] });
            }
        }
    }
    Ok(best.1)
}

/// Flags the `budget` banners with the highest scores; of equal scores the first.
///
/// # Errors
/// When a score is NaN.
pub fn flag_highest(scores: &[f64], budget: usize) -> Result<Vec<bool>> {
    if let Some(at) = scores.iter().position(|score| score.is_nan()) {
        return Err(Error::Data(format!("score {at} is not a number")));
    }
    let mut flagged = vec![false; scores.len()];
    falling(scores).into_iter().take(budget).for_each(|at| flagged[at] = true);
    Ok(flagged)
}
