//! [`RunConfig`]: the interface that the configurations of all kinds of runs share.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::checkpoint::Checkpoint;
use super::settings::Settings;
use super::training::{Selection, TrainingOptions};
use super::training_config::TrainingConfig;
use crate::Result;

/// A configuration with which a run can be started, repeated and resumed. It is stored as
/// `config.json`.
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// What [`RunConfig::resolve`] opens: the data set, and the weights to start from. They are
    /// opened only there, so that what was checked is what is used.
    type Resolved;

    /// Returns the settings of length, optimiser and checkpoints.
    fn training(&self) -> &TrainingConfig;

    /// Returns the settings of length, optimiser and checkpoints, to be modified.
    fn training_mut(&mut self) -> &mut TrainingConfig;

    /// Returns the number of images in a batch.
    fn images_per_batch(&self) -> usize;

    /// Returns which checkpoint is the result of the run.
    fn selection(&self) -> Selection;

    /// Checks all settings, and opens the data set and the weights that they name.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    fn resolve(&self) -> Result<Self::Resolved>;

    /// Returns whether the setting `key` may change when a run is resumed. Such a setting affects
    /// how the run is evaluated or when it stops early, but not what a step computes.
    fn may_change(key: &str) -> bool;

    /// Returns all settings by their names, those of [optional groups](Settings::with_group) among
    /// them.
    ///
    /// # Errors
    /// Returns an error when the configuration is not serialised as a JSON object.
    fn settings(&self) -> Result<Settings> {
        Settings::of(self)
    }

    /// Renames settings of earlier versions in `values` to their present names, and returns a
    /// description of what was renamed, or `None` if nothing was.
    fn migrate(_values: &mut Map<String, Value>) -> Option<String> {
        None
    }

    /// Returns the options of the training loop for this configuration, to resume from `resume` if
    /// it is given; no progress is shown.
    fn training_options(&self, resume: Option<Checkpoint>) -> TrainingOptions {
        let (images, selection) = (self.images_per_batch(), self.selection());
        TrainingOptions::of(self.training(), images, selection, resume)
    }

    /// Returns this configuration, extended by a new learning-rate schedule that begins after the
    /// last step of `earlier`.
    #[must_use]
    fn with_new_schedule(mut self, earlier: &Self) -> Self {
        self.training_mut().earlier_batches = earlier.training().schedule_ends();
        self
    }

    /// Checks that a run with the configuration `earlier` can be resumed with this one. Settings
    /// must agree, except the number of steps between checkpoints and those that
    /// [may change](RunConfig::may_change). The number of steps may change only with a
    /// [new schedule](RunConfig::with_new_schedule).
    ///
    /// # Errors
    /// Returns an error that names the first setting that differs.
    fn check_resumes(&self, earlier: &Self) -> Result<()> {
        const FREE: [&str; 3] = ["batches", "checkpoint_every", "earlier_batches"];
        self.training().check_length_after(earlier.training())?;
        let (now, before) = (self.settings()?, earlier.settings()?);
        now.check_same(&before, |key| FREE.contains(&key) || Self::may_change(key))
    }
}
