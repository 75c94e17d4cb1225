//! [`SetBanner`]: a banner of a generated grid, and the truth about it.

use crate::Heatmap;

/// A banner of a generated grid together with the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct SetBanner {
    /// Clicks per bin.
    pub heatmap: Heatmap,
    /// Name of its defect; `None` when the banner works.
    pub defect: Option<&'static str>,
}
