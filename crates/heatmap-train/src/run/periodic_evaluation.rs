//! [`PeriodicEvaluation`]: a look at the model now and then, that training does not notice.

use std::collections::BTreeMap;

use crate::Result;

type Look<M> = Box<dyn Fn(&M) -> Result<BTreeMap<String, f64>> + Send + Sync>;

/// What is measured of a model every so many steps, and at the last.
pub(super) struct PeriodicEvaluation<M> {
    every: usize,
    look: Look<M>,
}

impl<M> PeriodicEvaluation<M> {
    /// Measures with `look`, which gets the model as it trains.
    pub(super) fn new(
        every: usize,
        look: impl Fn(&M) -> Result<BTreeMap<String, f64>> + Send + Sync + 'static,
    ) -> Self {
        Self { every: every.max(1), look: Box::new(look) }
    }

    /// Whether it looks after this step of `total`.
    pub(super) fn is_due(&self, step: usize, total: usize) -> bool {
        step.is_multiple_of(self.every) || step == total
    }

    /// What it sees.
    ///
    /// # Errors
    /// When it cannot be measured.
    pub(super) fn look(&self, model: &M) -> Result<BTreeMap<String, f64>> {
        (self.look)(model)
    }
}
