//! The one error type of the crate: each variant carries the value that is wrong and where it
//! stands.

use std::path::PathBuf;

/// A result whose error is this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with files, tables, configurations and data from outside.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table has no column of this name.
    #[error("{}: no column `{column}` in the header ({found})", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: &'static str,
        /// The columns that are there, separated by commas.
        found: String,
    },
    /// A header names a column twice, so that a value would be ambiguous.
    #[error("{}: column `{column}` stands twice in the header", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The column in question.
        column: &'static str,
    },
    /// A row of a table cannot be read at all.
    #[error("{}: line {line}: {reason}", path.display())]
    BadRow {
        /// The file.
        path: PathBuf,
        /// Line in the file, the header being line 1.
        line: u64,
        /// Why the row cannot be read.
        reason: String,
    },
    /// A configuration field has a value that cannot be used.
    #[error("configuration: `{field}` = {value}: {reason}")]
    Config {
        /// The field, as in the serialised configuration.
        field: String,
        /// The value as text.
        value: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// There is no preset of this name.
    #[error("no preset `{name}`; there are: {known}")]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// The data cannot be used by an analysis or as a heatmap.
    #[error("{0}")]
    Data(String),
    /// Work was stopped because the caller asked for it.
    #[error("stopped on request")]
    Stopped,
    /// A picture cannot be drawn.
    #[error("picture: {0}")]
    Plot(String),
}

impl Error {
    /// Makes an [`Error::Config`] of a field's name, its value and the reason why that cannot be
    /// used.
    pub fn config(
        field: impl Into<String>,
        value: impl ToString,
        reason: impl Into<String>,
    ) -> Self {
        Self::Config { field: field.into(), value: value.to_string(), reason: reason.into() }
    }
}
