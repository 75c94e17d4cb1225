//! [`ParquetSource`]: the rows of a Parquet file, a few thousand at a time, column by column.
//!
//! Nested columns, timestamps and the like have no meaning in our tables: they are seen, so that
//! one with a name of ours is an error and not a column that is missing. What the footer says is
//! compared with what is decoded: a number of rows that does not agree is an error, not a shorter
//! table. The decoder is a library's and may panic on bytes that are no Parquet; that too becomes
//! an error.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::get_column_reader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::column::{Column, Kind};
use super::parquet_batch::{Batch, Decoding};
use super::parquet_pages::CheckedPages;
use super::row::{Row, Values};
use crate::{Error, Result};

/// Rows that are decoded together.
const BATCH_ROWS: usize = 8192;

/// Rows that a byte of a file holds at most. Columns that are constant take nearly no bytes, but
/// places of clicks and names of banners do; without a bound a few kilobytes would keep a program
/// busy for minutes.
const MAX_ROWS_PER_BYTE: u64 = 100;

/// An open Parquet file.
pub(in crate::table) struct ParquetSource {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    columns: Vec<Column>,
    /// Where each of `columns` is among the leaves of the schema.
    leaves: Vec<usize>,
    bytes: u64,
}

impl ParquetSource {
    /// Opens a Parquet file and reads its footer.
    ///
    /// # Errors
    /// Returns an error when there is no footer, as in a file that was cut short.
    pub(in crate::table) fn open(path: &Path, file: File) -> Result<Self> {
        let bytes =
            file.metadata().map_err(|source| Error::Io { path: path.to_owned(), source })?.len();
        let reader = guarded(path, || SerializedFileReader::new(file))?;
        let (mut columns, mut leaves) = (Vec::new(), Vec::new());
        for (leaf, column) in
            reader.metadata().file_metadata().schema_descr().columns().iter().enumerate()
        {
            let parts = column.path().parts();
            let Some(name) = parts.first().map(|name| name.trim()) else { continue };
            let kind =
                if parts.len() == 1 { kind(column) } else { Kind::Other("group".to_owned()) };
            // The leaves of a group stand side by side.
            let seen = |column: &Column| column.name == name && column.kind == kind;
            if parts.len() > 1 && columns.last().is_some_and(seen) {
                continue;
            }
            columns.push(Column { name: name.to_owned(), kind });
            leaves.push(leaf);
        }
        Ok(Self { path: path.to_owned(), reader, columns, leaves, bytes })
    }

    pub(in crate::table) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// See `Source::read`.
    pub(in crate::table) fn read(
        self,
        picked: &[usize],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let leaves: Vec<_> = picked.iter().map(|&pick| self.leaves[pick]).collect();
        let groups = self.reader.metadata().row_groups();
        let rows_total =
            groups.iter().map(|group| group.num_rows().max(0) as u64).fold(0, u64::saturating_add);
        check_rows(rows_total, self.bytes).map_err(|reason| self.broken(&reason))?;
        let mut line = 0;
        for (index, group) in groups.iter().enumerate() {
            let rows = usize::try_from(group.num_rows())
                .map_err(|_| self.broken("a negative number of rows"))?;
            if group.num_columns()
                != self.reader.metadata().file_metadata().schema_descr().num_columns()
            {
                return Err(self.broken("a row group that lacks columns"));
            }
            for &leaf in &leaves {
                self.check_compression(group.column(leaf).compression())?;
                if group.column(leaf).num_values() != group.num_rows() {
                    return Err(self.broken("columns of different length"));
                }
            }
            let mut readers = guarded(&self.path, || {
                let group = self.reader.get_row_group(index)?;
                let schema = self.reader.metadata().file_metadata().schema_descr();
                let reader = |&leaf: &usize| {
                    let column = schema.column(leaf);
                    let pages = group.get_column_page_reader(leaf)?;
                    let pages = CheckedPages::new(pages, column.max_def_level() > 0);
                    Ok(get_column_reader(column, Box::new(pages)))
                };
                leaves.iter().map(reader).collect::<Decoding<Vec<_>>>()
            })?;
            let mut batches: Vec<_> =
                picked.iter().map(|&pick| Batch::new(&self.columns[pick].kind)).collect();
            let mut left = rows;
            while left > 0 {
                let wanted = left.min(BATCH_ROWS);
                for (reader, batch) in readers.iter_mut().zip(&mut batches) {
                    if guarded(&self.path, || batch.fill(reader, wanted))? != wanted {
                        return Err(self.broken("a column that ends before the others"));
                    }
                }
                for row in 0..wanted {
                    line += 1;
                    let bytes_read = (u128::from(self.bytes) * u128::from(line)
                        / u128::from(rows_total.max(1)))
                        as u64;
                    visit(&Row {
                        values: Values::Parquet(&batches, row),
                        line,
                        lines: 1,
                        bytes_read,
                    })?;
                }
                left -= wanted;
            }
        }
        Ok(())
    }

