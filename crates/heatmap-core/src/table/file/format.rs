//! [`TableFormat`]: what a user says about the files that cannot be seen from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::header::{KNOWN_COLUMNS, is_known};
use super::notation::Notation;
use crate::{Error, Result};

/// How tables of text are written, as far as it is to be said; the rest is found from the files.
///
/// The separator is one of comma, semicolon, tab and `|`, found from the header. Numbers have a
/// decimal comma where those at the beginning of the file have one. Columns are found by their
/// name in any case, with spaces, hyphens or underscores, or by a common word for the same thing,
/// such as `site` for `domain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableFormat {
    /// The character between two values of a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The decimal character of numbers, `.` or `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// The names that columns have in the files, by the names that they have in this crate, such as
    /// `domain` = `Publisher`. A file without the column that is named here is searched as if
    /// nothing had been said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

impl TableFormat {
    /// Checks that the settings can be used.
    ///
    /// # Errors
    /// When the separator is none of `,`, `;`, tab, `|` and space, the decimal character is neither
    /// `.` nor `,`, or a column is renamed that no table has.
    pub fn check(&self) -> Result<()> {
        if let Some(separator) = self.separator
            && !matches!(separator, ',' | ';' | '\t' | '|' | ' ')
        {
            return Err(Error::config("separator", separator, "must be , ; | a tab or a space"));
        }
        self.notation()?;
        match self.columns.keys().find(|name| !is_known(name)) {
            Some(name) => {
                let known: Vec<&str> = KNOWN_COLUMNS.iter().map(|(name, _)| *name).collect();
                let reason = format!("no column of our tables; there are: {}", known.join(", "));
                Err(Error::config("columns", name, reason))
            }
            None => Ok(()),
        }
    }

    /// The notation that was asked for.
    pub(in crate::table) fn notation(&self) -> Result<Option<Notation>> {
        match self.decimal {
            None => Ok(None),
            Some('.') => Ok(Some(Notation::Point)),
            Some(',') => Ok(Some(Notation::Comma)),
            Some(other) => Err(Error::config("decimal", other, "must be a point or a comma")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let says = |format: TableFormat, message: &str| {
            let error = format.check().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        assert!(TableFormat::default().check().is_ok());
        says(TableFormat { separator: Some('x'), ..Default::default() }, "`separator` = x");
        says(TableFormat { decimal: Some(';'), ..Default::default() }, "`decimal` = ;");
        let columns = [("domane".to_owned(), "Site".to_owned())].into();
        says(TableFormat { columns, ..Default::default() }, "there are: domain, grid_id");
    }
}
