//! [`Dialect`]: the separator of a file of text, and the sample of rows that shows how its numbers
//! are written.

use csv::ByteRecord;

use super::cell::Cell;
use super::header::{Holds, known_columns};
use super::notation::{Evidence, Notation, evidence};

/// The separators that a header can show.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the rows of a file are written.
#[derive(Debug)]
pub(super) struct Dialect {
    /// The byte between two values.
    pub(super) separator: u8,
    /// Number of bytes before the header: the line `sep=;` that spreadsheets write and read.
    pub(super) before_header: usize,
    /// The first rows after the header, each with its line.
    sample: Vec<(u64, ByteRecord)>,
}

/// Numbers that contradict each other about the decimal character, as they are in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) comma: (u64, String),
    pub(super) point: (u64, String),
}

impl Dialect {
    /// Finds the separator at the `start` of a file, which is all of it if `whole`; `said` is what
    /// the user says about it.
    pub(super) fn of(start: &[u8], whole: bool, said: Option<char>) -> Self {
        let unmarked = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        let first_line = unmarked.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        let declared = match first_line.trim_ascii() {
            [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] => Some(*separator),
            _ => None,
        };
        let before_header = match declared {
            Some(_) => start.len() - unmarked.len() + first_line.len(),
            None => 0,
        };
        let text = &start[before_header..];
        let said = said.and_then(|separator| u8::try_from(separator).ok());
        let separator = said.or(declared).unwrap_or_else(|| separator_of(text));
        let first = u64::from(declared.is_some());
        let mut sample = Vec::new();
        for record in reader(text, separator).byte_records().flatten() {
            let line = record.position().map_or(0, csv::Position::line) + first;
            sample.push((line, record));
        }
        // The last row may have been cut.
        if !whole {
            sample.pop();
        }
        sample.drain(..sample.len().min(1));
        Self { separator, before_header, sample }
    }

    /// Returns the notation of the numbers in the `columns`, as far as the sample shows it.
    ///
    /// Columns where a value is no number at all are left out. A number such as `1,234` is a group
    /// in a column of whole numbers, and where other values of its column have no comma; otherwise
    /// it has decimals.
    ///
    /// # Errors
    /// When there are numbers that have a decimal comma for certain and others with a decimal
    /// point.
    pub(super) fn notation(
        &self,
        columns: &[(usize, Holds)],
    ) -> Result<Option<Notation>, Box<Contradiction>> {
        // The first value that says so, for certain and probably.
        let (mut comma, mut point) = (None, None);
        let (mut likely_comma, mut likely_point) = (false, false);
        for &(column, holds) in columns {
            let values: Vec<(u64, &[u8], Evidence)> = self.values(column).collect();
            if values.iter().any(|(.., evidence)| *evidence == Evidence::NoNumber) {
                continue;
            }
            let all_with_comma =
                values.iter().all(|(.., evidence)| *evidence == Evidence::OneComma);
            let whole = holds == Holds::Whole;
            for (line, value, evidence) in values {
                let shown = || (line, String::from_utf8_lossy(value).into_owned());
                match evidence {
                    Evidence::Comma => _ = comma.get_or_insert_with(shown),
                    Evidence::Point => _ = point.get_or_insert_with(shown),
                    Evidence::OneComma => {
                        *(if all_with_comma && !whole {
                            &mut likely_comma
                        } else {
                            &mut likely_point
                        }) = true;
                    }
                    // Whole numbers have no decimals but zeros.
                    Evidence::OnePoint if whole && !value.ends_with(b".000") => {
                        _ = comma.get_or_insert_with(shown);
                    }
                    Evidence::OnePoint => likely_point |= !whole,
                    Evidence::Nothing | Evidence::NoNumber => {}
                }
            }
        }
        match (comma, point) {
            (Some(comma), Some(point)) => Err(Box::new(Contradiction { comma, point })),
            (Some(_), None) => Ok(Some(Notation::Comma)),
            (None, Some(_)) => Ok(Some(Notation::Point)),
            (None, None) if likely_point => Ok(Some(Notation::Point)),
            (None, None) if likely_comma => Ok(Some(Notation::Comma)),
            (None, None) => Ok(None),
        }
    }

    /// Says what the separator is; nothing if it is the usual comma.
    pub(super) fn separator_in_words(&self) -> Option<String> {
        match self.separator {
            b',' => None,
            b'\t' => Some("separator tab".to_owned()),
            b' ' => Some("separator space".to_owned()),
            other => Some(format!("separator `{}`", char::from(other))),
        }
    }

