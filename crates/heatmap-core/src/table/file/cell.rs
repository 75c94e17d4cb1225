//! [`Cell`]: one value of a table as it is in the file, and the ways to read it.
//!
//! CSV has only text, which Parquet may have, too; the other kinds are Parquet's. Whole numbers may
//! be written as `3.0`, as pandas does once a column has had a gap. A number never changes on the
//! way: text is rounded correctly, and whole numbers end at 2^53, above which an f64 no longer
//! holds each of them.

use super::notation::Notation;

/// Largest whole number that is accepted: up to here every sum of counts is exact in f64 too.
pub(in crate::table) const MAX_WHOLE: u64 = 1 << 53;

/// One value of a table, as it is in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "CSV has text only"))]
pub(in crate::table) enum Cell<'a> {
    /// No value (Parquet's null).
    Missing,
    /// Text, not trimmed, of any bytes, and how numbers are written in it.
    Text(&'a [u8], Notation),
    /// A whole number.
    Whole(i64),
    /// A whole number of an unsigned column.
    Unsigned(u64),
    /// A floating-point number.
    Real(f64),
    /// A Boolean.
    Bool(bool),
}

/// Words for a banner that is broken.
const BROKEN: [&str; 6] = ["true", "yes", "y", "t", "broken", "bad"];
/// Words for a banner that is not broken.
const NOT_BROKEN: [&str; 7] = ["false", "no", "n", "f", "ok", "good", "not broken"];

/// Why a cell has no value of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum Fault {
    /// There is no value: empty, NaN, null, None, NA.
    Missing,
    /// The value is of another kind.
    Bad,
    /// A whole number above 2^53.
    TooLarge,
}

impl<'a> Cell<'a> {
    /// Reads the value as a finite number; true and false are 1 and 0.
    pub(in crate::table) fn real(self) -> Result<f64, Fault> {
        match self {
            Self::Text(text, notation) => parse_real(text.trim_ascii(), notation),
            Self::Missing => Err(Fault::Missing),
            Self::Whole(value) => Ok(value as f64),
            Self::Unsigned(value) => Ok(value as f64),
            Self::Real(value) if value.is_nan() => Err(Fault::Missing),
            Self::Real(value) => finite(value),
            Self::Bool(value) => Ok(f64::from(u8::from(value))),
        }
    }

    /// Reads the value as a finite number, like `real`, but text that ends in a percent sign is
    /// divided by 100.
    pub(in crate::table) fn real_or_percent(self) -> Result<f64, Fault> {
        match self {
            Self::Text(text, notation) => match text.trim_ascii().strip_suffix(b"%") {
                Some(number) => match parse_real(number.trim_ascii(), notation) {
                    Err(Fault::Missing) => Err(Fault::Bad),
                    percent => Ok(percent? / 100.0),
                },
                None => self.real(),
            },
            _ => self.real(),
        }
    }

    /// Reads the value as a whole number from 0 to 2^53.
    pub(in crate::table) fn whole(self) -> Result<u64, Fault> {
        match self {
            Self::Text(text, notation) => parse_whole(text.trim_ascii(), notation),
            Self::Whole(value) => u64::try_from(value).map_err(|_| Fault::Bad).and_then(bounded),
            Self::Unsigned(value) => bounded(value),
            _ => self.real().and_then(whole_of_real),
        }
    }

    /// Reads the value as whether a banner is broken: 1 and 0 in any notation, and the words of
    /// [`BROKEN`] and [`NOT_BROKEN`] in any case.
    pub(in crate::table) fn truth(self) -> Result<bool, Fault> {
        if let Self::Text(text, _) = self {
            let is = |word: &&str| text.trim_ascii().eq_ignore_ascii_case(word.as_bytes());
            if BROKEN.iter().any(is) {
                return Ok(true);
            }
            if NOT_BROKEN.iter().any(is) {
                return Ok(false);
            }
        }
        match self.real()? {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(Fault::Bad),
        }
    }

