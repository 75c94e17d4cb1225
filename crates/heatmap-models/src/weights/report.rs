//! [`LoadReport`]: what was loaded from a file.

use std::fmt;

use crate::error::summary;
use crate::weight_layout::WeightLayout;

/// Reports what [`load_weights`](super::Pretrained::load_weights) loaded and what it ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// The state dict layout that was recognised.
    pub layout: WeightLayout,
    /// The prefix of the network's names in the file.
    pub prefix: String,
    /// The names in the file that were loaded.
    pub loaded: Vec<String>,
    /// The names in the file that were ignored, because the options said so or because they are
    /// outside the state dict.
    pub left_out: Vec<String>,
    /// The paths of the network's tensors that kept the values they had.
    pub kept: Vec<String>,
    /// Whether the weights of the stem were summed over three colours into one grey channel.
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
