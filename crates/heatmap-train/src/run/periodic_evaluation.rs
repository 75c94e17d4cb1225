//! [`PeriodicEvaluation`]: an evaluation of the model every so many steps, which does not affect
//! training.

use std::collections::BTreeMap;

use crate::Result;

type Look<M> = Box<dyn Fn(&M) -> Result<BTreeMap<String, f64>> + Send + Sync>;

/// A function that measures a model, every so many steps and after the last step.
pub(super) struct PeriodicEvaluation<M> {
    every: usize,
    look: Look<M>,
}

impl<M> PeriodicEvaluation<M> {
    /// Creates an evaluation with the function `look`, which gets the model in training mode.
    pub(super) fn new(
        every: usize,
        look: impl Fn(&M) -> Result<BTreeMap<String, f64>> + Send + Sync + 'static,
    ) -> Self {
        Self { every: every.max(1), look: Box::new(look) }
    }

    /// Returns whether an evaluation is due after `step` of `total` steps.
    pub(super) fn is_due(&self, step: usize, total: usize) -> bool {
        step.is_multiple_of(self.every) || step == total
    }

    /// Returns the measured values by name.
    ///
    /// # Errors
    /// Returns an error when the model cannot be evaluated.
    pub(super) fn look(&self, model: &M) -> Result<BTreeMap<String, f64>> {
        (self.look)(model)
    }
}
