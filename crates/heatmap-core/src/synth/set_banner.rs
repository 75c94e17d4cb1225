//! [`SetBanner`]: a banner of a generated grid, and the truth about it.

use crate::Heatmap;

/// A banner and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct SetBanner {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// Name of what is wrong with it, if anything is.
    pub defect: Option<&'static str>,
}
