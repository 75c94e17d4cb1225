//! A log of which the clicks of one [`Shard`] are kept, and the names of all banners.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{ClickLog, ClickLogConfig, Progress};
use crate::random::mix;
use crate::stable_hash::StableHash;
use crate::table::banner_index::BannerIndex;
use crate::table::spill::Hit;
use crate::table::{BannerKey, Shard};
use crate::{BannerSize, Result};

impl ClickLogConfig {
    /// Reads a log as [`ClickLogConfig::read`] does, but keeps the clicks of one shard alone. The
    /// names of all banners are kept, and everything that is counted is that of the whole log.
    ///
    /// # Errors
    /// As [`ClickLogConfig::read`].
    pub fn read_shard(
        &self,
        paths: &[PathBuf],
        shard: Shard,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ClickLog> {
        self.read_part(paths, Some(shard), progress)
    }
}

impl ClickLog {
    /// The shard whose clicks it holds; `None` if it holds all.
    pub fn shard(&self) -> Option<Shard> {
        self.shard.map(|(shard, _)| shard)
    }

    /// Number of banners whose clicks it holds: all, or those of its shard.
    pub fn len_of_shard(&self) -> usize {
        self.groups.len() as usize
    }

    /// A number that differs between logs with other clicks; `None` if it was not read as a shard.
    #[cfg(feature = "analysis")]
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        let (_, clicks) = self.shard?;
        Some(StableHash::new().add_number(clicks).add_number(self.rows).finish())
    }
}

/// Which clicks of a log are kept while it is read, and the fingerprint of all of them.
pub(super) struct ShardReading {
    shard: Shard,
    common_size: Option<BannerSize>,
    /// The hash of each banner so far, and whether it is in the shard.
    banners: Vec<(u64, bool)>,
    /// The sum over all bins of a hash of banner and bin, times the clicks. So neither the order of
    /// the rows matters nor how they are summed.
    fingerprint: u64,
}

impl ShardReading {
    pub(super) fn new(shard: Shard, common_size: Option<BannerSize>) -> Self {
        Self { shard, common_size, banners: Vec::new(), fingerprint: 0 }
    }

    /// Counts a hit, and says whether the shard has its banner.
    pub(super) fn takes(&mut self, hit: Hit, index: &BannerIndex) -> bool {
        // Numbers of banners are given one after another, so that this adds one at most.
        for id in self.banners.len()..=hit.banner as usize {
            let banner = self.of(id as u32, index);
            self.banners.push(banner);
        }
        let (hash, own) = self.banners[hit.banner as usize];
        let of_bin = mix(hash ^ mix(hit.bin.into()));
        self.fingerprint = self.fingerprint.wrapping_add(of_bin.wrapping_mul(hit.count));
        own
    }

    fn of(&self, id: u32, index: &BannerIndex) -> (u64, bool) {
        let (BannerKey { domain, grid_id }, display) = (index.key(id), index.display(id));
        let hash = StableHash::new()
            .add_number(grid_id.len() as u64)
            .add(grid_id.as_bytes())
            .add(domain.as_bytes())
            .add_number(display.width_px.into())
            .add_number(display.height_px.into());
        let grid_size = self.common_size.unwrap_or(display);
        (hash.finish(), self.shard.has(&grid_id, grid_size))
    }

    /// The shard, and the fingerprint of the clicks of all shards.
    pub(super) fn finish(self) -> (Shard, u64) {
        (self.shard, self.fingerprint)
    }
}
