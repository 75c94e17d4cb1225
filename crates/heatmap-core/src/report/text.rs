//! Formatting of text and numbers for the page.

use std::fmt::{self, Display, Formatter, Write};

/// Escapes any text, so that it is safe in an element and between the quotes of an attribute.
/// Control characters become U+FFFD.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            '\n' | '\t' => out.write_char(' '),
            c if c.is_control() => out.write_char('\u{FFFD}'),
            c => out.write_char(c),
        })
    }
}

/// Writes a name from data in a `bdi` element of its own, so that its writing direction does not
/// affect the text around it. A long name is cut, and shown in full in a tooltip.
pub(super) struct Name<'a>(pub(super) &'a str);

impl Name<'_> {
    /// Largest number of characters that are shown.
    const LENGTH: usize = 72;
}

impl Display for Name<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if self.0.trim().is_empty() {
            return out.write_str("<bdi>(no name)</bdi>");
        }
        match self.0.char_indices().nth(Self::LENGTH) {
            None => write!(out, "<bdi>{}</bdi>", Text(self.0)),
            Some((end, _)) => {
                write!(out, "<bdi title=\"{}\">{}…</bdi>", Text(self.0), Text(&self.0[..end]))
            }
        }
    }
}

/// A number with commas between thousands.
pub(super) fn count(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, such as "1 banner" or "2 banners".
pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// A number of clicks, which need not be whole.
pub(super) fn clicks(sum: f64) -> String {
    if sum == 0.0 || sum >= 100.0 || sum.fract() == 0.0 {
        count(sum.round() as u64)
    } else {
        number(sum)
    }
}

/// A number with about three significant digits and a typographic minus sign.
pub(super) fn number(value: f64) -> String {
    let text = match value.abs() {
        0.0 => "0".to_owned(),
        size if !(0.000_5..100_000.0).contains(&size) => format!("{value:.1e}"),
        size if size >= 999.5 => format!("{value:.0}"),
        size if size >= 99.95 => format!("{value:.1}"),
        size if size >= 9.995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    text.replace('-', "\u{2212}")
}

/// As [`number`], but with a plus sign above 0.
pub(super) fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element_or_its_attribute() {
        let hostile = "</script><script>alert('1')</script>\" onload=\"x & y\u{0}\u{1b}";
        let text = Text(hostile).to_string();
        assert!(!text.contains(['<', '>', '"', '\'', '\u{0}', '\u{1b}']));
        assert_eq!(Text("a&lt;b").to_string(), "a&amp;lt;b");
        assert_eq!(Text("żółw.example 日本 👍").to_string(), "żółw.example 日本 👍");
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_whole_in_the_tooltip() {
        let name = "ż".repeat(2_000);
        let html = Name(&name).to_string();
        assert!(html.contains(&format!("title=\"{name}\"")));
        assert!(html.ends_with(&format!(">{}…</bdi>", "ż".repeat(72))));
        assert_eq!(Name("a.com").to_string(), "<bdi>a.com</bdi>");
        assert_eq!(Name(" ").to_string(), "<bdi>(no name)</bdi>");
    }

    #[test]
    fn numbers_read_well() {
        let counts = [0_u64, 7, 999, 1_000, 1_234_567, u64::MAX].map(count);
        assert_eq!(counts, ["0", "7", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
        let numbers =
            [0.0, -0.0, 0.0123, -1.5, 12.34, 123.45, 99_999.0, 1e9, -1e-7, 9.999].map(number);
        let expected =
            ["0", "0", "0.012", "−1.500", "12.34", "123.5", "99999", "1.0e9", "−1.0e−7", "10.00"];
        assert_eq!(numbers, expected);
        assert_eq!(
            (signed(0.5), signed(-0.5), signed(0.0)),
            ("+0.500".into(), "−0.500".into(), "0".into())
        );
        assert_eq!([1234.4, 0.25, 3.0].map(clicks), ["1,234", "0.250", "3"]);
        assert_eq!(
            (counted(1, "banner"), counted(1_000, "banner")),
            ("1 banner".into(), "1,000 banners".into())
        );
    }
}
