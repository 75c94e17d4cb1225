//! [`CsvSource`]: the rows of a file of text with a separator (RFC 4180: quotes doubled inside
//! quotes), with or without a byte order mark.
//!
//! Lines end in LF or CRLF, or in CR where a file has no LF at its beginning. Memory is bounded: a
//! quotation mark that is never closed would make one row of the rest, so a row has a limit.

use std::cell::Cell as Shared;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::ByteRecord;

use super::bounded::{Bounded, hand_on_cr_as_lf, is_too_long};
use super::bytes::Text;
use super::column::{Column, Kind};
use super::dialect::Dialect;
use super::format::TableFormat;
use super::header::Holds;
use super::notation::Notation;
use super::row::{Row, Values};
use crate::table::DropReason;
use crate::{Error, Result};

/// Largest size of a row.
const MAX_ROW_BYTES: u64 = 1 << 20;
/// Number of bytes at the beginning of a file that show how it is written.
const SAMPLE_BYTES: u64 = 1 << 16;

/// An open CSV file whose header has been read.
pub(in crate::table) struct CsvSource {
    path: PathBuf,
    reader: csv::Reader<Bounded>,
    columns: Vec<Column>,
    record: ByteRecord,
    dialect: Dialect,
    said: Option<Notation>,
    /// How the file is stored, if not as plain UTF-8.
    stored: Vec<&'static str>,
    /// Number of bytes of the file, as it is stored, that were read so far.
    bytes_read: Rc<Shared<u64>>,
    lines_before: u64,
}

