//! [`BannerKey`]: the key by which all tables are joined.

use serde::{Deserialize, Serialize};

/// The key of a banner, one ad placement: a site or app, and a layout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BannerKey {
    /// Site or app on which the banner is shown.
    pub domain: String,
    /// Id of the layout of its products, its grid.
    pub grid_id: String,
}
