//! Named columns of a CSV file: found by the header in any order, parsed with errors that name line, column and value.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::StringRecord;

use crate::{Error, Result};

/// Positions of the wanted columns in a header.
pub(super) struct Columns<const N: usize> {
    path: PathBuf,
    names: [&'static str; N],
    at: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Finds `names` in the header; other columns are ignored.
    pub(super) fn find(path: &Path, names: [&'static str; N], header: &StringRecord) -> Result<Self> {
        let mut at = [0; N];
        for (name, at) in names.iter().zip(&mut at) {
            let mut places = header.iter().enumerate().filter(|(_, column)| clean(column) == *name);
            let Some((place, _)) = places.next() else {
                return Err(Error::MissingColumn {
                    path: path.to_owned(),
                    column: name,
                    found: header.iter().map(clean).collect::<Vec<_>>().join(", "),
                });
            };
            if places.next().is_some() {
                return Err(Error::DuplicateColumn { path: path.to_owned(), column: name });
            }
            *at = place;
        }
        Ok(Self { path: path.to_owned(), names, at })
    }

    /// The text of wanted column `column` in a row.
    pub(super) fn text<'r>(&self, row: &'r StringRecord, column: usize) -> &'r str {
        // The reader has checked that every row is as long as the header.
        row[self.at[column]].trim()
    }

    /// The value of wanted column `column`, when it parses and `valid` says yes.
    pub(super) fn value<T: FromStr>(
        &self,
        row: &StringRecord,
        column: usize,
        expected: &'static str,
        valid: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let text = self.text(row, column);
        text.parse().ok().filter(valid).ok_or_else(|| Error::BadValue {
            path: self.path.clone(),
            line: row.position().map_or(0, csv::Position::line),
            column: self.names[column],
            value: text.to_owned(),
            expected,
        })
    }
}

/// A column name without spaces around it and without the byte order mark that spreadsheets put first.
fn clean(column: &str) -> &str {
    column.trim_start_matches('\u{feff}').trim()
}
