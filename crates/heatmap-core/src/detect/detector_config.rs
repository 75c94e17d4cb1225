//! [`DetectorConfig`]: the settings of a detector.

use serde::{Deserialize, Serialize};

/// Which parts a detector computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartSet {
    /// All parts.
    #[default]
    All,
    /// Only parts that are fast enough for millions of banners: those that are sums over the bins,
    /// and the scores of fit but for the network, relative to a smaller reference. All others are
    /// missing.
    Fast,
}

/// Settings of a [`LayoutDetector`](super::LayoutDetector).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorConfig {
    /// Which parts are computed.
    pub parts: PartSet,
    /// Side of a cell in bins, for the feature vectors.
    pub cell_bins: usize,
    /// Number of principal components that `pca_reconstruction` removes.
    pub components: usize,
    /// Number of nearest neighbours that `knn_distance` averages over.
    pub neighbors: usize,
    /// Seed of the isolation forest.
    pub seed: u64,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self { parts: PartSet::All, cell_bins: 5, components: 8, neighbors: 10, seed: 0 }
    }
}
