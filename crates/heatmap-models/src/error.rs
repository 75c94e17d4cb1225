//! The one error type of the crate.

use std::path::{Path, PathBuf};

use crate::mismatch::Mismatch;
use crate::weight_layout::WeightLayout;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with files of weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is damaged, hostile, or of another format than its name says.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file without a tensor that was asked for.
    #[error("{}: no tensor `{key}`; the file holds {}", path.display(), summary(found))]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        key: String,
        /// What the file holds.
        found: Vec<String>,
    },
    /// No known layout fits the names in a file.
    #[error(
        "{}: no {family} that we know keeps its weights under these names: {}",
        path.display(),
        summary(found)
    )]
    UnknownLayout {
        /// The file.
        path: PathBuf,
        /// The networks that were looked for.
        family: &'static str,
        /// What the file holds.
        found: Vec<String>,
    },
    /// A file fits the network in part only. Nothing was loaded.
    #[error("{}: {mismatch}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Every name that does not fit.
        mismatch: Box<Mismatch>,
    },
    /// A layout that has no name for a tensor of the network.
    #[error("{}: the {layout} layout has no name for `{tensor}`", path.display())]
    NoPlace {
        /// The file that was to be written.
        path: PathBuf,
        /// The layout.
        layout: WeightLayout,
        /// The network's own name of the tensor.
        tensor: String,
    },
    /// A setting by a name that does not exist.
    #[error("{what} `{value}`: {reason}")]
    Unknown {
        /// What was to be chosen.
        what: &'static str,
        /// What was given.
        value: String,
        /// What exists.
        reason: String,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Core(#[from] heatmap_core::Error),
    /// A model repository cannot be reached, or lacks a file.
    #[cfg(feature = "hub")]
    #[error("{repository}: {reason}")]
    Hub {
        /// The repository.
        repository: String,
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// An [`Error::Io`] for `path`, for use in `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::BadFile`].
    pub(crate) fn bad_file(path: &Path, reason: impl ToString) -> Self {
        Self::BadFile { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// The first names of a list, and how many more there are.
pub(crate) fn summary(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names {
        [] => "nothing".to_owned(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!("{}, and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    }
}
