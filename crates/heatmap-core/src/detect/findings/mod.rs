//! [`Findings`]: what a detection has found in a log, ready to be written: all banners in the order
//! of their scores, the flagged ones with a reason, and what has changed since an earlier run.

mod earlier_run;
mod listing;
mod score_table;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use earlier_run::{Change, Changes, EarlierRun};
pub use listing::ListFormat;
pub use summary::{AgainstLabels, LogSummary, Since};

use super::{LogDetection, LogInputs};
use crate::Result;

/// A detection with what it was made from, and what a person wants to know of it.
#[derive(Debug)]
pub struct Findings<'a> {
    /// The log and what else is known of its banners.
    pub inputs: &'a LogInputs,
    /// Scores and flags.
    pub detection: &'a LogDetection,
    /// The positions of all banners in the log, the most broken first.
    pub ranking: Vec<usize>,
    /// One sentence for each flagged banner, by its position: why it has its score.
    pub reasons: BTreeMap<usize, String>,
    /// What has changed since an earlier run, if there was one.
    pub changes: Option<Changes>,
}

impl<'a> Findings<'a> {
    /// Ranks and explains the `detection` that was made from `inputs`, and compares it with an
    /// `earlier` run. The log is read again for the reasons.
    ///
    /// # Errors
    /// When a temporary file of the log cannot be read.
    pub fn of(
        inputs: &'a LogInputs,
        detection: &'a LogDetection,
        earlier: Option<&EarlierRun>,
    ) -> Result<Self> {
        Ok(Self {
            inputs,
            detection,
            ranking: detection.ranking(),
            reasons: detection.reasons(&inputs.log)?,
            changes: earlier.map(|earlier| earlier.changes(&inputs.log, detection)),
        })
    }

    /// The change of a banner since the earlier run, if there is one.
    pub fn change(&self, banner: usize) -> Option<Change> {
        self.changes.as_ref().and_then(|changes| changes.of[banner])
    }
}
