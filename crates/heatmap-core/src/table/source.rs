//! [`Source`]: one file, CSV or Parquet, whose rows are read with the columns that a table asks
//! for.

use std::io::Read;
use std::path::Path;

use super::cell::shortened;
use super::column::{Column, Kind};
use super::csv_source::CsvSource;
#[cfg(feature = "parquet")]
use super::parquet_source::ParquetSource;
use super::paths::has_extension;
use super::row::Row;
use crate::{Error, Result};

/// An open file with a table in it.
pub(super) enum Source {
    /// Comma-separated values.
    Csv(CsvSource),
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet(ParquetSource),
}

impl Source {
    /// Opens the file at `path`, as Parquet when its name or its first bytes say so, otherwise as
    /// CSV.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, is empty or compressed, or has no header that
    /// can be read.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(io)?;
        let mut start = Vec::new();
        (&file).take(4).read_to_end(&mut start).map_err(io)?;
        let is_file = file.metadata().map_err(io)?.is_file();
        if start.is_empty() {
            return Err(Error::Data(format!("{}: the file is empty", path.display())));
        }
        if start.starts_with(b"\x1f\x8b") {
            return Err(Error::Data(format!(
                "{}: compressed with gzip; unpack it first",
                path.display()
            )));
        }
        if has_extension(path, "parquet") || start == b"PAR1" {
            if !is_file {
                let reason = "Parquet, whose end has to be read first, from a pipe; name a file";
                return Err(Error::Data(format!("{}: {reason}", path.display())));
            }
            return Self::open_parquet(path, file);
        }
        // A pipe cannot be rewound, so the bytes that were read are put in front of the rest.
        let input = std::io::Cursor::new(start).chain(file);
        Ok(Self::Csv(CsvSource::open(path, Box::new(input))?))
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path, file: std::fs::File) -> Result<Self> {
        Ok(Self::Parquet(ParquetSource::open(path, file)?))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_parquet(path: &Path, _: std::fs::File) -> Result<Self> {
        Err(Error::Data(format!(
            "{}: a Parquet file; build with `--features parquet` to read it",
            path.display()
        )))
    }

    /// The columns of the file.
    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Csv(source) => source.columns(),
            #[cfg(feature = "parquet")]
            Self::Parquet(source) => source.columns(),
        }
    }

    /// Returns what `Row::line` counts.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Csv(_) => "line",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "row",
        }
    }

    /// Reads the columns `picked` row by row until the end or until `visit` returns an error.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, and the errors of `visit`.
    pub(super) fn read(
        self,
        picked: &[usize],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Csv(source) => source.read(picked, visit),
            #[cfg(feature = "parquet")]
            Self::Parquet(source) => source.read(picked, visit),
        }
    }

    /// Returns the position of the column `name`; `fits` says which kinds it may have.
    ///
    /// # Errors
    /// Returns an error when the column is missing, occurs twice, or is of another kind.
    pub(super) fn find(
        &self,
        path: &Path,
        name: &'static str,
        fits: fn(&Kind) -> bool,
    ) -> Result<usize> {
        let columns = self.columns();
        let mut places = (0..columns.len()).filter(|&place| columns[place].name == name);
        let Some(place) = places.next() else {
            let found =
                columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::MissingColumn {
                path: path.to_owned(),
                column: name,
                found: shortened(&found),
            });
        };
        if places.next().is_some() {
            return Err(Error::DuplicateColumn { path: path.to_owned(), column: name });
        }
        if !fits(&columns[place].kind) {
            let kind = format!("{:?}", columns[place].kind);
            return Err(Error::Data(format!(
                "{}: column `{name}` cannot be of type {kind}",
                path.display()
            )));
        }
        Ok(place)
    }
}