    /// Reads the value as a name, without spaces around it; the name is empty when the value is
    /// missing.
    ///
    /// Numbers are written out into `spare`, whole ones without a decimal point: pandas makes
    /// `1000.0` of `1000` where a column has a gap, and both name one banner.
    pub(in crate::table) fn name<'b>(self, spare: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        spare.clear();
        match self {
            Self::Text(text, _) => return without_point(text.trim_ascii()),
            Self::Whole(value) => spare.extend_from_slice(value.to_string().as_bytes()),
            Self::Unsigned(value) => spare.extend_from_slice(value.to_string().as_bytes()),
            Self::Real(value) if value.is_finite() => {
                spare.extend_from_slice(value.to_string().as_bytes());
                let length = without_point(spare).len();
                spare.truncate(length);
            }
            // Only missing and infinite values are left here: columns of other kinds are refused as
            // names before a row is read.
            _ => {}
        }
        spare
    }

    /// Whether there is no value.
    pub(super) fn is_missing(self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text, _) => is_missing_word(text.trim_ascii()),
            _ => false,
        }
    }

    /// Returns the value as text for a message, shortened.
    pub(in crate::table) fn shown(self) -> String {
        match self {
            Self::Text(text, _) => shortened(&String::from_utf8_lossy(text.trim_ascii())),
            Self::Missing => String::new(),
            Self::Whole(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
        }
    }
}

/// Strips the decimal point and the zeros after it from a whole number; any other text stays as it
/// is.
fn without_point(text: &[u8]) -> &[u8] {
    if text.last() != Some(&b'0') {
        return text;
    }
    let zeros = text.iter().rev().take_while(|&&byte| byte == b'0').count();
    let (digits, point) =
        text.split_at(text.len() - zeros).0.split_at((text.len() - zeros).saturating_sub(1));
    let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
    if point == b"." && !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit) {
        digits
    } else {
        text
    }
}

/// Cuts text to a length that a message can hold.
pub(in crate::table) fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn parse_whole(text: &[u8], notation: Notation) -> Result<u64, Fault> {
    // 18 digits cannot overflow.
    if (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        return bounded(text.iter().fold(0, |value, digit| 10 * value + u64::from(digit - b'0')));
    }
    parse_real(text, notation).and_then(whole_of_real)
}

fn bounded(value: u64) -> Result<u64, Fault> {
    if value <= MAX_WHOLE { Ok(value) } else { Err(Fault::TooLarge) }
}

fn whole_of_real(value: f64) -> Result<u64, Fault> {
    if !(value >= 0.0 && value.fract() == 0.0) {
        return Err(Fault::Bad);
    }
    if value <= MAX_WHOLE as f64 { Ok(value as u64) } else { Err(Fault::TooLarge) }
}

fn finite(value: f64) -> Result<f64, Fault> {
    if value.is_finite() { Ok(value) } else { Err(Fault::Bad) }
}

fn parse_real(text: &[u8], notation: Notation) -> Result<f64, Fault> {
    let pointed = notation == Notation::Point;
    if let (true, Some(value)) = (pointed, parse_plain(text)) {
        return Ok(value);
    }
    if is_missing_word(text) {
        return Err(Fault::Missing);
    }
    let read = |text: &[u8]| {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Bad)?;
        text.parse().map_err(|_| Fault::Bad).and_then(finite)
    };
    match notation.plain(text) {
        Some(plain) => read(plain.as_bytes()),
        // More digits than groups are read with, exponents without a point, infinity.
        None if pointed || !text.contains(&b'.') => read(text),
        None => Err(Fault::Bad),
    }
}

/// Whether a text, without spaces around it, stands for no value.
fn is_missing_word(text: &[u8]) -> bool {
    let words: [&[u8]; 7] = [b"", b"nan", b"null", b"none", b"na", b"n/a", b"<na>"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Reads digits with at most one decimal point and a minus sign, where the result is certain to be
/// the nearest f64: the quotient of two exact numbers is rounded only once (Clinger 1990, the fast
/// path).
fn parse_plain(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // 15 digits stay below 2^53.
    if digits.len() > 16 {
        return None;
    }
    let (mut value, mut count, mut point) = (0_u64, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = 10 * value + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let value = value as f64 / POWERS[count - point.unwrap_or(count)];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests;
