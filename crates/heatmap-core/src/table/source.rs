//! [`Source`]: the rows of one file, CSV or Parquet, column by column as the reader of a table asks
//! for them.

use std::io::Read;
use std::path::Path;

use super::DropReason;
use super::cell::{Cell, shortened};
use super::csv_source::CsvSource;
use super::drops::Usable;
#[cfg(feature = "parquet")]
use super::parquet_source::{Batch, ParquetSource};
use super::paths::has_extension;
use crate::{Error, Result};

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name, without spaces around it.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "CSV has text only"))]
pub(super) enum Kind {
    /// Text; all there is in CSV, numbers included.
    Text,
    /// Whole numbers.
    Whole { signed: bool },
    /// Numbers.
    Real,
    /// Numbers of so many decimal digits behind the point, as whole ones; warehouses keep whole
    /// numbers like this, too.
    Decimal { scale: u32 },
    /// Yes or no.
    Bool,
    /// Something that a table of ours does not have, in Parquet's words.
    Other(String),
}

impl Kind {
    /// Whether it can name a banner; see `Cell::name`.
    pub(super) fn names(&self) -> bool {
        matches!(self, Self::Text | Self::Whole { .. } | Self::Real | Self::Decimal { .. })
    }

    /// Whether it can hold numbers.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

/// One row as it stands in the file.
pub(super) struct Row<'a> {
    /// Its values.
    pub(super) values: Values<'a>,
    /// Line in a CSV file, the header being line 1; row in a Parquet file, from 1.
    pub(super) line: u64,
    /// Number of lines that it takes; more than 1 when a quoted value has line breaks.
    pub(super) lines: u64,
    /// Bytes of the file up to here.
    pub(super) bytes_read: u64,
}

/// The values of a row, where the source keeps them.
pub(super) enum Values<'a> {
    /// A record, and where in it the picked columns stand.
    Csv(&'a csv::ByteRecord, &'a [usize]),
    /// No row of the table.
    Unusable(DropReason),
    /// The picked columns of some rows, and which of the rows it is.
    #[cfg(feature = "parquet")]
    Parquet(&'a [Batch], usize),
}

impl<'a> Row<'a> {
    /// The values in the first `N` picked columns.
    ///
    /// # Errors
    /// When the row is not one of the table.
    pub(super) fn cells<const N: usize>(&self) -> Usable<[Cell<'a>; N]> {
        match self.values {
            Values::Unusable(reason) => Err(reason),
            _ => Ok(std::array::from_fn(|pick| self.cell(pick))),
        }
    }

    /// The value in the picked column `pick`.
    ///
    /// # Panics
    /// When the row is not one of the table.
    pub(super) fn cell(&self, pick: usize) -> Cell<'a> {
        match self.values {
            Values::Csv(record, picked) => Cell::Text(&record[picked[pick]]),
            Values::Unusable(reason) => panic!("a row without cells: {reason}"),
            #[cfg(feature = "parquet")]
            Values::Parquet(batches, row) => batches[pick].cell(row),
        }
    }

    /// Rows that are lost with this one when it is dropped for `reason`: a quotation mark that is
    /// not closed swallows lines.
    pub(super) fn lost_with(&self, reason: DropReason) -> u64 {
        if reason == DropReason::UnclosedQuote { self.lines } else { 1 }
    }
}

/// An open file.
pub(super) enum Source {
    /// Comma-separated values.
    Csv(CsvSource),
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet(ParquetSource),
}

impl Source {
    /// Opens the file at `path`. It is Parquet when its name or its first bytes say so, otherwise
    /// CSV.
    ///
    /// # Errors
    /// When the file cannot be read, is empty or compressed, or has no header that can be read.
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
        // A pipe cannot be wound back.
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

    /// What `Row::line` counts.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Csv(_) => "line",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "row",
        }
    }

    /// Reads the columns `picked` row by row until the end or until `visit` has an error.
    ///
    /// # Errors
    /// When the file cannot be read, and those of `visit`.
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

    /// Where the column `name` stands; `fits` says which kinds it may have.
    ///
    /// # Errors
    /// When it is missing, stands twice, or is of another kind.
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
