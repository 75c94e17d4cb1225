//! [`Notation`]: how numbers are written as text, with a decimal point or a decimal comma.
//!
//! Digits before the decimal character may stand in groups of three, separated by the other one of
//! point and comma, by a space (also one that does not break), or by an apostrophe.

/// The decimal character of a file's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::table) enum Notation {
    /// `1,234.5`
    #[default]
    Point,
    /// `1.234,5`
    Comma,
}

/// What a value says about the notation of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// No number in either notation.
    NoNumber,
    /// Digits alone, or a value that is missing.
    Nothing,
    /// A number with a decimal point, or with commas between groups.
    Point,
    /// A number with a decimal comma, or with points between groups.
    Comma,
    /// One comma, three digits after it and up to three before: a group or decimals.
    OneComma,
    /// One point, three digits after it and up to three before: a group or decimals.
    OnePoint,
}

/// Longest number that is read in groups.
const MAX_LENGTH: usize = 40;

impl Notation {
    /// Returns the number as digits with at most one decimal point; `None` when it is no number in
    /// this notation.
    pub(super) fn plain(self, text: &[u8]) -> Option<Plain> {
        let text = std::str::from_utf8(text).ok()?;
        let (decimal, group) = match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        };
        let mut plain = Plain { bytes: [0; MAX_LENGTH], length: 0 };
        let unsigned = text.strip_prefix('-').inspect(|_| _ = plain.push(b'-')).unwrap_or(text);
        let (whole, decimals) = match unsigned.split_once(decimal) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (unsigned, None),
        };
        // One kind of separator for all groups of a number.
        let between = whole.chars().find(|c| !c.is_ascii_digit());
        match between {
            None if whole.is_empty() && decimals.is_none() => return None,
            None if whole.is_empty() => plain.push(b'0')?,
            None => whole.bytes().try_for_each(|digit| plain.push(digit))?,
            Some(c) if c == group || is_space_or_apostrophe(c) => {
                for (at, digits) in whole.split(c).enumerate() {
                    let fits = if at == 0 { 1..=3 } else { 3..=3 };
                    if !fits.contains(&digits.len()) || !is_digits(digits) {
                        return None;
                    }
                    digits.bytes().try_for_each(|digit| plain.push(digit))?;
                }
            }
            Some(_) => return None,
        }
        if let Some(decimals) = decimals {
            let exponent = decimals.find(['e', 'E']).unwrap_or(decimals.len());
            let digits = &decimals[..exponent];
            if !(digits.is_empty() || is_digits(digits)) || (whole.is_empty() && digits.is_empty())
            {
                return None;
            }
            plain.push(b'.')?;
            decimals.bytes().try_for_each(|byte| plain.push(byte))?;
        }
        Some(plain)
    }
}

/// A number in Rust's notation.
pub(super) struct Plain {
    bytes: [u8; MAX_LENGTH],
    length: usize,
}

impl Plain {
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.length)? = byte;
        self.length += 1;
        Some(())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_space_or_apostrophe(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’')
}

/// Returns what a value, which is not missing and has no spaces around it, says about the notation.
pub(super) fn evidence(text: &[u8]) -> Evidence {
    let is = |notation: Notation| notation.plain(text).is_some();
    let one = |separator: u8| text.iter().filter(|&&byte| byte == separator).count() == 1;
    match (is(Notation::Point), is(Notation::Comma)) {
        (false, false) => Evidence::NoNumber,
        (true, false) => Evidence::Point,
        (false, true) => Evidence::Comma,
        // A group does not begin with 0.
        (true, true) if one(b',') && text.starts_with(b"0") => Evidence::Comma,
        (true, true) if one(b'.') && text.starts_with(b"0") => Evidence::Point,
        (true, true) if one(b',') => Evidence::OneComma,
        (true, true) if one(b'.') => Evidence::OnePoint,
        (true, true) => Evidence::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(notation: Notation, text: &str) -> Option<f64> {
        let plain = notation.plain(text.as_bytes())?;
        Some(std::str::from_utf8(plain.as_bytes()).unwrap().parse().unwrap())
    }

    #[test]
    fn groups_have_three_digits_and_one_separator() {
        for (text, value) in [
            ("1,234.5", 1234.5),
            ("-12,345,678", -12_345_678.0),
            ("1 234", 1234.0),
            ("1\u{a0}234\u{a0}567.25", 1_234_567.25),
            ("1'234", 1234.0),
            ("12.", 12.0),
            (".5", 0.5),
            ("1.5e3", 1500.0),
            ("7", 7.0),
        ] {
            assert_eq!(read(Notation::Point, text), Some(value), "{text}");
            let swapped: String = text
                .chars()
                .map(|c| match c {
                    ',' => '.',
                    '.' => ',',
                    c => c,
                })
                .collect();
            assert_eq!(read(Notation::Comma, &swapped), Some(value), "{swapped}");
        }
        for text in
            ["1,23", "1234,567", "1,234 567", ",5", "1,,234", "1.2.3", "12 34", "", "-", ".", "a,b"]
        {
            assert_eq!(read(Notation::Point, text), None, "{text}");
        }
        assert_eq!(read(Notation::Comma, "12.5"), None);
        assert_eq!(read(Notation::Point, &"1".repeat(41)), None);
    }

    #[test]
    fn a_value_says_what_it_can_be() {
        for (text, expected) in [
            ("12", Evidence::Nothing),
            ("1 234", Evidence::Nothing),
            ("12.5", Evidence::Point),
            ("1,234.5", Evidence::Point),
            ("1,234,567", Evidence::Point),
            ("0.125", Evidence::Point),
            ("12,5", Evidence::Comma),
            ("1234,567", Evidence::Comma),
            ("0,125", Evidence::Comma),
            ("1.234.567", Evidence::Comma),
            ("1,234", Evidence::OneComma),
            ("1.234", Evidence::OnePoint),
            ("a", Evidence::NoNumber),
            ("2026-11-20", Evidence::NoNumber),
        ] {
            assert_eq!(evidence(text.as_bytes()), expected, "{text}");
        }
    }
}
