//! [`RunConfig`]: what the configurations of all runs have in common.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CountConfig, LocationConfig, SetDetectorConfig, SimClrConfig};
use crate::{Error, Result};

/// A configuration that a run can begin with, be repeated with and go on under.
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// Checks all settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    fn check_settings(&self) -> Result<()>;

    /// Checks that a run of `earlier` can go on under this configuration.
    ///
    /// # Errors
    /// Names the first setting that differs.
    fn check_going_on(&self, earlier: &Self) -> Result<()>;

    /// This configuration with a schedule of its own after the last step of `earlier`.
    ///
    /// # Errors
    /// When such runs have one schedule alone.
    fn after(self, _earlier: &Self) -> Result<Self> {
        let reason = "only SimCLR runs go on under another schedule; begin another run with this \
                      one's encoder as --weights";
        Err(Error::config("new schedule", true, reason))
    }

    /// Steps in all.
    fn steps(&self) -> usize;
}

impl RunConfig for SimClrConfig {
    fn check_settings(&self) -> Result<()> {
        self.check().map(drop)
    }

    fn check_going_on(&self, earlier: &Self) -> Result<()> {
        self.check_resumes(earlier)
    }

    fn after(self, earlier: &Self) -> Result<Self> {
        Ok(self.with_new_schedule(earlier))
    }

    fn steps(&self) -> usize {
        self.batches
    }
}

impl RunConfig for CountConfig {
    fn check_settings(&self) -> Result<()> {
        self.check().map(drop)
    }

    fn check_going_on(&self, earlier: &Self) -> Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.training.steps()
    }
}

impl RunConfig for LocationConfig {
    fn check_settings(&self) -> Result<()> {
        self.check().map(drop)
    }

    fn check_going_on(&self, earlier: &Self) -> Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.training.steps()
    }
}

impl RunConfig for SetDetectorConfig {
    fn check_settings(&self) -> Result<()> {
        self.check()
    }

    fn check_going_on(&self, earlier: &Self) -> Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.batches
    }
}