impl CsvSource {
    /// Takes an open file and reads its header.
    ///
    /// # Errors
    /// Returns an error when the header cannot be read or is not UTF-8.
    pub(in crate::table) fn open(path: &Path, text: Text, format: &TableFormat) -> Result<Self> {
        let Text { mut input, bytes_read, stored } = text;
        let mut start = Vec::new();
        input
            .by_ref()
            .take(SAMPLE_BYTES)
            .read_to_end(&mut start)
            .map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let whole = (start.len() as u64) < SAMPLE_BYTES;
        let mut seen = start.clone();
        let cr_alone = hand_on_cr_as_lf(&mut seen, whole);
        let dialect = Dialect::of(&seen, whole, format.separator);
        let lines_before = u64::from(dialect.before_header > 0);
        let rest = Cursor::new(start.split_off(dialect.before_header)).chain(input);
        let input = Bounded::new(Box::new(rest), cr_alone);
        let mut builder = csv::ReaderBuilder::new();
        // With LF as the end of a line the CR of CRLF stays with the last value, where it is
        // trimmed like any space. The reader's own way of reading CRLF leaves the LF for later, and
        // its count of lines is one behind.
        builder
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.separator)
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(1 << 17);
        let reader = builder.from_reader(input);
        let mut source = Self {
            path: path.to_owned(),
            reader,
            columns: Vec::new(),
            record: ByteRecord::new(),
            dialect,
            said: format.notation()?,
            stored,
            bytes_read,
            lines_before,
        };
        source.next()?;
        let column = |name: &[u8]| {
            let name = std::str::from_utf8(name)
                .map_err(|_| source.bad_row(1, "the header is not UTF-8".to_owned()))?;
            Ok(Column {
                name: name.trim_start_matches('\u{feff}').trim().to_owned(),
                kind: Kind::Text,
            })
        };
        source.columns = source.record.iter().map(column).collect::<Result<_>>()?;
        Ok(source)
    }

    /// How the numbers in these columns are written.
    ///
    /// # Errors
    /// When they contradict each other.
    pub(in crate::table) fn notation(&self, numbers: &[(usize, Holds)]) -> Result<Notation> {
        if let Some(said) = self.said {
            return Ok(said);
        }
        let found = self.dialect.notation(numbers).map_err(|contradiction| {
            let (with_comma, with_point) = (contradiction.comma, contradiction.point);
            Error::Data(format!(
                "{}: numbers have a decimal comma (line {}: `{}`) and a decimal point (line {}: \
                 `{}`); say which is right (`--decimal`)",
                self.path.display(),
                with_comma.0 + self.lines_before,
                with_comma.1,
                with_point.0 + self.lines_before,
                with_point.1
            ))
        })?;
        Ok(found.unwrap_or_default())
    }

    /// What was found out about the file and is not as in any CSV file.
    pub(in crate::table) fn assumptions(
        &self,
        notation: Notation,
        numbers: &[(usize, Holds)],
    ) -> Vec<String> {
        let mut all: Vec<String> = self.stored.iter().map(|&stored| stored.to_owned()).collect();
        all.extend(self.dialect.separator_in_words());
        if notation == Notation::Comma {
            all.push("decimal comma".to_owned());
        }
        if let Some((group, number)) = self.dialect.first_group(numbers, notation) {
            all.push(format!("`{group}` is {number}"));
        }
        all
    }

    pub(in crate::table) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// See `Source::read`.
    pub(in crate::table) fn read(
        mut self,
        picked: &[usize],
        notation: Notation,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        while let Some((line, lines)) = self.next()? {
            let values = match self.fault(lines) {
                None => Values::Csv(&self.record, picked, notation),
                Some(reason) => Values::Unusable(reason),
            };
            visit(&Row { values, line, lines, bytes_read: self.bytes_read.get() })?;
        }
        Ok(())
    }

    /// Reads the next record that is not blank; returns the line where it begins and the number of
    /// lines that it takes.
    fn next(&mut self) -> Result<Option<(u64, u64)>> {
        loop {
            let start = (self.reader.position().byte(), self.reader.position().line());
            self.reader.get_ref().limit.set(start.0 + MAX_ROW_BYTES);
            let more = self
                .reader
                .read_byte_record(&mut self.record)
                .map_err(|error| self.error(start.1 + self.lines_before, error))?;
            if !more {
                return Ok(None);
            }
            if self.record.len() == 1 && self.record[0].trim_ascii().is_empty() {
                continue;
            }
            let (end, input) = (self.reader.position(), self.reader.get_ref());
            let mut breaks = line_breaks(self.record.as_slice());
            let mut ended = true;
            if end.byte() == input.bytes_read {
                // The last line of a file may lack its end, or have it within a quotation that is
                // not closed.
                ended = input.last == b'\n';
                breaks -= u64::from(self.record.as_slice().ends_with(b"\n"));
            }
            let line = end.line() - u64::from(ended) - breaks + self.lines_before;
            return Ok(Some((line, breaks + 1)));
        }
    }

    /// Returns what is wrong with the record, which takes `lines` lines.
    ///
    /// A quotation mark that is not closed swallows all text up to the next one, and the record may
    /// still have as many values as the header: one of them then has whole rows in it. If both
    /// marks are in the same column, each of its lines has as many separators as a row has there:
    /// the first those after that column, the last those before it, any other all of them.
    fn fault(&self, lines: u64) -> Option<DropReason> {
        let even = self.record.len() == self.columns.len();
        if lines == 1 {
            return (!even).then_some(DropReason::UnequalLengths);
        }
        let last = self.columns.len() - 1;
        let has_rows = |(column, value): (usize, &[u8])| {
            let lines: Vec<&[u8]> = value.trim_ascii_end().split(|&byte| byte == b'\n').collect();
            let separators_of_rows = |line: usize| match line {
                0 => last - column,
                line if line == lines.len() - 1 => column,
                _ => last,
            };
            let separator = self.dialect.separator;
            let separators = |line: &[u8]| line.iter().filter(|&&byte| byte == separator).count();
            last > 0
                && lines.len() > 1
                && lines
                    .iter()
                    .enumerate()
                    .all(|(at, line)| separators(line) == separators_of_rows(at))
        };
        (!even || self.record.iter().enumerate().any(has_rows)).then_some(DropReason::UnclosedQuote)
    }

    fn bad_row(&self, line: u64, reason: String) -> Error {
        Error::BadRow { path: self.path.clone(), line, reason }
    }

    fn error(&self, line: u64, error: csv::Error) -> Error {
        match error.into_kind() {
            csv::ErrorKind::Io(source) if is_too_long(&source) => self.bad_row(
                line,
                format!(
                    "a row of more than {MAX_ROW_BYTES} bytes; is a quotation mark not closed, or \
                     is it no CSV file?"
                ),
            ),
            csv::ErrorKind::Io(source) => Error::Io { path: self.path.clone(), source },
            other => self.bad_row(line, format!("{other:?}")),
        }
    }
}

