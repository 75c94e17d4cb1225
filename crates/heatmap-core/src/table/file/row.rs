//! [`Row`]: one row of a file, whatever its format.

use super::cell::Cell;
use super::notation::Notation;
#[cfg(feature = "parquet")]
use super::parquet_batch::Batch;
use crate::table::drops::{DropReason, Usable};

/// One row as it stands in the file.
pub(in crate::table) struct Row<'a> {
    /// Its values.
    pub(in crate::table) values: Values<'a>,
    /// Line in a CSV file, the header being line 1; row in a Parquet file, from 1.
    pub(in crate::table) line: u64,
    /// Number of lines that it takes; more than 1 when a quoted value has line breaks.
    pub(in crate::table) lines: u64,
    /// Bytes of the file that were read up to this row.
    pub(in crate::table) bytes_read: u64,
}

/// The values of a row, which belong to the source.
pub(in crate::table) enum Values<'a> {
    /// A CSV record, where the picked columns are in it, and how its numbers are written.
    Csv(&'a csv::ByteRecord, &'a [usize], Notation),
    /// The row cannot be used, for this reason.
    Unusable(DropReason),
    /// One batch for each picked column, and the place of the row in them.
    #[cfg(feature = "parquet")]
    Parquet(&'a [Batch], usize),
}

impl<'a> Row<'a> {
    /// Returns the values in the first `N` picked columns.
    ///
    /// # Errors
    /// Returns the reason when the row cannot be used.
    pub(in crate::table) fn cells<const N: usize>(&self) -> Usable<[Cell<'a>; N]> {
        match self.values {
            Values::Unusable(reason) => Err(reason),
            _ => Ok(std::array::from_fn(|pick| self.cell(pick))),
        }
    }

    /// Returns the value in the picked column `pick`.
    ///
    /// # Panics
    /// Panics when the row cannot be used.
    pub(in crate::table) fn cell(&self, pick: usize) -> Cell<'a> {
        match self.values {
            Values::Csv(record, picked, notation) => Cell::Text(&record[picked[pick]], notation),
            Values::Unusable(reason) => panic!("a row without cells: {reason}"),
            #[cfg(feature = "parquet")]
            Values::Parquet(batches, row) => batches[pick].cell(row),
        }
    }

    /// Returns the number of rows that are lost when this one is dropped for `reason`: a quotation
    /// mark that is not closed swallows lines.
    pub(in crate::table) fn lost_with(&self, reason: DropReason) -> u64 {
        if reason == DropReason::UnclosedQuote { self.lines } else { 1 }
    }
}
