//! [`RunRequest`]: how a run begins, in a new folder or from a checkpoint of an earlier one.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::checkpoint::Checkpoint;
use super::folder::RunFolder;
use super::run_config::RunConfig;
use super::settings::Settings;
use crate::{Error, Result};

/// Where the settings of a run come from, and whether it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// A file of settings to begin with, such as the `config.json` of an earlier run; what it does
    /// not have stays at its default.
    pub config: Option<PathBuf>,
    /// Settings by their names in `config.json`, which win over everything else.
    pub set: Vec<(String, String)>,
    /// Go on with the run that is in the folder, from the checkpoint of this step or else from the
    /// newest complete one.
    pub resume: Option<Option<usize>>,
    /// Going on with more steps than before, let the learning rate rise and fall once more.
    pub new_schedule: bool,
}

/// A run that can begin.
#[derive(Debug)]
pub struct Started<C: RunConfig> {
    /// Its folder, in which `config.json` is.
    pub folder: RunFolder,
    /// Its configuration.
    pub config: C,
    /// What the configuration leads to: it was checked, and what it names was opened.
    pub resolved: C::Resolved,
    /// Where it goes on, if not at the beginning.
    pub resume: Option<Checkpoint>,
}

impl RunRequest {
    /// `fresh` with the file of settings over it, then what `arguments` changes, then every single
    /// setting. `tell` is told what in the file has another name now.
    ///
    /// # Errors
    /// Names the setting that is not known or cannot be used.
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

    /// Makes the folder of a run with `fresh` settings, or opens that of an earlier one; the file
    /// of settings, what `arguments` changes and every single setting come over either. `tell` is
    /// told what a user should know, a sentence at a time.
    ///
    /// # Errors
    /// When a setting cannot be used, the folder cannot be written, or there is nothing to resume.
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
            // It was stopped before its first checkpoint.
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

/// Reads settings from a file; `take` makes a configuration of them.
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
    /// Reads the configuration of the run that is in the folder. `good` is any configuration of
    /// such a run, by which a setting that cannot be used is found; `tell` is told what in the file
    /// has another name now.
    ///
    /// # Errors
    /// When the file cannot be read, or does not have all settings of such a run and no others.
    pub fn read_config<C: RunConfig>(&self, good: &C, tell: &mut dyn FnMut(&str)) -> Result<C> {
        read_config(&self.file(Self::CONFIG), tell, |values| {
            let config = Settings::from_values(values.clone()).into_config(good)?;
            Settings::of(&config)?.overlaid(values)?;
            Ok(config)
        })
    }

    /// The folder of a run of these settings: the one that is there already, or a new one. A run of
    /// other settings moves aside.
    ///
    /// # Errors
    /// When the folder cannot be read or made.
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

    /// The newest complete checkpoint, if there is any yet; `tell` is told of those that are
    /// broken.
    ///
    /// # Errors
    /// When all that are there are broken.
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
