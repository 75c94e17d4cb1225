//! [`StoredTensor`]: a tensor in an open file.

use std::ops::Range;

/// The values of a tensor in an open file.
pub(super) trait Stored: std::fmt::Debug + Send + Sync {
    /// Reads some rows along the first axis, in row-major order, as f32.
    fn read(&self, rows: Range<usize>) -> std::io::Result<Vec<f32>>;
}

/// A tensor in an open file: its shape, and its values, which are read on demand.
#[derive(Debug)]
pub(super) struct StoredTensor {
    pub(super) shape: Vec<usize>,
    pub(super) stored: Box<dyn Stored>,
}
