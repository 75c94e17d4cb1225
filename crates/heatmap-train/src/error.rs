//! The one error type of the crate.

use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong around a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Data, configuration or files of `heatmap-core`.
    #[error(transparent)]
    Core(#[from] heatmap_core::Error),
    /// Weights of `heatmap-models`.
    #[error(transparent)]
    Models(#[from] heatmap_models::Error),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of a run does not hold what it should.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A device that cannot be used here.
    #[error("device `{name}`: {reason}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A setting that cannot be used.
    #[error("`{field}` = {value}: {reason}")]
    Config {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: String,
    },
    /// A setting that does not exist.
    #[error("unknown key `{key}`; {hint}")]
    UnknownKey {
        /// The name that was given.
        key: String,
        /// What may have been meant.
        hint: String,
    },
    /// A setting, by its name in a configuration file, that cannot be used.
    #[error("`{key}` = {value}: {reason}")]
    Setting {
        /// Its name.
        key: String,
        /// Its value as JSON.
        value: String,
        /// Why not.
        reason: String,
    },
    /// Training cannot go on.
    #[error("step {step}: {reason}")]
    Training {
        /// The step, counted from 1.
        step: usize,
        /// Why not.
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

    /// An error for predictions or features that cannot be used.
    pub(crate) fn data(reason: impl Into<String>) -> Self {
        Self::Core(heatmap_core::Error::Data(reason.into()))
    }

    /// An [`Error::Config`].
    pub fn config(field: &'static str, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Config { field, value: value.to_string(), reason: reason.into() }
    }
}
