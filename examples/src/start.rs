//! How a run begins: in a new folder, or from a checkpoint of an earlier one; and how it is
//! stopped.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;
use heatmap_models::burn::train::Interrupter;
use heatmap_train::run::{Checkpoint, RunFolder, Settings, TrainingOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::say;

/// A run that can begin: its folder, its configuration and, if it goes on, the checkpoint.
pub type Started<C> = (RunFolder, C, Option<Checkpoint>);

/// What a program knows of the configuration of its runs.
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// Checks all settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    fn check(&self) -> heatmap_train::Result<()>;

    /// Checks that a run of `earlier` can go on under this configuration.
    ///
    /// # Errors
    /// Names the first setting that differs.
    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()>;

    /// The same, going on behind the last step of `earlier` under a schedule of its own.
    ///
    /// # Errors
    /// When such runs have one schedule alone.
    fn with_new_schedule(self, _earlier: &Self) -> heatmap_train::Result<Self> {
        let reason = "only SimCLR runs go on under another schedule; begin another run with this \
                      one's encoder as --weights";
        Err(heatmap_train::Error::config("new schedule", true, reason))
    }

    /// Batches in all.
    fn steps(&self) -> usize;
}

/// Where the settings of a run come from, and whether it goes on.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Settings to begin with, such as the config.json of an earlier run; what it does not have
    /// stays at its default
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    config: Option<PathBuf>,

    /// A setting by its name in config.json, such as optimizer.beta_2=0.98; may be given several
    /// times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<KeyValue>,

    /// Go on with the run in --out, from its newest complete checkpoint or from that of batch N,
    /// discarding later ones
    #[arg(long, value_name = "N", num_args = 0..=1)]
    resume: Option<Option<usize>>,

    /// With --resume and more batches than before: behind the old ones, let the learning rate rise
    /// and fall to zero again
    #[arg(long, requires = "resume")]
    new_schedule: bool,
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
struct KeyValue(String, String);

