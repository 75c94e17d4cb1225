//! What makes one doubt that a click log means what was read from it.

use super::{ClickLog, CoordinateUnit};
use crate::table::{DropReason, InputWarning};

/// A larger share of dropped rows is warned of.
const MAX_DROPPED: f64 = 0.1;

impl ClickLog {
    /// What makes one doubt that the coordinates, the sizes or the numbers mean what was read:
    /// coordinates that are all at most 1, or a tenth or more of the rows dropped.
    pub fn warnings(&self) -> Vec<InputWarning> {
        let in_px = self.config.unit == CoordinateUnit::Px;
        let fractions = if in_px { self.extent.fractions() } else { None };
        fractions.into_iter().chain(self.many_dropped()).collect()
    }

    fn many_dropped(&self) -> Option<InputWarning> {
        // These rows are as they should be, and left out on request.
        let meant = [DropReason::TooFewClicks, DropReason::ZeroClicks];
        let unmeant = || self.drops.by_reason().iter().filter(|drop| !meant.contains(&drop.reason));
        let rows: u64 = unmeant().map(|drop| drop.rows).sum();
        let largest = unmeant().max_by_key(|drop| drop.rows)?;
        let share = rows as f64 / self.rows as f64;
        (share >= MAX_DROPPED).then(|| InputWarning {
            what: format!(
                "{:.0} % of the rows were dropped, {} of {}; most of them ({}): {}, such as {}.",
                100.0 * share,
                rows,
                self.rows,
                largest.rows,
                largest.reason,
                largest.first
            ),
            advice: match largest.reason {
                DropReason::OutsideBanner => self.extent.beside(),
                _ => "See whether the file is the one that was meant, and complete.".to_owned(),
            },
        })
    }
}
