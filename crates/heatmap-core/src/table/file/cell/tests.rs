use super::*;
use proptest::prelude::*;

fn text_cell(text: &[u8]) -> Cell<'_> {
    Cell::Text(text, Notation::Point)
}

fn real(text: &str) -> Result<f64, Fault> {
    text_cell(text.as_bytes()).real()
}

fn whole(text: &str) -> Result<u64, Fault> {
    text_cell(text.as_bytes()).whole()
}

#[test]
fn whole_numbers_come_in_every_notation_or_not_at_all() {
    for (text, value) in
        [("0", 0), (" 17\r", 17), ("3.0", 3), ("3.", 3), ("-0.0", 0), ("1e3", 1000), ("0007", 7)]
    {
        assert_eq!(whole(text), Ok(value), "{text}");
    }
    assert_eq!(whole("9007199254740992"), Ok(MAX_WHOLE));
    for text in ["9007199254740993", "99999999999999999999", "1e300", "9007199254740994.0"] {
        assert_eq!(whole(text), Err(Fault::TooLarge), "{text}");
    }
    for text in [
        "-1", "2.5", "x", "1,5", "inf", "-inf", "1e999", "0x10", "1 2", "--1", ".", "-", "٣",
        "1_000",
    ] {
        assert_eq!(whole(text), Err(Fault::Bad), "{text}");
    }
    for text in ["", "  ", "NaN", "null", "None", "NA", "n/a", "<NA>"] {
        assert_eq!(whole(text), Err(Fault::Missing), "{text}");
        assert_eq!(real(text), Err(Fault::Missing), "{text}");
    }
}

#[test]
fn truth_is_0_or_1_in_any_notation() {
    for text in ["1", "1.0", "true", "TRUE", " True ", "yes", "Y", "Broken"] {
        assert_eq!(text_cell(text.as_bytes()).truth(), Ok(true), "{text}");
    }
    for text in ["0", "0.0", "-0", "false", "No", "OK", "good", "not broken"] {
        assert_eq!(text_cell(text.as_bytes()).truth(), Ok(false), "{text}");
    }
    assert_eq!(text_cell(b"2").truth(), Err(Fault::Bad));
    assert_eq!(text_cell(b"maybe").truth(), Err(Fault::Bad));
    assert_eq!(text_cell(b"").truth(), Err(Fault::Missing));
}

#[test]
fn typed_values_follow_the_same_rules() {
    assert_eq!(Cell::Whole(-1).whole(), Err(Fault::Bad));
    assert_eq!(Cell::Whole(i64::MAX).whole(), Err(Fault::TooLarge));
    assert_eq!(Cell::Unsigned(7).whole(), Ok(7));
    assert_eq!(Cell::Real(3.0).whole(), Ok(3));
    assert_eq!(Cell::Real(f64::NAN).whole(), Err(Fault::Missing));
    assert_eq!(Cell::Real(f64::INFINITY).real(), Err(Fault::Bad));
    assert_eq!(Cell::Bool(true).truth(), Ok(true));
    assert_eq!(Cell::Missing.truth(), Err(Fault::Missing));
    let mut spare = Vec::new();
    assert_eq!(Cell::Whole(-12).name(&mut spare), b"-12");
    assert_eq!(Cell::Missing.name(&mut spare), b"");
}

#[test]
fn per_cent_are_hundredths() {
    let of = |text: &str| text_cell(text.as_bytes()).real_or_percent();
    assert_eq!((of("85.2%"), of(" 50 % "), of("0.5")), (Ok(0.852), Ok(0.5), Ok(0.5)));
    assert_eq!(
        (of("%"), of("a%"), of("85%%"), of("")),
        (Err(Fault::Bad), Err(Fault::Bad), Err(Fault::Bad), Err(Fault::Missing))
    );
    assert_eq!(Cell::Real(0.25).real_or_percent(), Ok(0.25));
}

#[test]
fn a_whole_number_names_the_same_banner_with_and_without_a_point() {
    let mut spare = Vec::new();
    for (text, name) in [
        ("1000.0", "1000"),
        (" 1000.00 ", "1000"),
        ("1000", "1000"),
        ("-3.0", "-3"),
        ("0.0", "0"),
        ("10", "10"),
        ("1.10", "1.10"),
        ("1.5", "1.5"),
        ("v2.0", "v2.0"),
        ("1.2.0", "1.2.0"),
        (".0", ".0"),
        ("-.0", "-.0"),
        ("0", "0"),
        ("", ""),
    ] {
        assert_eq!(text_cell(text.as_bytes()).name(&mut spare), name.as_bytes(), "{text}");
    }
    for (value, name) in [(1_000.0, "1000"), (1.5, "1.5"), (-7.0, "-7"), (1e15, "1000000000000000")]
    {
        assert_eq!(Cell::Real(value).name(&mut spare), name.as_bytes(), "{value}");
    }
    assert_eq!(Cell::Real(f64::NAN).name(&mut spare), b"");
}

proptest! {
    /// The oracle is the standard library, which rounds correctly.
    #[test]
    fn numbers_are_those_of_the_standard_library(
        text in "-?[0-9]{0,17}(\\.[0-9]{0,9})?(e-?[0-9]{1,2})?",
    ) {
        let expected = text.parse::<f64>().ok().map(f64::to_bits);
        prop_assert_eq!(real(&text).ok().map(f64::to_bits), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let cell = text_cell(&bytes);
        if let Ok(value) = cell.whole() {
            prop_assert_eq!(cell.real(), Ok(value as f64));
        }
        let _ = (cell.truth(), cell.shown());
    }
}
