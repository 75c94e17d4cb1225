//! Extraction of the features of a whole data set to files, with a pretrained encoder.
//!
//! A [`PublishedEncoder`] is a network with published weights. [`extract`] runs it over the images
//! of a [`Source`], one batch at a time, and writes each batch to a [`RowFile`] before it makes the
//! next. The file appears under its name only when it is complete.

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
