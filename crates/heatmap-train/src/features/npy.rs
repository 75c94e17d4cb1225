//! [`read_npy`]: reads a feature table from a file in NumPy's format.

use std::path::Path;

use heatmap_core::analysis::faer::Mat;

use crate::{Error, Result};

/// Reads a `.npy` file of little-endian f32 or f64 values in row-major (C) order, as written by
/// [`RowFile::npy`](super::RowFile::npy) or `numpy.save`. The table has one row per sample; all
/// axes but the first are flattened to its columns. Versions 1.0 to 3.0 of the format are
/// supported: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
///
/// # Errors
/// Returns an error that names the file when it cannot be read, is not such a file, or has no
/// values.
pub fn read_npy(path: &Path) -> Result<Mat<f64>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    parse(&bytes).map_err(|reason| Error::bad_file(path, reason))
}

fn parse(bytes: &[u8]) -> std::result::Result<Mat<f64>, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not a file of numpy's format")?;
    let (length, start) = match rest {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 12),
        _ => return Err("of a version that is not known".to_owned()),
    };
    let end = start + length;
    let header = bytes
        .get(start..end)
        .and_then(|header| std::str::from_utf8(header).ok())
        .ok_or("cut short")?;
    let after =
        |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start_matches([' ', ':']));
    let size = match after("'descr'") {
        Some(rest) if rest.starts_with("'<f4'") => 4,
        Some(rest) if rest.starts_with("'<f8'") => 8,
        _ => return Err("not of f32 or f64, little-endian".to_owned()),
    };
    if !after("'fortran_order'").is_some_and(|rest| rest.starts_with("False")) {
        return Err("column by column; save it row by row (numpy.ascontiguousarray)".to_owned());
    }
    let shape = after("'shape'")
        .and_then(|rest| rest.strip_prefix('(')?.split_once(')'))
        .ok_or("without a shape")?
        .0;
    let sides: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty())
        .map(|side| side.parse().map_err(|_| format!("of the shape ({shape})")))
        .collect::<std::result::Result<_, _>>()?;
    let [rows, columns @ ..] = &sides[..] else {
        return Err("a single number, not a table".to_owned());
    };
    let columns = columns
        .iter()
        .try_fold(1_usize, |product, side| product.checked_mul(*side))
        .ok_or("too large")?;
    let wanted =
        rows.checked_mul(columns).and_then(|values| values.checked_mul(size)).ok_or("too large")?;
    // Without values, any row count in the header would pass the length check below.
    if wanted == 0 {
        return Err(format!("of the shape ({shape}), which has no value"));
    }
    let data = &bytes[end..];
    if data.len() != wanted {
        return Err(format!("{} bytes of values where ({shape}) needs {wanted}", data.len()));
    }
    let value = |at: usize| match size {
        4 => f64::from(f32::from_le_bytes(data[4 * at..][..4].try_into().expect("four bytes"))),
        _ => f64::from_le_bytes(data[8 * at..][..8].try_into().expect("eight bytes")),
    };
    Ok(Mat::from_fn(*rows, columns, |row, column| value(row * columns + column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::RowFile;

    #[test]
    fn what_features_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut file = RowFile::npy(&path, &[2, 3]).unwrap();
        file.append(0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5]).unwrap();
        file.finish().unwrap();
        let table = read_npy(&path).unwrap();
        assert_eq!((table.nrows(), table.ncols(), table[(1, 2)]), (2, 3, 6.5));
        let missing = read_npy(&folder.path().join("b.npy")).unwrap_err().to_string();
        assert!(missing.contains("b.npy: No such file"), "{missing}");
    }

    #[test]
    fn what_is_no_table_is_named() {
        let with_header = |header: &str| {
            [b"\x93NUMPY\x01\x00\x50\x00", format!("{header:<80}").as_bytes()].concat()
        };
        for (bytes, reason) in [
            (b"hello".to_vec(), "not a file of numpy"),
            (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "cut short"),
            (
                with_header("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }"),
                "not of f32",
            ),
            (
                with_header("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }"),
                "column by column",
            ),
            (
                with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9), }"),
                "0 bytes of values",
            ),
            (
                with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (x, 9), }"),
                "of the shape (x, 9)",
            ),
            (
                with_header(
                    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000000), }",
                ),
                "which has no value",
            ),
            (
                with_header(
                    "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 0), \
                     }",
                ),
                "no value",
            ),
        ] {
            let said = parse(&bytes).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
    }
}
