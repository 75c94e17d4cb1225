//! How a run begins: in a new folder, or from a checkpoint of an earlier one; and how it is stopped.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heatmap_train::run::{Checkpoint, RunFolder, TrainingOptions};
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

    /// Batches in all.
    fn steps(&self) -> usize;
}

/// Makes the folder of a run with `fresh` settings, or opens that of an earlier one; `overlay` puts what the user said over
/// either. `resume` is as clap reads it: absent, without a number, or with the number of a batch.
///
/// # Errors
/// When a setting cannot be used, the folder cannot be written, or there is nothing to resume.
pub fn start<C: RunConfig>(
    out: &Path,
    resume: &Option<Option<usize>>,
    fresh: C,
    overlay: impl Fn(C) -> Result<C, Box<dyn Error>>,
) -> Result<Started<C>, Box<dyn Error>> {
    let Some(from) = resume else {
        let config = overlay(fresh)?;
        config.check()?;
        let (folder, moved) = RunFolder::create(out, &config)?;
        if let Some(moved) = moved {
            say(&format!("The earlier run in {} is now in {}.", out.display(), moved.display()));
        }
        return Ok((folder, config, None));
    };
    let folder = RunFolder::open(out)?;
    let earlier: C = folder.read_json(RunFolder::CONFIG)?;
    let config = overlay(earlier.clone())?;
    config.check()?;
    config.check_resumes(&earlier)?;
    let checkpoint = match from {
        Some(step) => folder.checkpoints().at_step(*step)?,
        None => {
            let (checkpoint, broken) = folder.checkpoints().newest_complete()?;
            broken.iter().for_each(|error| say(&format!("Passed over a broken checkpoint: {error}")));
            checkpoint
        }
    };
    if checkpoint.step > config.steps() {
        let (steps, done) = (config.steps(), checkpoint.step);
        return Err(format!("{steps} batches in all are less than the {done} of the checkpoint").into());
    }
    folder.write_json(RunFolder::CONFIG, &config)?;
    say(&format!("Going on after batch {}.", checkpoint.step));
    Ok((folder, config, Some(checkpoint)))
}

/// The first Ctrl-C ends the run after its batch, the second at once. So does the first when training is `over`: what
/// comes then writes each file whole or not at all, and a run that is resumed does it again.
///
/// # Errors
/// When the system refuses.
pub fn stop_on_ctrl_c(options: &TrainingOptions) -> Result<TrainingOver, ctrlc::Error> {
    let interrupter = options.interrupter.clone();
    let over = TrainingOver::default();
    let is_over = over.0.clone();
    ctrlc::set_handler(move || {
        if interrupter.should_stop() || is_over.load(Ordering::Relaxed) {
            std::process::exit(130);
        }
        interrupter.stop(Some("Ctrl-C"));
    })?;
    Ok(over)
}

/// Tells the handler of Ctrl-C that training is over.
#[derive(Debug, Default)]
pub struct TrainingOver(Arc<AtomicBool>);

impl TrainingOver {
    /// Training is over.
    pub fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl RunConfig for heatmap_train::run::SimClrConfig {
    fn check(&self) -> heatmap_train::Result<()> {
        self.check().map(|_| ())
    }

    fn check_resumes(&self, earlier: &Self) -> heatmap_train::Result<()> {
        self.check_resumes(earlier)
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

/// A folder for a run of a program that cannot be resumed; an earlier one moves aside, and the user hears where it is: "the earlier
/// `what`".
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn fresh_folder(out: &Path, config: &impl Serialize, what: &str) -> Result<RunFolder, Box<dyn Error>> {
    let (folder, moved) = RunFolder::create(out, config)?;
    if let Some(moved) = moved {
        say(&format!("The earlier {what} is now in {}.", moved.display()));
    }
    Ok(folder)
}
