//! [`extract`]: the loop from images to files.

use std::ops::ControlFlow;

use burn::tensor::Device;

use super::encoder::{Output, PublishedEncoder};
use super::row_file::RowFile;
use super::source::Source;
use crate::{Error, Result};

/// How an extraction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extracted {
    /// All rows are in the files.
    All,
    /// It was stopped; there are no files.
    Stopped,
}

/// Runs `encoder` over all images, `batch_size` at a time, and writes each output as it comes:
/// `places[i]` is the file, and the table in it, of `outputs[i]`. `each_batch` is told how many
/// images are done and may stop the loop.
///
/// Beside the network and what it needs for one batch, nothing is kept in memory.
///
/// # Errors
/// When an output or image size does not suit the network, or a file cannot be read or written. No
/// file is left then.
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
