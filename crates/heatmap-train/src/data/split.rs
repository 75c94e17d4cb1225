//! [`Split`]: parts of an endless data set that never share a sample.

use serde::{Deserialize, Serialize};

/// What a sample is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Training of the network.
    Train,
    /// Scored while training: chooses the checkpoint and stops the run of `count` and `location`,
    /// and is watched in `simclr`.
    Valid,
    /// What is fitted besides the network: neighbours and probe, thresholds, settings of the
    /// baselines, the ceiling of counting.
    Fit,
    /// The scores that are reported.
    Test,
}

impl Split {
    /// Seed of this part of the data set with `seed`. Seeds of different parts differ, also between
    /// data sets whose seeds are neighbours.
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
