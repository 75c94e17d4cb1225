//! [`OutputArguments`]: where a program writes, and the folder of its run.

use std::path::{Path, PathBuf};

use clap::Args;
use heatmap_core::{Result, RunFolder};
use serde::Serialize;

use crate::say;

/// `--out`, `--seed`, `--smoke`.
#[derive(Debug, Clone, Args)]
pub struct OutputArguments {
    /// Folder for everything the program leaves [default: runs/PROGRAM]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of all random numbers [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Run the whole path on tiny sizes, in less than a minute
    #[arg(long)]
    pub smoke: bool,
}

impl OutputArguments {
    /// The folder to write to, for the program of this name.
    pub fn out(&self, program: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(program))
    }

    /// The folder to write to, after a look whether a run can be made there: for programs that
    /// write when their work is done.
    ///
    /// # Errors
    /// When it is no folder, cannot be written to, or another program writes there.
    pub fn checked_out(&self, program: &str) -> Result<PathBuf> {
        let out = self.out(program);
        RunFolder::check_place(&out)?;
        Ok(out)
    }
}

/// A folder for a run of a program that cannot be resumed; an earlier one moves aside, and the user
/// hears where it is: "the earlier `what`".
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn fresh_folder(out: &Path, config: &impl Serialize, what: &str) -> Result<RunFolder> {
    let (folder, moved) = RunFolder::create(out, config)?;
    if let Some(moved) = moved {
        say(&format!("The earlier {what} is now in {}.", moved.display()));
    }
    Ok(folder)
}
