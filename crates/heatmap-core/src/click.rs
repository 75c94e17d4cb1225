//! One click record inside a banner.

use serde::{Deserialize, Serialize};

/// One or more clicks that were counted at one place of a banner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Click {
    /// Distance from the left edge of the banner, in px.
    pub x_px: f64,
    /// Distance from the top edge of the banner, in px.
    pub y_px: f64,
    /// How many clicks were counted at this place.
    pub count: u64,
}

impl Click {
    /// A single click at (`x_px`, `y_px`).
    pub fn once(x_px: f64, y_px: f64) -> Self {
        Self { x_px, y_px, count: 1 }
    }
}
