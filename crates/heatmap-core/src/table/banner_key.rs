//! [`BannerKey`]: what all tables are joined by.

use serde::{Deserialize, Serialize};

/// What names a banner: the site or app, and the layout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BannerKey {
    /// Site or app.
    pub domain: String,
    /// Layout.
    pub grid_id: String,
}
