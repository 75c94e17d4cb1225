//! [`RunRequest`]: starts a run in a new folder, or resumes an earlier one from a checkpoint.

use std::path::{Path, PathBuf};

use heatmap_core::RunFolder;

use super::checkpoint::{Checkpoint, Checkpoints};
use super::run_config::RunConfig;
use super::training_folder::{TrainingFolder, read_config};
use crate::{Error, Result};

/// A request to start or resume a run: where its settings come from, and where it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// Configuration file, such as the `config.json` of an earlier run. Settings that it does not
    /// contain keep their defaults or, on a resume, the values of the run.
    pub config: Option<PathBuf>,
    /// Settings as pairs of key and value, with the keys of `config.json`. They override all
    /// others.
    pub set: Vec<(String, String)>,
    /// Whether to resume the run in the folder: `None` to start a new run, `Some(None)` to resume
    /// from the newest complete checkpoint, `Some(Some(step))` to resume from the checkpoint of
    /// that step.
    pub resume: Option<Option<usize>>,
    /// Whether a resumed run gets a new learning-rate schedule for the steps after its earlier end:
    /// the learning rate returns to its peak and falls to zero once more.
    pub new_schedule: bool,
}

/// A run that is ready to train; [`RunRequest::start`] returns it.
#[derive(Debug)]
pub struct Started<C: RunConfig> {
    /// Folder of the run, which contains its `config.json`.
    pub folder: RunFolder,
    /// Configuration of the run.
    pub config: C,
    /// What the configuration [resolves](RunConfig::resolve) to: its settings are checked, and the
    /// data set and weights that they name are open.
    pub resolved: C::Resolved,
    /// Checkpoint to resume from; `None` to start at the first step.
    pub resume: Option<Checkpoint>,
}

impl RunRequest {
    /// Returns the configuration of a run: `fresh`, overridden first by the file of
    /// [`RunRequest::config`], then by `arguments`, then by [`RunRequest::set`]. `tell` is called
    /// with a sentence when the file uses the setting names of an earlier version.
    ///
    /// # Errors
    /// Returns an error that names the file that cannot be read, or the setting that is unknown or
    /// cannot be used.
    pub fn configure<C: RunConfig>(
        &self,
        fresh: C,
        arguments: impl Fn(C) -> Result<C>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<C> {
        let begin = match &self.config {
            Some(path) => read_config(path, tell, |values| {
                fresh.settings()?.overlaid(values)?.into_config(&fresh)
            })?,
            None => fresh,
        };
        let config = arguments(begin)?;
        if self.set.is_empty() {
            return Ok(config);
        }
        let mut settings = config.settings()?;
        self.set.iter().try_for_each(|(key, value)| settings.set(key, value))?;
        settings.into_config(&config)
    }

    /// Creates the folder of a run with the settings `fresh`, or opens the folder of the run to
    /// resume, which has settings of its own. Either settings are overridden as in
    /// [`RunRequest::configure`]. `tell` is called with every sentence that the user should read.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used or may not change on a resume, when the
    /// folder cannot be written, or when there is no run to resume.
    pub fn start<C: RunConfig>(
        &self,
        out: &Path,
        fresh: C,
        arguments: impl Fn(C) -> Result<C>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Started<C>> {
        let Some(from) = self.resume else {
            let config = self.configure(fresh, arguments, tell)?;
            let resolved = config.resolve()?;
            let (folder, moved) = RunFolder::create(out, &config)?;
            if let Some(moved) = moved {
                let (out, moved) = (out.display(), moved.display());
                tell(&format!("The earlier run in {out} is now in {moved}."));
            }
            return Ok(Started { folder, config, resolved, resume: None });
        };
        let folder = RunFolder::open_to_write(out)?;
        let earlier = folder.read_config(&fresh, tell)?;
        let mut config = self.configure(earlier.clone(), arguments, tell)?;
        if self.new_schedule {
            config = config.with_new_schedule(&earlier);
        }
        let resolved = config.resolve()?;
        config.check_resumes(&earlier)?;
        let checkpoint = match from {
            Some(step) => Some(Checkpoints::of(&folder).at_step(step)?),
            None => folder.newest_checkpoint(tell)?,
        };
        let Some(checkpoint) = checkpoint else {
            // The earlier run was stopped before its first checkpoint.
            folder.write_json(RunFolder::CONFIG, &config)?;
            tell("No checkpoint yet: beginning again.");
            return Ok(Started { folder, config, resolved, resume: None });
        };
        let batches = config.training().batches;
        if checkpoint.step > batches {
            let reason = format!("less than the {} of the checkpoint", checkpoint.step);
            return Err(Error::config("batches", batches, reason));
        }
        folder.write_json(RunFolder::CONFIG, &config)?;
        tell(&format!("Going on after batch {}.", checkpoint.step));
        Ok(Started { folder, config, resolved, resume: Some(checkpoint) })
    }
}
