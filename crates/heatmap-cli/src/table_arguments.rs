//! [`TableArguments`]: how the tables are written that a program reads.

use std::str::FromStr;

use clap::Args;
use heatmap_core::table::{CoordinateUnit, InputWarning, TableFormat};
use heatmap_core::{Error, Result};

use crate::say;

/// `--column`, `--separator`, `--decimal`, `--unit`.
#[derive(Debug, Clone, Default, Args)]
pub struct TableArguments {
    /// The header of a column, such as domain=Publisher, where it is not understood; repeatable
    #[arg(long, value_name = "COLUMN=HEADER")]
    column: Vec<RenamedColumn>,

    /// Character between values [default: found from the header]
    #[arg(long, value_name = "CHAR", value_parser = separator)]
    separator: Option<char>,

    /// Decimal character of numbers, a point or a comma [default: found from the first rows]
    #[arg(long, value_name = "CHAR")]
    decimal: Option<char>,

    /// What click_x and click_y count: px, fraction (0 to 1), percent or device-px=RATIO, such as
    /// device-px=2 for screens with two pixels for each px [default: px]
    #[arg(long, value_name = "UNIT")]
    unit: Option<CoordinateUnit>,
}

/// `COLUMN=HEADER`.
#[derive(Debug, Clone)]
struct RenamedColumn(String, String);

impl FromStr for RenamedColumn {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((column, header)) if !column.is_empty() && !header.is_empty() => {
                Ok(Self(column.to_owned(), header.to_owned()))
            }
            _ => Err("is not COLUMN=HEADER, such as domain=Publisher"),
        }
    }
}

/// A separator as people can type it.
fn separator(text: &str) -> std::result::Result<char, String> {
    match text {
        "tab" | "\\t" => Ok('\t'),
        _ => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(one), None) => Ok(one),
                _ => Err("is not one character, or the word tab".to_owned()),
            }
        }
    }
}

impl TableArguments {
    /// Puts what the user said in the place of a `unit` and a `format`, such as those of a
    /// [`ClickLogConfig`](heatmap_core::table::ClickLogConfig). Columns are added to those that the
    /// format has.
    ///
    /// # Errors
    /// When the format cannot be used then; see [`TableFormat::check`].
    pub fn overlay(&self, unit: &mut CoordinateUnit, format: &mut TableFormat) -> Result<()> {
        *unit = self.unit.unwrap_or(*unit);
        format.separator = self.separator.or(format.separator);
        format.decimal = self.decimal.or(format.decimal);
        let renamed = self.column.iter().map(|RenamedColumn(of, to)| (of.clone(), to.clone()));
        format.columns.extend(renamed);
        format.check()
    }

    /// Refuses what the user said of tables where the program reads none.
    ///
    /// # Errors
    /// When `reads` is false and the user said something.
    pub fn check_read(&self, reads: bool) -> Result<()> {
        let Self { column, separator, decimal, unit } = self;
        let said = [
            ("--column", !column.is_empty()),
            ("--separator", separator.is_some()),
            ("--decimal", decimal.is_some()),
            ("--unit", unit.is_some()),
        ];
        match said.into_iter().find(|(_, said)| *said && !reads) {
            Some((option, _)) => Err(Error::Data(format!(
                "{option} says how a click table is written, and none is read: give --clicks"
            ))),
            None => Ok(()),
        }
    }
}

/// Says what was assumed of files and what is doubtful about them.
pub fn say_how_read(assumptions: &[String], warnings: &[InputWarning]) {
    assumptions.iter().for_each(|assumed| say(&format!("Read {assumed}.")));
    warnings.iter().for_each(|warning| say(&format!("Warning: {warning}")));
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        tables: TableArguments,
    }

    fn parsed(words: &[&str]) -> std::result::Result<TableArguments, String> {
        let words = std::iter::once(&"program").chain(words);
        Program::try_parse_from(words).map(|it| it.tables).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_replaces_what_was_and_the_rest_stays() {
        let words = ["--column", "domain=Site", "--separator", "tab", "--unit", "percent"];
        let tables = parsed(&words).unwrap();
        let before = [("grid_id", "Layout"), ("domain", "Host")];
        let mut format = TableFormat {
            decimal: Some(','),
            columns: before.map(|(of, to)| (of.to_owned(), to.to_owned())).into(),
            ..TableFormat::default()
        };
        let mut unit = CoordinateUnit::Px;
        tables.overlay(&mut unit, &mut format).unwrap();
        assert_eq!(unit, CoordinateUnit::Percent);
        assert_eq!((format.separator, format.decimal), (Some('\t'), Some(',')));
        assert_eq!((&*format.columns["domain"], &*format.columns["grid_id"]), ("Site", "Layout"));
        let same = (unit, format.clone());
        parsed(&[]).unwrap().overlay(&mut unit, &mut format).unwrap();
        assert_eq!((unit, format), same);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for wrong in [["--column", "domain="], ["--separator", "ab"], ["--unit", "inch"]] {
            let error = parsed(&wrong).unwrap_err();
            assert!(error.contains(wrong[0]), "{error}");
        }
        let known = parsed(&["--column", "domane=Site"]).unwrap();
        let error = known.overlay(&mut CoordinateUnit::Px, &mut TableFormat::default());
        assert!(error.unwrap_err().to_string().contains("`columns` = domane"));
        let tables = parsed(&["--decimal", ","]).unwrap();
        assert!(tables.check_read(true).is_ok() && parsed(&[]).unwrap().check_read(false).is_ok());
        let error = tables.check_read(false).unwrap_err().to_string();
        assert!(error.starts_with("--decimal says"), "{error}");
    }
}
