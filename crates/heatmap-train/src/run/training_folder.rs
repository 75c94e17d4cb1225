//! [`TrainingFolder`]: what the folder of a training has beside files: settings and checkpoints.

use std::path::Path;

use heatmap_core::RunFolder;
use serde::Serialize;
use serde_json::{Map, Value};

use super::checkpoint::{Checkpoint, Checkpoints};
use super::run_config::RunConfig;
use crate::{Error, Result};

/// The folder of a training.
pub trait TrainingFolder: Sized {
    /// Reads the configuration of the run in the folder. `good` is any valid configuration of the
    /// same kind; it serves to find the setting that cannot be used. `tell` is called with a
    /// sentence when the file uses the setting names of an earlier version.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, when it lacks a setting that has no default,
    /// or when it contains an unknown one.
    fn read_config<C: RunConfig>(&self, good: &C, tell: &mut dyn FnMut(&str)) -> Result<C>;

    /// Opens the folder of a run with exactly these settings, or creates it. A run with other
    /// settings at this path is moved aside, and `tell` is called with its new path.
    ///
    /// # Errors
    /// Returns an error when the folder cannot be read or created, or when another program writes
    /// in it.
    fn of(path: &Path, config: &impl Serialize, tell: &mut dyn FnMut(&str)) -> Result<Self>;

    /// Returns the newest complete checkpoint, or `None` when the run has none yet. `tell` is
    /// called with a sentence for every newer checkpoint that is damaged.
    ///
    /// # Errors
    /// Returns an error when all checkpoints are damaged, or when the folder cannot be read.
    fn newest_checkpoint(&self, tell: &mut dyn FnMut(&str)) -> Result<Option<Checkpoint>>;
}

impl TrainingFolder for RunFolder {
    fn read_config<C: RunConfig>(&self, good: &C, tell: &mut dyn FnMut(&str)) -> Result<C> {
        read_config(&self.file(Self::CONFIG), tell, |values| {
            let config = good.settings()?.with_values(values.clone()).into_config(good)?;
            config.settings()?.overlaid(values)?;
            Ok(config)
        })
    }

    fn of(path: &Path, config: &impl Serialize, tell: &mut dyn FnMut(&str)) -> Result<Self> {
        let settings = serde_json::to_value(config)
            .map_err(|error| Error::config("settings", "", error.to_string()))?;
        let is_same = |folder: &Self| {
            folder
                .read_json(Self::CONFIG)
                .is_ok_and(|earlier: serde_json::Value| earlier == settings)
        };
        if Self::open(path).ok().filter(is_same).is_some() {
            return Ok(Self::open_to_write(path)?);
        }
        let (folder, moved) = Self::create(path, config)?;
        if let Some(moved) = moved {
            let (path, moved) = (path.display(), moved.display());
            tell(&format!("The earlier run in {path} is now in {moved}."));
        }
        Ok(folder)
    }

    fn newest_checkpoint(&self, tell: &mut dyn FnMut(&str)) -> Result<Option<Checkpoint>> {
        if Checkpoints::of(self).is_empty()? {
            return Ok(None);
        }
        let (checkpoint, broken) = Checkpoints::of(self).newest_complete()?;
        for error in &broken {
            tell(&format!("Passed over a broken checkpoint: {error}"));
        }
        Ok(Some(checkpoint))
    }
}

/// Reads settings from a file, renames those of earlier versions, and returns the configuration
/// that `take` makes of them.
pub(super) fn read_config<C: RunConfig>(
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
