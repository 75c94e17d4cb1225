//! [`Split`]: the disjoint parts of a data set.

use serde::{Deserialize, Serialize};

/// What a part of the data set is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains the network.
    Train,
    /// Is scored during training: it selects the checkpoint and triggers early stopping in `count`
    /// and `location`, and is only monitored in `simclr`.
    Valid,
    /// Fits everything apart from the network: nearest neighbours and linear probe, thresholds,
    /// settings of the baselines, and the ceiling of counting.
    Fit,
    /// Gives the scores that are reported (held out from all of the above).
    Test,
}

impl Split {
    /// Returns the seed of this part of the data set with `seed`. Different parts have different
    /// seeds, also between data sets whose own seeds are close to each other.
    pub fn seed(self, seed: u64) -> u64 {
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add((self as u64 + 1) << 56)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_parts_share_a_seed() {
        let splits = [Split::Train, Split::Valid, Split::Fit, Split::Test];
        let seeds: HashSet<u64> =
            (0..1_000).flat_map(|seed| splits.map(|split| split.seed(seed))).collect();
        assert_eq!(seeds.len(), 4_000);
    }
}
