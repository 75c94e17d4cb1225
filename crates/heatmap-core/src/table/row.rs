//! [`Row`]: one row of a file, whatever its format.

use super::DropReason;
use super::cell::Cell;
use super::drops::Usable;
#[cfg(feature = "parquet")]
use super::parquet_batch::Batch;

/// One row as it stands in the file.
pub(super) struct Row<'a> {
    /// Its values.
    pub(super) values: Values<'a>,
    /// Line in a CSV file, the header being line 1; row in a Parquet file, from 1.
    pub(super) line: u64,
    /// Number of lines that it takes; more than 1 when a quoted value has line breaks.
    pub(super) lines: u64,
    /// Bytes of the file up to here.
    pub(super) bytes_read: u64,
}

/// The values of a row, where the source keeps them.
pub(super) enum Values<'a> {
    /// A record, and where in it the picked columns stand.
    Csv(&'a csv::ByteRecord, &'a [usize]),
    /// No row of the table.
    Unusable(DropReason),
    /// The picked columns of some rows, and which of the rows it is.
    #[cfg(feature = "parquet")]
    Parquet(&'a [Batch], usize),
}

impl<'a> Row<'a> {
    /// The values in the first `N` picked columns.
    ///
    /// # Errors
    /// When the row is not one of the table.
    pub(super) fn cells<const N: usize>(&self) -> Usable<[Cell<'a>; N]> {
        match self.values {
            Values::Unusable(reason) => Err(reason),
            _ => Ok(std::array::from_fn(|pick| self.cell(pick))),
        }
    }

    /// The value in the picked column `pick`.
    ///
    /// # Panics
    /// When the row is not one of the table.
    pub(super) fn cell(&self, pick: usize) -> Cell<'a> {
        match self.values {
            Values::Csv(record, picked) => Cell::Text(&record[picked[pick]]),
            Values::Unusable(reason) => panic!("a row without cells: {reason}"),
            #[cfg(feature = "parquet")]
            Values::Parquet(batches, row) => batches[pick].cell(row),
        }
    }

    /// Rows that are lost with this one when it is dropped for `reason`: a quotation mark that is
    /// not closed swallows lines.
    pub(super) fn lost_with(&self, reason: DropReason) -> u64 {
        if reason == DropReason::UnclosedQuote { self.lines } else { 1 }
    }
}
