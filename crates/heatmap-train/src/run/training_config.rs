//! [`TrainingConfig`]: the settings of length, optimiser and checkpoints that all kinds of runs
//! share.

use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use serde::{Deserialize, Serialize};

use crate::optim::OptimizerConfig;
use crate::{Error, Result};

/// Settings of the length, optimiser, learning-rate schedule and checkpoints of a run. In
/// `config.json` they are keys of the top level, under the same names in every kind of run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// Random seed of the initial parameters and of the data.
    pub seed: u64,
    /// Number of optimiser steps, each on one batch.
    pub batches: usize,
    /// Numbers of steps at which earlier learning-rate schedules ended, in ascending order, if the
    /// run was extended by new schedules; empty for a run with a single schedule.
    #[serde(default)]
    pub earlier_batches: Vec<usize>,
    /// Optimiser, gradient clipping and learning-rate schedule.
    pub optimizer: OptimizerConfig,
    /// Number of steps between checkpoints, and between validations; `None` for a tenth of all
    /// steps, rounded up.
    pub checkpoint_every: Option<usize>,
}

impl TrainingConfig {
    /// Returns the number of steps between checkpoints.
    pub fn checkpoint_every(&self) -> usize {
        self.checkpoint_every.unwrap_or(self.batches.div_ceil(10))
    }

    /// Returns the numbers of steps at which a learning-rate schedule ends, in ascending order.
    pub fn schedule_ends(&self) -> Vec<usize> {
        self.earlier_batches.iter().copied().chain([self.batches]).collect()
    }

    /// Creates the learning-rate schedule.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn schedule(&self) -> Result<ModuleLrScheduler> {
        self.optimizer.schedule(&self.schedule_ends())
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.batches == 0 {
            return Err(Error::config("batches", 0, "must be positive"));
        }
        if self.checkpoint_every == Some(0) {
            return Err(Error::config("checkpoint_every", 0, "must be positive"));
        }
        self.optimizer.check(self.schedule_ends()[0])?;
        self.schedule().map(drop)
    }

    /// Checks that a run with the configuration `earlier` can be resumed with the length of this
    /// one: the schedules are equal, or this one adds a schedule after the last step of `earlier`.
    /// A schedule that is stretched while a run follows it would be neither the old one nor the new
    /// one.
    ///
    /// # Errors
    /// Returns an error that names `batches`.
    pub(super) fn check_length_after(&self, earlier: &Self) -> Result<()> {
        let ends = earlier.schedule_ends();
        if self.schedule_ends() == ends || self.earlier_batches == ends {
            return Ok(());
        }
        let reason = format!(
            "the run to resume has {}, over which its learning rate falls to zero; \
             `--new-schedule` lets it rise again after them",
            earlier.batches
        );
        Err(Error::config("batches", self.batches, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(batches: usize) -> TrainingConfig {
        TrainingConfig {
            seed: 0,
            batches,
            earlier_batches: Vec::new(),
            optimizer: OptimizerConfig::default(),
            checkpoint_every: None,
        }
    }

    #[test]
    fn a_checkpoint_is_written_ten_times_or_as_often_as_said() {
        assert_eq!(config(96).checkpoint_every(), 10);
        assert_eq!(config(4).checkpoint_every(), 1);
        assert_eq!(
            TrainingConfig { checkpoint_every: Some(7), ..config(96) }.checkpoint_every(),
            7
        );
    }

    #[test]
    fn a_run_goes_on_to_its_end_or_under_a_new_schedule() {
        let earlier = config(6);
        config(6).check_length_after(&earlier).expect("the same length");
        let error = config(12).check_length_after(&earlier).expect_err("stretched").to_string();
        assert!(error.contains("`batches` = 12: the run to resume has 6"), "{error}");
        let longer = TrainingConfig { earlier_batches: vec![6], ..config(12) };
        longer.check_length_after(&earlier).expect("a new schedule");
        longer.check_length_after(&longer).expect("the same once more");
        longer.check().expect("a schedule");
        TrainingConfig { earlier_batches: vec![6], ..config(6) }.check().expect_err("no steps");
    }

    #[test]
    fn wrong_settings_are_named() {
        let every = TrainingConfig { checkpoint_every: Some(0), ..config(4) };
        for (wrong, named) in [(config(0), "`batches` = 0"), (every, "`checkpoint_every` = 0")] {
            let error = wrong.check().expect_err("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
