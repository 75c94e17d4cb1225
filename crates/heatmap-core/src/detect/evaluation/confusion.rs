//! What flags are worth, and the threshold that makes them worth most on known banners.

use super::{check, falling};
use crate::{Error, Result};

/// Banners by truth and flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfusionCounts {
    /// Broken and flagged.
    pub hits: usize,
    /// Good and flagged.
    pub false_alarms: usize,
    /// Broken, not flagged.
    pub misses: usize,
    /// Good, not flagged.
    pub passes: usize,
}

impl ConfusionCounts {
    /// Counts.
    ///
    /// # Panics
    /// When the two have different lengths.
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

    /// Share of the flagged that are broken; 0 when none is flagged.
    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    /// Share of the broken that are flagged; 0 when none is broken.
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.hits + self.misses)
    }

    /// Share of the good that are flagged; 0 when none is good.
    pub fn false_alarm_rate(&self) -> f64 {
        ratio(self.false_alarms, self.false_alarms + self.passes)
    }

    /// F1 of the broken banners; 0 when there is neither a broken nor a flagged one.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }

    /// Mean of the F1 of the broken and of the good banners, 0 for a kind that neither occurs nor
    /// is stated (scikit-learn would leave it out unless it is given the labels).
    pub fn macro_f1(&self) -> f64 {
        0.5 * (self.f1()
            + ratio(2 * self.passes, 2 * self.passes + self.false_alarms + self.misses))
    }

    /// Share of the banners that are flagged rightly or passed rightly.
    pub fn accuracy(&self) -> f64 {
        ratio(self.hits + self.passes, self.hits + self.false_alarms + self.misses + self.passes)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What a threshold is to make large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// The mean of both F1.
    MacroF1,
    /// F1 of the broken banners.
    F1,
}

/// Of the thresholds that flag some banners and not all, the one with the best objective: half way
/// between two neighbouring scores; of equals the highest. What it gives on the same banners is no
/// result: score others with it.
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
                // Half way without the sum, which may overflow. Between two neighbouring numbers
                // there is none, and rounding up would leave the higher score unflagged.
                let middle = 0.5 * scores[next] + 0.5 * scores[at];
                best = (value, if middle < scores[at] { middle } else { scores[next] });
            }
        }
    }
    Ok(best.1)
}

/// Flags the `budget` highest scores; of equals the first.
///
/// # Errors
/// When a score is not a number.
pub fn flag_highest(scores: &[f64], budget: usize) -> Result<Vec<bool>> {
    if let Some(at) = scores.iter().position(|score| score.is_nan()) {
        return Err(Error::Data(format!("score {at} is not a number")));
    }
    let mut flagged = vec![false; scores.len()];
    falling(scores).into_iter().take(budget).for_each(|at| flagged[at] = true);
    Ok(flagged)
}
