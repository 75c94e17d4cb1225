//! The error type of the crate.

use std::path::{Path, PathBuf};

use crate::mismatch::Mismatch;
use crate::weight_layout::WeightLayout;

/// The result type of this crate, with [`Error`] as its error.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate; most are about reading or writing weight files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file that could not be read.
        path: PathBuf,
        /// The error that the operating system reported.
        source: std::io::Error,
    },
    /// A file is damaged, hostile, or in another format than its name says.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file that was rejected.
        path: PathBuf,
        /// The defect that was found in the file.
        reason: String,
    },
    /// A file does not contain a tensor that was asked for.
    #[error("{}: no tensor `{key}`; the file holds {}", path.display(), summary(found))]
    NoTensor {
        /// The file that was searched.
        path: PathBuf,
        /// The name of the tensor that was asked for.
        key: String,
        /// The names of the tensors that the file does contain.
        found: Vec<String>,
    },
    /// The tensor names in a file match no known state dict layout.
    #[error(
        "{}: no {family} that we know keeps its weights under these names: {}",
        path.display(),
        summary(found)
    )]
    UnknownLayout {
        /// The file whose layout was not recognised.
        path: PathBuf,
        /// The family of networks whose layouts were tried.
        family: &'static str,
        /// The names of the tensors that the file contains.
        found: Vec<String>,
    },
    /// A file and a network differ in at least one tensor. Nothing was loaded.
    #[error("{}: {mismatch}", path.display())]
    Mismatch {
        /// The file that does not fit.
        path: PathBuf,
        /// Every tensor name that does not fit.
        mismatch: Box<Mismatch>,
    },
    /// A state dict layout has no name for one of the network's tensors, so the network was not
    /// saved.
    #[error("{}: the {layout} layout has no name for `{tensor}`", path.display())]
    NoPlace {
        /// The file that was to be written.
        path: PathBuf,
        /// The layout that was asked for.
        layout: WeightLayout,
        /// The path of the tensor in the network, such as `stages.0.blocks.0.branch.0.conv.weight`.
        tensor: String,
    },
    /// A setting was given a value that does not exist.
    #[error("{what} `{value}`: {reason}")]
    Unknown {
        /// The setting, such as `count head`.
        what: &'static str,
        /// The value that was given.
        value: String,
        /// The values that exist, as a sentence for the message.
        reason: String,
    },
    /// A file cannot be written; this wraps the error of `heatmap-core`, whose functions write the
    /// files.
    #[error(transparent)]
    Core(#[from] heatmap_core::Error),
    /// A model repository cannot be reached, or lacks a file.
    #[cfg(feature = "hub")]
    #[error("{repository}: {reason}")]
    Hub {
        /// The name of the repository, as it was given.
        repository: String,
        /// The cause, as a sentence for the message.
        reason: String,
    },
}

impl Error {
    /// Returns a function that wraps an I/O error into [`Error::Io`] for `path`, for use in
    /// `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Makes an [`Error::BadFile`] for `path`.
    pub(crate) fn bad_file(path: &Path, reason: impl ToString) -> Self {
        Self::BadFile { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Makes an [`Error::Unknown`] for a name that no variant of `T` has.
    pub(crate) fn unknown<T: strum::VariantArray + Copy>(what: &'static str, name: &str) -> Self
    where
        &'static str: From<T>,
    {
        Self::Unknown { what, value: name.to_owned(), reason: heatmap_core::one_of::<T>() }
    }
}

/// Joins the first 20 names of a list with commas, and says how many more there are.
pub(crate) fn summary(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names {
        [] => "nothing".to_owned(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!("{}, and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    }
}
