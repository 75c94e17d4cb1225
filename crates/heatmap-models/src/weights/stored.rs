//! [`StoredTensor`]: a tensor in an open file.

use std::ops::Range;

/// One tensor that can be read.
pub(super) trait Stored: std::fmt::Debug + Send + Sync {
    /// The values of some rows along the first axis, in row-major order, as f32.
    fn read(&self, rows: Range<usize>) -> std::io::Result<Vec<f32>>;
}

#[derive(Debug)]
pub(super) struct StoredTensor {
    pub(super) shape: Vec<usize>,
    pub(super) stored: Box<dyn Stored>,
}