fn line_breaks(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::file::source::Source;

    type Seen = Vec<(u64, u64, Option<Vec<String>>)>;

    fn read(text: &[u8]) -> Result<(Vec<String>, Seen)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let format = TableFormat::default();
        let mut source = Source::open(file.path(), &format)?;
        let names: Vec<_> = source.columns().iter().map(|column| column.name.clone()).collect();
        let mut rows = Seen::new();
        let all: Vec<_> = (0..names.len()).collect();
        all.iter().for_each(|&place| source.pick(place, Holds::Names));
        source.read(&mut |row| {
            let text = |pick| match row.cell(pick) {
                crate::table::file::cell::Cell::Text(text, _) => {
                    String::from_utf8_lossy(text).trim().to_owned()
                }
                other => panic!("{other:?}"),
            };
            let cells =
                row.cells::<0>().is_ok().then(|| all.iter().map(|&pick| text(pick)).collect());
            rows.push((row.line, row.lines, cells));
            Ok(())
        })?;
        Ok((names, rows))
    }

    fn row(line: u64, lines: u64, cells: [&str; 2]) -> (u64, u64, Option<Vec<String>>) {
        (line, lines, Some(cells.map(str::to_owned).to_vec()))
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "\u{feff}\"a\", b\n1,2\n\n  \n3,\"x\ny\"\n4,5,6\n\n7,\"\"\"8\"\"\""
                .replace('\n', end);
            for text in [text.clone(), text + end] {
                let (names, rows) = read(text.as_bytes()).unwrap();
                assert_eq!(names, ["a", "b"]);
                // A CR alone is read as LF.
                let broken = format!("x{}y", if end == "\r" { "\n" } else { end });
                let expected = [
                    row(2, 1, ["1", "2"]),
                    row(5, 2, ["3", &broken]),
                    (7, 1, None),
                    row(9, 1, ["7", "\"8\""]),
                ];
                assert_eq!(rows, expected, "{text:?}");
            }
        }
    }

    #[test]
    fn a_value_may_have_line_breaks_and_as_many_commas_as_rows_have() {
        let (_, rows) =
            read(b"a,b\n1,\"x,\ny\"\n2,\"seen at 10,\n11\"\n\"3,\n4\",5\n6,7\n").unwrap();
        assert_eq!(rows[0], row(2, 2, ["1", "x,\ny"]));
        assert_eq!(rows[1], row(4, 2, ["2", "seen at 10,\n11"]));
        // In the first column a comma before the break is what a row has there.
        assert_eq!(rows[2], (6, 2, None));
        assert_eq!(rows[3], row(8, 1, ["6", "7"]));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_does_not_swallow_the_file() {
        let mut text = b"a,b\n1,2\n\"3,4\n".to_vec();
        text.extend(b"5,6\n".repeat(1 << 19));
        let error = read(&text).unwrap_err().to_string();
        assert!(
            error.contains("line 3: a row of more than") && error.contains("not closed"),
            "{error}"
        );
        // At the end of a file it is a short row, which says how many lines it took.
        let (_, rows) = read(b"a,b\n1,2\n\"3,4\n5,6\n7,8").unwrap();
        assert_eq!(rows, [row(2, 1, ["1", "2"]), (3, 3, None)]);
    }

    #[test]
    fn long_rows_in_a_long_file_are_no_problem() {
        let line = format!("1,{}\n", "x".repeat(500_000));
        let (_, rows) = read(format!("a,b\n{}", line.repeat(8)).as_bytes()).unwrap();
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[7].0, 9);
    }

    #[test]
    fn what_is_no_csv_file_is_named() {
        let says = |text: &[u8], message: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        says(b"", "the file is empty");
        says(b"a,\xff\n1,2\n", "line 1: the header is not UTF-8");
        says(&[b'x'; 3 << 20], "no CSV file");
        #[cfg(not(feature = "parquet"))]
        says(b"PAR1....", "--features parquet");
        // Blank to the end: a header without a column, of which the reader of a table says what is
        // missing.
        assert_eq!(read(b"\n\n").unwrap(), (vec![], vec![]));
    }
}
