//! From a data set, through an encoder, to a table on disk.
//!
//! A [`PublishedEncoder`] is a network with the weights of a file; [`extract`] runs it over the
//! images of a [`Source`], a batch at a time, and writes each batch before the next is made, into a
//! [`RowFile`] that appears when it is complete.

mod encoder;
mod extraction;
mod npy;
mod row_file;
mod source;

pub use encoder::{Output, PublishedEncoder};
pub use extraction::{Extracted, extract};
pub use npy::read_npy;
pub use row_file::RowFile;
pub use source::{BannerRow, HeatmapSource, Source, TensorSource};
