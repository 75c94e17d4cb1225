//! [`spreadsheet_cell`]: names as cells of a CSV file that people open in a spreadsheet.

use std::borrow::Cow;

/// Returns a name as a cell of a CSV file that people open in a spreadsheet.
///
/// A name that begins like a formula gets an apostrophe in front, which spreadsheets take for "this
/// is text". Numbers stay numbers. See <https://owasp.org/www-community/attacks/CSV_Injection>.
pub fn spreadsheet_cell(name: &str) -> Cow<'_, str> {
    let like_a_formula = name.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if like_a_formula && name.parse::<f64>().is_err() {
        Cow::Owned(format!("'{name}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns the name that [`spreadsheet_cell`] has made `cell` of.
#[cfg(any(feature = "analysis", test))]
pub(crate) fn name_in_spreadsheet(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(name) if spreadsheet_cell(name) == cell => name,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_formulas_and_numbers_are_numbers() {
        for name in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1"] {
            assert_eq!(spreadsheet_cell(name), format!("'{name}"));
            assert_eq!(name_in_spreadsheet(&spreadsheet_cell(name)), name);
        }
        for name in ["a.com", "-3", "+1.5", "", "1=1", "a@b", "'a"] {
            assert_eq!(spreadsheet_cell(name), name);
            assert_eq!(name_in_spreadsheet(name), name);
        }
    }
}
