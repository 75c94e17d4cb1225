//! Arguments that every example takes.

use std::path::PathBuf;

use clap::Args;
use heatmap_train::DeviceName;
use heatmap_train::run::RunFolder;

/// `--out`, `--seed`, `--device`, `--smoke`.
#[derive(Debug, Clone, Args)]
pub struct SharedArguments {
    /// Folder for everything the program leaves [default: runs/EXAMPLE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of all random numbers [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Where to compute: cpu, wgpu or ndarray (the last two with the cargo feature of that name)
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub device: DeviceName,

    /// Run the whole path on tiny sizes, in less than a minute
    #[arg(long)]
    pub smoke: bool,
}

impl SharedArguments {
    /// The folder to write to, for the example of this name.
    pub fn out(&self, example: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(example))
    }

    /// The same, after a look whether a run can be made there: for programs that write when their
    /// work is done.
    ///
    /// # Errors
    /// When it is no folder, cannot be written to, or another program writes there.
    pub fn checked_out(&self, example: &str) -> heatmap_train::Result<PathBuf> {
        let out = self.out(example);
        RunFolder::check_place(&out)?;
        Ok(out)
    }
}

/// The two sides of `NAME=PATH`, neither of them empty.
pub(crate) fn name_and_path(text: &str) -> Option<(String, PathBuf)> {
    let (name, path) = text.split_once('=')?;
    (!name.is_empty() && !path.is_empty()).then(|| (name.to_owned(), path.into()))
}
