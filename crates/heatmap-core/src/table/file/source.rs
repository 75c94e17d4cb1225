//! [`Source`]: one file, CSV or Parquet, whose rows are read with the columns that a table asks
//! for.

use std::path::Path;

use super::bytes::Opened;
use super::cell::shortened;
use super::column::Column;
use super::csv_source::CsvSource;
use super::format::TableFormat;
use super::header::{Holds, key, places};
use super::notation::Notation;
#[cfg(feature = "parquet")]
use super::parquet_source::ParquetSource;
use super::paths::has_extension;
use super::row::Row;
use crate::{Error, Result};

/// An open file with a table in it, and the columns of it that are asked for.
pub(in crate::table) struct Source<'a> {
    path: &'a Path,
    format: &'a TableFormat,
    rows: Rows,
    /// The columns that were picked, in order, with what they must hold.
    picked: Vec<(usize, Holds)>,
    /// What was assumed of the names of columns.
    renamed: Vec<String>,
}

#[allow(clippy::large_enum_variant, reason = "there is one for each file")]
enum Rows {
    /// Text with a separator.
    Csv(CsvSource),
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet(ParquetSource),
}

impl<'a> Source<'a> {
    /// Opens the file at `path`, as Parquet when its name or its first bytes say so, otherwise as
    /// text with a separator. `-` is standard input.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, is empty, or has no header that can be read.
    pub(in crate::table) fn open(path: &'a Path, format: &'a TableFormat) -> Result<Self> {
        let rows = match Opened::new(path)? {
            Opened::Parquet(file) => Self::open_parquet(path, file)?,
            Opened::Text(text) if has_extension(path, "parquet") && text.stored.is_empty() => {
                let reason = "no complete Parquet file: it does not begin like one";
                return Err(Error::Data(format!("{}: {reason}", path.display())));
            }
            Opened::Text(text) => Rows::Csv(CsvSource::open(path, text, format)?),
        };
        Ok(Self { path, format, rows, picked: Vec::new(), renamed: Vec::new() })
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path, file: std::fs::File) -> Result<Rows> {
        Ok(Rows::Parquet(ParquetSource::open(path, file)?))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_parquet(path: &Path, _: std::fs::File) -> Result<Rows> {
        Err(Error::Data(format!(
            "{}: a Parquet file; build with `--features parquet` to read it",
            path.display()
        )))
    }

    /// The columns of the file.
    pub(in crate::table) fn columns(&self) -> &[Column] {
        match &self.rows {
            Rows::Csv(source) => source.columns(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(source) => source.columns(),
        }
    }

    /// Returns what `Row::line` counts.
    pub(in crate::table) fn unit(&self) -> &'static str {
        match &self.rows {
            Rows::Csv(_) => "line",
            #[cfg(feature = "parquet")]
            Rows::Parquet(_) => "row",
        }
    }

    /// Reads the columns that were picked row by row until the end or until `visit` returns an
    /// error.
    ///
    /// # Errors
    /// Returns an error when the file cannot be read, its numbers contradict each other about the
    /// decimal character, and the errors of `visit`.
    pub(in crate::table) fn read(
        self,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let notation = self.notation()?;
        let places: Vec<usize> = self.picked.iter().map(|&(place, _)| place).collect();
        match self.rows {
            Rows::Csv(source) => source.read(&places, notation, visit),
            #[cfg(feature = "parquet")]
            Rows::Parquet(source) => source.read(&places, visit),
        }
    }

    /// Returns what was found out about the file and its columns and differs from a CSV file with
    /// the names of our tables, in a few words each.
    ///
    /// # Errors
    /// When numbers contradict each other about the decimal character.
    pub(in crate::table) fn assumptions(&self) -> Result<Vec<String>> {
        let mut all = match &self.rows {
            Rows::Csv(source) => source.assumptions(self.notation()?, &self.numbers()),
            #[cfg(feature = "parquet")]
            Rows::Parquet(_) => Vec::new(),
        };
        all.extend(self.renamed.iter().cloned());
        Ok(all)
    }

    fn notation(&self) -> Result<Notation> {
        match &self.rows {
            Rows::Csv(source) => source.notation(&self.numbers()),
            #[cfg(feature = "parquet")]
            Rows::Parquet(_) => Ok(Notation::default()),
        }
    }

    /// The picked columns that hold numbers.
    fn numbers(&self) -> Vec<(usize, Holds)> {
        self.picked.iter().copied().filter(|(_, holds)| *holds != Holds::Names).collect()
    }

    /// Picks a column by its position.
    pub(in crate::table) fn pick(&mut self, place: usize, holds: Holds) {
        self.picked.push((place, holds));
    }

    /// Picks the column `name` and returns its position.
    ///
    /// # Errors
    /// Returns an error when the column is missing, occurs twice, or is of another kind.
    pub(in crate::table) fn find(&mut self, name: &'static str, holds: Holds) -> Result<usize> {
        self.find_if_there(name, holds)?.ok_or_else(|| {
            let found: Vec<&str> =
                self.columns().iter().map(|column| column.name.as_str()).collect();
            Error::MissingColumn {
                path: self.path.to_owned(),
                column: name,
                found: shortened(&found.join(", ")),
            }
        })
    }

    /// Picks the column `name` and returns its position, if the file has it.
    ///
    /// # Errors
    /// Returns an error when the column occurs twice, or is of another kind.
    pub(in crate::table) fn find_if_there(
        &mut self,
        name: &'static str,
        holds: Holds,
    ) -> Result<Option<usize>> {
        let place = self.locate(name, holds)?;
        place.into_iter().for_each(|place| self.pick(place, holds));
        Ok(place)
    }

    /// Returns the position of the column `name`, if the file has it, without picking it.
    ///
    /// # Errors
    /// Returns an error when the column occurs twice, or is of another kind.
    pub(in crate::table) fn locate(
        &mut self,
        name: &'static str,
        holds: Holds,
    ) -> Result<Option<usize>> {
        let Some(place) = self.place(name)? else { return Ok(None) };
        let column = &self.columns()[place];
        if !column.kind.can_hold(holds) {
            let (shown, kind) = (&column.name, &column.kind);
            return Err(Error::Data(format!(
                "{}: column `{shown}` cannot be of type {kind:?}",
                self.path.display()
            )));
        }
        // Another spelling needs no words.
        if key(&column.name) != key(name) {
            self.renamed.push(format!("column `{}` is {name}", column.name));
        }
        Ok(Some(place))
    }

    /// Returns the position of the column `name`, which the user may have given another name.
    ///
    /// # Errors
    /// Returns an error when there are two.
    fn place(&self, name: &'static str) -> Result<Option<usize>> {
        let names: Vec<&str> = self.columns().iter().map(|column| column.name.as_str()).collect();
        let said = self.format.columns.get(name).map(|said| places(&names, said));
        let found = said.filter(|said| !said.is_empty()).unwrap_or_else(|| places(&names, name));
        match found[..] {
            [] => Ok(None),
            [place] => Ok(Some(place)),
            [..] => Err(Error::DuplicateColumn { path: self.path.to_owned(), column: name }),
        }
    }
}
