//! [`LoadReport`]: what was loaded from a file.

use std::fmt;

use crate::error::summary;
use crate::weight_layout::WeightLayout;

/// What [`load_weights`](super::Pretrained::load_weights) did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// The layout that was recognised.
    pub layout: WeightLayout,
    /// What stood before every name.
    pub prefix: String,
    /// Names in the file that were loaded.
    pub loaded: Vec<String>,
    /// Names in the file that were left out, because the options said so or because they stand
    /// beside the weights.
    pub left_out: Vec<String>,
    /// Tensors of the network, by its own names, that kept the values they had.
    pub kept: Vec<String>,
    /// Whether the weights of three colours were added to those of one grey channel.
    pub grey_stem: bool,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors in the {} layout", self.loaded.len(), self.layout)?;
        if !self.prefix.is_empty() {
            write!(f, " under `{}`", self.prefix)?;
        }
        if self.grey_stem {
            f.write_str(", colours added to grey")?;
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", summary(&self.left_out))?;
        }
        if !self.kept.is_empty() {
            write!(f, "; kept as they were: {}", summary(&self.kept))?;
        }
        Ok(())
    }
}