impl FromStr for KeyValue {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("is not KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

impl RunArguments {
    /// `fresh` with the file of settings over it, then what `overlay` says, then every `--set`.
    ///
    /// # Errors
    /// Names the setting that is not known or cannot be used.
    pub fn settle<C: RunConfig>(
        &self,
        fresh: C,
        overlay: impl Fn(C) -> Result<C, Box<dyn Error>>,
    ) -> Result<C, Box<dyn Error>> {
        let begin = match &self.config {
            Some(path) => {
                let read = Settings::read(path, &Settings::of(&fresh)?)?.into_config(&fresh);
                read.map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => fresh,
        };
        let config = overlay(begin)?;
        if self.set.is_empty() {
            return Ok(config);
        }
        let mut settings = Settings::of(&config)?;
        for KeyValue(key, value) in &self.set {
            settings.set(key, value)?;
        }
        Ok(settings.into_config(&config)?)
    }
}

/// Makes the folder of a run with `fresh` settings, or opens that of an earlier one; the file of
/// settings, what `overlay` says and every `--set` come over either.
///
/// # Errors
/// When a setting cannot be used, the folder cannot be written, or there is nothing to resume.
pub fn start<C: RunConfig>(
    out: &Path,
    run: &RunArguments,
    fresh: C,
    overlay: impl Fn(C) -> Result<C, Box<dyn Error>>,
) -> Result<Started<C>, Box<dyn Error>> {
    let Some(from) = run.resume else {
        let config = run.settle(fresh, overlay)?;
        config.check()?;
        let (folder, moved) = RunFolder::create(out, &config)?;
        if let Some(moved) = moved {
            say(&format!("The earlier run in {} is now in {}.", out.display(), moved.display()));
        }
        return Ok((folder, config, None));
    };
    let folder = RunFolder::open_to_write(out)?;
    let earlier: C = folder.read_json(RunFolder::CONFIG)?;
    let mut config = run.settle(earlier.clone(), overlay)?;
    if run.new_schedule {
        config = config.with_new_schedule(&earlier)?;
    }
    config.check()?;
    config.check_resumes(&earlier)?;
    let checkpoint = match from {
        Some(step) => Some(folder.checkpoints().at_step(step)?),
        None => newest(&folder)?,
    };
    let Some(checkpoint) = checkpoint else {
        // It was stopped before its first checkpoint.
        folder.write_json(RunFolder::CONFIG, &config)?;
        say("No checkpoint yet: beginning again.");
        return Ok((folder, config, None));
    };
    if checkpoint.step > config.steps() {
        let (steps, done) = (config.steps(), checkpoint.step);
        return Err(
            format!("{steps} batches in all are less than the {done} of the checkpoint").into()
        );
    }
    folder.write_json(RunFolder::CONFIG, &config)?;
    say(&format!("Going on after batch {}.", checkpoint.step));
    Ok((folder, config, Some(checkpoint)))
}

/// The folder of a run of these settings: the one that is there already, or a new one. A run of
/// other settings moves aside.
///
/// # Errors
/// When the folder cannot be read or made.
pub fn folder_of(path: &Path, config: &impl Serialize) -> Result<RunFolder, Box<dyn Error>> {
    let settings = serde_json::to_value(config)?;
    let is_same = |folder: &RunFolder| {
        folder
            .read_json(RunFolder::CONFIG)
            .is_ok_and(|earlier: serde_json::Value| earlier == settings)
    };
    match RunFolder::open(path).ok().filter(is_same) {
        Some(_) => Ok(RunFolder::open_to_write(path)?),
        None => fresh_folder(path, config, &format!("run in {}", path.display())),
    }
}

/// The newest complete checkpoint, if there is any yet; the user hears of those that are broken.
///
/// # Errors
/// When all that are there are broken.
pub fn newest(folder: &RunFolder) -> Result<Option<Checkpoint>, Box<dyn Error>> {
    if folder.checkpoints().is_empty()? {
        return Ok(None);
    }
    let (checkpoint, broken) = folder.checkpoints().newest_complete()?;
    broken.iter().for_each(|error| say(&format!("Passed over a broken checkpoint: {error}")));
    Ok(Some(checkpoint))
}

/// What Ctrl-C does: while a run trains, the first ends it after its batch and the second ends the
/// program; at any other time the program ends at once, for what comes then writes each file whole
/// or not at all.
#[derive(Clone, Default)]
pub struct CtrlC(Arc<Mutex<Option<Interrupter>>>);

impl CtrlC {
    /// Takes care of Ctrl-C from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn handle() -> Result<Self, ctrlc::Error> {
        let this = Self::default();
        let shared = this.clone();
        ctrlc::set_handler(move || match &*shared.lock() {
            Some(interrupter) if !interrupter.should_stop() => interrupter.stop(Some("Ctrl-C")),
            _ => std::process::exit(130),
        })?;
        Ok(this)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Interrupter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it stops this run.
    pub fn stops(&self, options: &TrainingOptions) {
        *self.lock() = Some(options.interrupter.clone());
    }

    /// From now on it ends the program.
    pub fn exits(&self) {
        *self.lock() = None;
    }
}

impl RunConfig for heatmap_train::run::SimClrConfig {
    fn check(&self) -> heatmap_train::Result<()> {
        self.check().map(|_| ())
    }

    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()> {
        self.check_resumes(earlier)
    }

    fn with_new_schedule(self, earlier: &Self) -> heatmap_train::Result<Self> {
        Ok(self.with_new_schedule(earlier))
    }

    fn steps(&self) -> usize {
        self.batches
    }
}

impl RunConfig for heatmap_train::run::CountConfig {
    fn check(&self) -> heatmap_train::Result<()> {
        self.check().map(|_| ())
    }

    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.training.steps()
    }
}

impl RunConfig for heatmap_train::run::LocationConfig {
    fn check(&self) -> heatmap_train::Result<()> {
        self.check().map(|_| ())
    }

    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.training.steps()
    }
}

impl RunConfig for heatmap_train::run::SetDetectorConfig {
    fn check(&self) -> heatmap_train::Result<()> {
        self.check()
    }

    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()> {
        self.check_resumes(earlier)
    }

    fn steps(&self) -> usize {
        self.batches
    }
}

/// A folder for a run of a program that cannot be resumed; an earlier one moves aside, and the user
/// hears where it is: "the earlier `what`".
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn fresh_folder(
    out: &Path,
    config: &impl Serialize,
    what: &str,
) -> Result<RunFolder, Box<dyn Error>> {
    let (folder, moved) = RunFolder::create(out, config)?;
    if let Some(moved) = moved {
        say(&format!("The earlier {what} is now in {}.", moved.display()));
    }
    Ok(folder)
}
