//! [`extract`]: the loop from images to feature files.

use std::ops::ControlFlow;

use burn::tensor::Device;

use super::encoder::{Output, PublishedEncoder};
use super::row_file::RowFile;
use super::source::Source;
use crate::{Error, Result};

/// How a feature extraction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extracted {
    /// All rows have been written to the files.
    All,
    /// The extraction was stopped by the caller, and no file is left.
    Stopped,
}

/// Runs `encoder` over all images in batches of `batch_size` and writes the outputs batch by batch.
/// `outputs[i]` is written to file number `places[i].0`, table number `places[i].1`. `each_batch`
/// is called after every batch with the number of its images, and can stop the loop.
///
/// Only the network and the data of one batch are held in memory.
///
/// # Errors
/// Returns an error when an output or the image size does not suit the network, when the batch size
/// is 0, or when a file cannot be read or written. No file is left in that case.
pub fn extract(
    encoder: &PublishedEncoder,
    source: &dyn Source,
    outputs: &[Output],
    batch_size: usize,
    (mut files, places): (Vec<RowFile>, &[(usize, usize)]),
    device: &Device,
    mut each_batch: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Extracted> {
    if batch_size == 0 {
        return Err(Error::config("batch", 0, "must be positive"));
    }
    outputs.iter().try_for_each(|output| encoder.check(*output))?;
    let (height, width) = source.image_size();
    encoder.check_image_size(height, width)?;
    for start in (0..source.len()).step_by(batch_size) {
        let rows = start..(start + batch_size).min(source.len());
        let done = rows.len();
        let values = encoder.forward(source.images(rows, device)?, outputs);
        for (values, (file, table)) in values.iter().zip(places) {
            files[*file].append(*table, values)?;
        }
        if each_batch(done).is_break() {
            return Ok(Extracted::Stopped);
        }
    }
    files.into_iter().try_for_each(RowFile::finish)?;
    Ok(Extracted::All)
}
