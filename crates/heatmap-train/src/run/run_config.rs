//! [`RunConfig`]: what the configurations of all runs have in common.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::checkpoint::Checkpoint;
use super::settings::Settings;
use super::training::{Selection, TrainingOptions};
use super::training_config::TrainingConfig;
use crate::Result;

/// A configuration that a run can start with, be repeated with and be resumed under; the content of
/// `config.json`.
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// What the settings lead to once they are checked: the data set, and the weights to start
    /// from, which are opened here and not again.
    type Resolved;

    /// Returns length, optimiser and checkpoints.
    fn training(&self) -> &TrainingConfig;

    /// Returns length, optimiser and checkpoints to be changed.
    fn training_mut(&mut self) -> &mut TrainingConfig;

    /// Returns the number of images in a batch.
    fn images_per_batch(&self) -> usize;

    /// Returns which checkpoint is the result.
    fn selection(&self) -> Selection;

    /// Checks all settings, and opens what they name.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    fn resolve(&self) -> Result<Self::Resolved>;

    /// Returns whether the setting `key` may change when a run is resumed, because it decides how
    /// often or how precisely the run is evaluated and not what it computes.
    fn may_change(key: &str) -> bool;

    /// Gives the settings of an earlier version their present names, and returns what was renamed.
    fn migrate(_values: &mut Map<String, Value>) -> Option<String> {
        None
    }

    /// Returns how far a run of this configuration goes and what it writes on the way.
    fn training_options(&self, resume: Option<Checkpoint>) -> TrainingOptions {
        TrainingOptions {
            steps: self.training().batches,
            checkpoint_every: self.training().checkpoint_every(),
            images_per_step: self.images_per_batch(),
            resume,
            selection: self.selection(),
            interrupter: Default::default(),
            shows_progress: false,
        }
    }

    /// Returns this configuration with a learning-rate schedule of its own after the last step of
    /// `earlier`.
    #[must_use]
    fn with_new_schedule(mut self, earlier: &Self) -> Self {
        self.training_mut().earlier_batches = earlier.training().schedule_ends();
        self
    }

    /// Checks that a run of `earlier` can be resumed under this configuration: all settings agree
    /// but those that [may change](RunConfig::may_change) and how often checkpoints are written,
    /// and the run is longer only under a [new schedule](RunConfig::with_new_schedule).
    ///
    /// # Errors
    /// Returns an error that names the first setting that differs.
    fn check_resumes(&self, earlier: &Self) -> Result<()> {
        const FREE: [&str; 3] = ["batches", "checkpoint_every", "earlier_batches"];
        self.training().check_length_after(earlier.training())?;
        let (now, before) = (Settings::of(self)?, Settings::of(earlier)?);
        now.check_same(&before, |key| FREE.contains(&key) || Self::may_change(key))
    }
}