    /// Returns the first number with groups of digits, and what it is without them.
    pub(super) fn first_group(
        &self,
        columns: &[(usize, Holds)],
        notation: Notation,
    ) -> Option<(String, String)> {
        let all = columns.iter().flat_map(|&(column, _)| self.values(column));
        all.filter(|(.., evidence)| *evidence != Evidence::NoNumber).find_map(|(_, value, _)| {
            let plain = notation.plain(value)?;
            let digits = |text: &[u8]| text.iter().take_while(|byte| **byte != b'.').count();
            let whole = std::str::from_utf8(&plain.as_bytes()[..digits(plain.as_bytes())]).ok()?;
            // Without groups, the digits before the decimals are there as they are.
            let is_grouped = !value.starts_with(whole.as_bytes()) && whole.len() > 3;
            let shown = || String::from_utf8_lossy(value).into_owned();
            is_grouped.then(|| (shown(), whole.to_owned()))
        })
    }

    /// The values of a column in the sample that are not missing, with what they say.
    fn values(&self, column: usize) -> impl Iterator<Item = (u64, &[u8], Evidence)> {
        self.sample.iter().filter_map(move |(line, record)| {
            let value = record.get(column)?.trim_ascii();
            let number = value.strip_suffix(b"%").unwrap_or(value).trim_ascii();
            (!Cell::Text(value, Notation::Point).is_missing())
                .then(|| (*line, value, evidence(number)))
        })
    }
}

/// Returns the separator under which the header has most of our columns, then most columns at all.
fn separator_of(text: &[u8]) -> u8 {
    let columns = |separator: u8| {
        let header = reader(text, separator).byte_records().next().and_then(Result::ok);
        let names: Vec<String> = header
            .iter()
            .flatten()
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().into())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        (known_columns(&names), names.len())
    };
    // The first of equals.
    SEPARATORS.into_iter().rev().max_by_key(|&separator| columns(separator)).unwrap_or(b',')
}

fn reader(text: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(text: &str) -> Dialect {
        Dialect::of(text.as_bytes(), true, None)
    }

    #[test]
    fn the_separator_is_the_one_that_makes_columns() {
        for separator in [',', ';', '\t', '|'] {
            let text = "domain,grid_id,click_x\na,g,1\n".replace(',', &separator.to_string());
            assert_eq!(dialect(&text).separator, separator as u8);
            assert_eq!(dialect(&format!("\u{feff}{text}")).separator, separator as u8);
        }
        // Other separators within names.
        assert_eq!(dialect("\"Site, URL\";\"Clicks|all\";X\n").separator, b';');
        assert_eq!(dialect("domain;grid,of,many,words;clicks\n").separator, b';');
        assert_eq!(dialect("nothing\n1\n").separator, b',');
        let declared = dialect("sep=|\r\na,b|c\n1|2\n");
        assert_eq!((declared.separator, declared.before_header), (b'|', 7));
        assert_eq!(Dialect::of(b"a,b,c\n", true, Some(' ')).separator, b' ');
    }

    #[test]
    fn decimals_are_told_from_groups() {
        let of = |values: &[&str], holds| {
            let rows: String = values.iter().map(|value| format!("{value};a\n")).collect();
            dialect(&format!("n;t\n{rows}")).notation(&[(0, holds)])
        };
        let numbers = |values: &[&str]| of(values, Holds::Numbers).unwrap();
        assert_eq!(numbers(&["1", "2"]), None);
        assert_eq!(numbers(&["1", "12,5"]), Some(Notation::Comma));
        assert_eq!(numbers(&["1", "12.5", "n/a"]), Some(Notation::Point));
        assert_eq!(numbers(&["1,234", "12"]), Some(Notation::Point));
        assert_eq!(numbers(&["1,234", "12,000"]), Some(Notation::Comma));
        assert_eq!(numbers(&["93,4 %", ""]), Some(Notation::Comma));
        // Dates and words say nothing.
        assert_eq!(numbers(&["12,5", "a"]), None);
        let whole = |values: &[&str]| of(values, Holds::Whole).unwrap();
        assert_eq!(whole(&["1,000", "1,000"]), Some(Notation::Point));
        assert_eq!(whole(&["1.000", "1.000"]), None);
        assert_eq!(whole(&["1.250", "3"]), Some(Notation::Comma));
        let error = of(&["12,5", "12.5"], Holds::Numbers).unwrap_err();
        assert_eq!(error.comma, (2, "12,5".to_owned()));
        assert_eq!(error.point, (3, "12.5".to_owned()));
    }

    #[test]
    fn groups_of_digits_are_told() {
        let first = |values: &str, notation| {
            dialect(&format!("n\n{values}\n")).first_group(&[(0, Holds::Whole)], notation)
        };
        let told = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(first("7\n\"1,000\"", Notation::Point), told("1,000", "1000"));
        assert_eq!(first("12\n\"1.250,5\"", Notation::Comma), told("1.250,5", "1250"));
        assert_eq!(first("1000\n12.5\n-3\n0007", Notation::Point), None);
    }

    #[test]
    fn a_row_that_was_cut_says_nothing() {
        let text = "n;t\n1;a\n12,5";
        let cut = Dialect::of(text.as_bytes(), false, None);
        assert_eq!(cut.notation(&[(0, Holds::Numbers)]), Ok(None));
    }
}
