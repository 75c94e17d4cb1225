//! How a run begins: what the user says of its settings, and of an earlier run that goes on.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use heatmap_train::run::{RunConfig, RunRequest, Started};

use crate::say;

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
    /// What was said, for the library.
    pub fn request(&self) -> RunRequest {
        RunRequest {
            config: self.config.clone(),
            set: self.set.iter().map(|KeyValue(key, value)| (key.clone(), value.clone())).collect(),
            resume: self.resume,
            new_schedule: self.new_schedule,
        }
    }

    /// Begins the run in `out`, or goes on with the one that is there; see [`RunRequest::start`].
    ///
    /// # Errors
    /// When a setting cannot be used, the folder cannot be written, or there is nothing to resume.
    pub fn start<C: RunConfig>(
        &self,
        out: &Path,
        fresh: C,
        arguments: impl Fn(C) -> heatmap_train::Result<C>,
    ) -> heatmap_train::Result<Started<C>> {
        self.request().start(out, fresh, arguments, &mut |sentence| say(sentence))
    }
}
