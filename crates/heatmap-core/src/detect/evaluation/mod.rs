//! Evaluation of scores against the truth: ranking, thresholds, calibration, and confidence
//! intervals.
//!
//! The metrics agree with scikit-learn 1.9 (`roc_auc_score`, `average_precision_score`, `f1_score`
//! with `zero_division=0`, `brier_score_loss`); tests compare with fixtures made by it.

mod bootstrap;
mod calibration;
mod confusion;
mod ranking;

pub use bootstrap::{Bootstrap, Interval};
pub use calibration::{brier_score, expected_calibration_error};
pub use confusion::{ConfusionCounts, Objective, best_threshold, flag_highest};
pub use ranking::{auroc, average_precision, precision_recall_curve, roc_curve};

use crate::{Error, Result};

/// Checks that there is one finite score for each label, and a banner of each class.
fn check(scores: &[f64], broken: &[bool]) -> Result<()> {
    if scores.len() != broken.len() {
        return Err(Error::Data(format!("{} scores but {} labels", scores.len(), broken.len())));
    }
    if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
        return Err(Error::Data(format!("score {at} is {}", scores[at])));
    }
    let bad = broken.iter().filter(|b| **b).count();
    if bad == 0 || bad == broken.len() {
        return Err(Error::Data(format!(
            "{bad} of {} banners are broken: it takes both kinds to compare",
            broken.len()
        )));
    }
    Ok(())
}

/// Positions in descending order of the scores; of equal scores the first comes first.
fn falling(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // Adding 0 turns -0 into 0, which `total_cmp` would order below it.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b)));
    order
}

#[cfg(test)]
mod tests;
