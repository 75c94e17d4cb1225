//! Files as people bring them, read row by row whatever their format.
//!
//! [`Source::open`] finds out how a file is written: compressed or not, UTF-8 or UTF-16
//! ([`bytes`]), Parquet or text with a separator ([`dialect`]), a decimal point or a decimal comma
//! ([`notation`]). [`Source::find`] finds a column by its name or by another word for it
//! ([`header`]), and [`Source::assumptions`] says what was found.

mod bounded;
mod bytes;
pub(super) mod cell;
pub(super) mod column;
mod csv_source;
mod dialect;
mod format;
mod header;
mod notation;
#[cfg(feature = "parquet")]
mod parquet_batch;
#[cfg(feature = "parquet")]
mod parquet_pages;
#[cfg(feature = "parquet")]
mod parquet_source;
pub(super) mod paths;
pub(super) mod row;
pub(super) mod source;

pub use format::TableFormat;
pub(super) use header::Holds;
