//! [`CheckedPages`]: pages of a Parquet column whose numbers of values their bytes can hold.
//!
//! The decoder of the library makes room for as many values as the header of a page says, before it
//! reads one. A few bytes could so ask for more memory than there is, which ends the program.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;

use super::parquet_batch::Decoding;

/// Values that a byte of a page in one of the delta encodings holds at most. Writers put 128 or 256
/// values into a block, which has some bytes of its own.
const MAX_VALUES_PER_BYTE: usize = 1_024;

/// The pages of one column, each of which is checked before it is decoded.
pub(in crate::table) struct CheckedPages {
    pages: Box<dyn PageReader>,
    /// Whether values may be missing, so that a data page begins with definition levels.
    has_levels: bool,
}

impl CheckedPages {
    /// Checks `pages`, those of a column that is no list; `has_levels` says whether values may be
    /// missing in it.
    pub(in crate::table) fn new(pages: Box<dyn PageReader>, has_levels: bool) -> Self {
        Self { pages, has_levels }
    }

    fn check(&self, page: &Page) -> Decoding<()> {
        let (values, bytes, encoding) = match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                return check_number(*num_values as usize, buf.len(), 1);
            }
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let levels = match (self.has_levels, def_level_encoding) {
                    (false, _) => 0,
                    (true, Encoding::RLE) => 4 + length(buf)?,
                    (true, _) if !is_delta(*encoding) => 0,
                    (true, other) => {
                        return Err(broken(format!("levels in {other} beside deltas")));
                    }
                };
                (*num_values, buf.get(levels..), *encoding)
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                (*num_values, buf.get(levels..), *encoding)
            }
        };
        if !is_delta(encoding) {
            return Ok(());
        }
        let bytes = bytes.ok_or_else(|| broken("a page that is shorter than its levels"))?;
        let used = check_deltas(bytes, values as usize)?;
        // Common beginnings first, then the lengths of what follows them.
        if encoding == Encoding::DELTA_BYTE_ARRAY {
            check_deltas(&bytes[used..], values as usize)?;
        }
        Ok(())
    }
}

fn is_delta(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::DELTA_BINARY_PACKED
            | Encoding::DELTA_LENGTH_BYTE_ARRAY
            | Encoding::DELTA_BYTE_ARRAY
    )
}

fn broken(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

fn check_number(values: usize, bytes: usize, per_byte: usize) -> Decoding<()> {
    match values <= bytes.saturating_mul(per_byte) {
        true => Ok(()),
        false => Err(broken(format!("a page of {bytes} bytes that would hold {values} values"))),
    }
}

/// Returns the length in front of the definition levels.
fn length(bytes: &[u8]) -> Decoding<usize> {
    let head = bytes.first_chunk().ok_or_else(|| broken("a page without levels"))?;
    Ok(u32::from_le_bytes(*head) as usize)
}

/// Checks the number of values of a run in `DELTA_BINARY_PACKED`, of which a page of `most` values
/// has no more, and returns the length of the run in bytes.
fn check_deltas(bytes: &[u8], most: usize) -> Decoding<usize> {
    let mut at = 0;
    let block = number(bytes, &mut at)?;
    let parts = number(bytes, &mut at)?;
    let values = number(bytes, &mut at)?;
    number(bytes, &mut at)?;
    check_number(values, bytes.len(), MAX_VALUES_PER_BYTE)?;
    if values > most {
        return Err(broken(format!("{values} values in a page of {most}")));
    }
    let of_part = block.checked_div(parts).filter(|of_part| *of_part > 0);
    let of_part = of_part.ok_or_else(|| broken("a block without values"))?;
    let mut left = values.saturating_sub(1);
    while left > 0 {
        number(bytes, &mut at)?;
        let end = at.checked_add(parts).filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| broken("a block that is cut short"))?;
        let widths = at..end;
        at = end;
        for width in widths {
            if left == 0 {
                break;
            }
            let length = usize::from(bytes[width]).checked_mul(of_part).map(|bits| bits / 8);
            let end = length.and_then(|length| at.checked_add(length));
            // The last part may be cut where no value follows.
            at = end.unwrap_or(bytes.len()).min(bytes.len());
            left = left.saturating_sub(of_part);
        }
    }
    Ok(at)
}

/// Reads a number in seven bits a byte, the lowest first.
fn number(bytes: &[u8], at: &mut usize) -> Decoding<usize> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.get(*at).ok_or_else(|| broken("a page that is cut short"))?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).map_err(|_| broken("a number that is too large"));
        }
    }
    Err(broken("a number that is too long"))
}

impl Iterator for CheckedPages {
    type Item = Decoding<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Decoding<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Decoding<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Decoding<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Decoding<bool> {
        self.pages.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of 128 values in 4 parts, of which this many follow: 0, 1, 2 and so on.
    fn ascending(values: u8) -> Vec<u8> {
        assert!(values <= 33, "one part is enough");
        // Block, parts, number, first value; then the smallest difference, 1 (2 in zigzag), and
        // the widths of what is above it.
        let head = vec![0x80, 0x01, 4, values, 0];
        if values < 2 { head } else { [head, vec![2, 0, 0, 0, 0]].concat() }
    }

    #[test]
    fn a_run_of_deltas_ends_where_the_next_one_begins() {
        for values in [0, 1, 2, 33] {
            let run = ascending(values);
            let both = [run.clone(), ascending(7)].concat();
            assert_eq!(check_deltas(&both, 40).unwrap(), run.len(), "{values}");
        }
        // A part of 32 differences of 3 bits.
        let wide = [vec![0x80, 0x01, 4, 33, 0, 2, 3, 0, 0, 0], vec![0xff; 12]].concat();
        assert_eq!(check_deltas(&wide, 33).unwrap(), wide.len());
    }

    #[test]
    fn numbers_that_cannot_be_are_errors() {
        let says = |bytes: &[u8], most: usize, message: &str| {
            let error = check_deltas(bytes, most).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        says(&ascending(33), 32, "33 values in a page of 32");
        says(
            &[0x80, 0x01, 4, 0xff, 0xff, 0xff, 0x7f, 0],
            1 << 40,
            "that would hold 268435455 values",
        );
        says(&[0x80, 0x01, 0, 5, 0], 9, "a block without values");
        says(&[0x80, 0x01, 4, 5, 0, 2, 0, 0], 9, "a block that is cut short");
        says(&[0x80, 0x01], 9, "a page that is cut short");
        says(&[0xff; 12], 9, "a number that is too long");
        assert!(check_number(4, 4, 1).is_ok() && check_number(5, 4, 1).is_err());
    }
}