    fn check_compression(&self, compression: Compression) -> Result<()> {
        let refused = match compression {
            Compression::ZSTD(_) if !cfg!(feature = "parquet-zstd") => {
                "compressed with zstd; build with `--features parquet-zstd` to read it"
            }
            Compression::BROTLI(_) => "compressed with brotli, which is not supported",
            Compression::LZO => "compressed with LZO, which is not supported",
            _ => return Ok(()),
        };
        Err(Error::Data(format!("{}: {refused}", self.path.display())))
    }

    fn broken(&self, what: &str) -> Error {
        Error::Data(format!("{}: a broken Parquet file: {what}", self.path.display()))
    }
}

/// Checks that a file of `bytes` can have so many rows.
fn check_rows(rows: u64, bytes: u64) -> std::result::Result<(), String> {
    match rows <= bytes.saturating_mul(MAX_ROWS_PER_BYTE) {
        true => Ok(()),
        false => Err(format!("{rows} rows in {bytes} bytes")),
    }
}

/// Returns what a column at the top of the schema holds.
fn kind(column: &ColumnDescriptor) -> Kind {
    let (physical, logical, converted) =
        (column.physical_type(), column.logical_type_ref(), column.converted_type());
    let other = || match logical {
        Some(logical) => Kind::Other(format!("{logical:?}")),
        None if converted != ConvertedType::NONE => Kind::Other(format!("{converted}")),
        None => Kind::Other(format!("{physical}")),
    };
    if column.max_rep_level() > 0 {
        return Kind::Other("list".to_owned());
    }
    let plain = logical.is_none() && converted == ConvertedType::NONE;
    let is_decimal = matches!(logical, Some(LogicalType::Decimal(_)))
        || (logical.is_none() && converted == ConvertedType::DECIMAL);
    if let (true, Ok(scale @ 0..=300)) = (is_decimal, u32::try_from(column.type_scale())) {
        return Kind::Decimal { scale };
    }
    match physical {
        Physical::INT32 | Physical::INT64 => match (logical, converted) {
            (Some(LogicalType::Integer(integer)), _) => Kind::Whole { signed: integer.is_signed },
            // All of its values are missing; what type they would have is not known.
            (Some(LogicalType::Unknown), _) => Kind::Whole { signed: true },
            (Some(_), _) => other(),
            (
                None,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64,
            ) => Kind::Whole { signed: false },
            (
                None,
                ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64,
            ) => Kind::Whole { signed: true },
            (None, ConvertedType::NONE) => Kind::Whole { signed: true },
            _ => other(),
        },
        Physical::FLOAT | Physical::DOUBLE if plain => Kind::Real,
        Physical::BOOLEAN if plain => Kind::Bool,
        Physical::BYTE_ARRAY => match (logical, converted) {
            (Some(LogicalType::String | LogicalType::Enum), _) => Kind::Text,
            (None, ConvertedType::NONE | ConvertedType::UTF8 | ConvertedType::ENUM) => Kind::Text,
            _ => other(),
        },
        Physical::FIXED_LEN_BYTE_ARRAY if plain => Kind::Text,
        _ => other(),
    }
}

/// Runs a part of the decoder; its errors and panics become errors of ours.
fn guarded<T>(path: &Path, decode: impl FnOnce() -> Decoding<T>) -> Result<T> {
    let said = |reason: &str| {
        Error::Data(format!("{}: no complete Parquet file: {reason}", path.display()))
    };
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(said(&error.to_string())),
        Err(panic) => Err(said(panic_text(&*panic))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the decoder failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_no_more_rows_than_its_bytes_can_hold() {
        assert!(check_rows(500_000, 5_000).is_ok() && check_rows(0, 0).is_ok());
        let error = check_rows(500_001, 5_000).unwrap_err();
        assert_eq!(error, "500001 rows in 5000 bytes");
    }
}
