//! The error type of the crate.

use std::path::{Path, PathBuf};

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate: wrong data, configuration or files, or a failed training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of `heatmap-core`: wrong data, configuration or files.
    #[error(transparent)]
    Core(#[from] heatmap_core::Error),
    /// An error of `heatmap-models`, mostly about weights.
    #[error(transparent)]
    Models(#[from] heatmap_models::Error),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error that the operating system reported.
        source: std::io::Error,
    },
    /// A file does not have the expected contents.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A device cannot be used on this machine or in this build.
    #[error("device `{name}`: {reason}")]
    Device {
        /// The requested name.
        name: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A setting has a value that cannot be used.
    #[error("`{field}` = {value}: {reason}")]
    Config {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A setting does not exist.
    #[error("unknown key `{key}`; {hint}")]
    UnknownKey {
        /// The unknown name.
        key: String,
        /// A suggestion of what may have been meant.
        hint: String,
    },
    /// A setting, identified by its key in a configuration file, has a value that cannot be used.
    #[error("`{key}` = {value}: {reason}")]
    Setting {
        /// The key.
        key: String,
        /// Its value as JSON.
        value: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// Training failed and cannot continue.
    #[error("step {step}: {reason}")]
    Training {
        /// The step at which it failed, counted from 1.
        step: usize,
        /// Why it failed.
        reason: String,
    },
}

impl Error {
    /// Returns a function for `map_err` that makes an [`Error::Io`] for `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Makes an [`Error::BadFile`].
    pub(crate) fn bad_file(path: &Path, reason: impl ToString) -> Self {
        Self::BadFile { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Makes an error about predictions or features that cannot be used.
    pub(crate) fn data(reason: impl Into<String>) -> Self {
        Self::Core(heatmap_core::Error::Data(reason.into()))
    }

    /// Makes an [`Error::Config`].
    pub fn config(field: &'static str, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Config { field, value: value.to_string(), reason: reason.into() }
    }
}
