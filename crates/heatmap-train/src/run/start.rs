//! [`RunRequest`]: starts a run in a new folder, or resumes an earlier one from a checkpoint.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::checkpoint::Checkpoint;
use super::folder::RunFolder;
use super::run_config::RunConfig;
use super::settings::Settings;
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
                Settings::of(&fresh)?.overlaid(values)?.into_config(&fresh)
            })?,
            None => fresh,
        };
        let config = arguments(begin)?;
        if self.set.is_empty() {
            return Ok(config);
        }
        let mut settings = Settings::of(&config)?;
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
            Some(step) => Some(folder.checkpoints().at_step(step)?),
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

/// Reads settings from a file, renames those of earlier versions, and returns the configuration
/// that `take` makes of them.
fn read_config<C: RunConfig>(
    path: &Path,
    tell: &mut dyn FnMut(&str),
    take: impl FnOnce(Map<String, Value>) -> Result<C>,
) -> Result<C> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let values = serde_json::from_str(&text).map_err(|error| Error::bad_file(path, error))?;
    let Value::Object(mut values) = values else {
        return Err(Error::bad_file(path, "not a JSON object of settings"));
    };
    if let Some(renamed) = C::migrate(&mut values) {
        tell(&format!("{} has settings of an earlier version: {renamed}.", path.display()));
    }
    take(values).map_err(|error| Error::bad_file(path, error))
}

impl RunFolder {
    /// Reads the configuration of the run in the folder. `good` is any valid configuration of the
    /// same kind; it serves to find the setting that cannot be used. `tell` is called with a
    /// sentence when the file uses the setting names of an earlier version.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, when it lacks a setting that has no default,
    /// or when it contains an unknown one.
    pub fn read_config<C: RunConfig>(&self, good: &C, tell: &mut dyn FnMut(&str)) -> Result<C> {
        read_config(&self.file(Self::CONFIG), tell, |values| {
            let config = Settings::from_values(values.clone()).into_config(good)?;
            Settings::of(&config)?.overlaid(values)?;
            Ok(config)
        })
    }

    /// Opens the folder of a run with exactly these settings, or creates it. A run with other
    /// settings at this path is moved aside, and `tell` is called with its new path.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be read or created, or when another program writes
    /// in it.
    pub fn of(path: &Path, config: &impl Serialize, tell: &mut dyn FnMut(&str)) -> Result<Self> {
        let settings = serde_json::to_value(config)
            .map_err(|error| Error::config("settings", "", error.to_string()))?;
        let is_same = |folder: &Self| {
            folder
                .read_json(Self::CONFIG)
                .is_ok_and(|earlier: serde_json::Value| earlier == settings)
        };
        if Self::open(path).ok().filter(is_same).is_some() {
            return Self::open_to_write(path);
        }
        let (folder, moved) = Self::create(path, config)?;
        if let Some(moved) = moved {
            let (path, moved) = (path.display(), moved.display());
            tell(&format!("The earlier run in {path} is now in {moved}."));
        }
        Ok(folder)
    }

    /// Returns the newest complete checkpoint, or `None` when the run has none yet. `tell` is
    /// called with a sentence for every newer checkpoint that is damaged.
    ///
    /// # Errors
    /// Returns an error when all checkpoints are damaged, or when the folder cannot be read.
    pub fn newest_checkpoint(&self, tell: &mut dyn FnMut(&str)) -> Result<Option<Checkpoint>> {
        if self.checkpoints().is_empty()? {
            return Ok(None);
        }
        let (checkpoint, broken) = self.checkpoints().newest_complete()?;
        for error in &broken {
            tell(&format!("Passed over a broken checkpoint: {error}"));
        }
        Ok(Some(checkpoint))
    }
}
