//! A [`ClickLog`] of heatmaps that are in no file.

use super::builder::Builder;
use super::{ClickLog, ClickLogConfig};
use crate::table::{BannerKey, Shard};
use crate::{BannerSize, Heatmap, Result};

impl ClickLog {
    /// Makes a log from heatmaps, for banners that are in no file. Heatmaps of one banner in one
    /// size are added up.
    ///
    /// # Errors
    /// Returns an error when the configuration cannot be used, a heatmap is on another grid than
    /// the log's for that size, or a value is not a whole number.
    pub fn from_heatmaps(
        config: &ClickLogConfig,
        heatmaps: impl IntoIterator<Item = (BannerKey, BannerSize, Heatmap)>,
    ) -> Result<Self> {
        Self::part_of_heatmaps(config, None, heatmaps)
    }

    /// Makes a log as [`ClickLog::from_heatmaps`] does, but keeps the clicks of one shard alone.
    ///
    /// # Errors
    /// As [`ClickLog::from_heatmaps`].
    pub fn shard_of_heatmaps(
        config: &ClickLogConfig,
        shard: Shard,
        heatmaps: impl IntoIterator<Item = (BannerKey, BannerSize, Heatmap)>,
    ) -> Result<Self> {
        Self::part_of_heatmaps(config, Some(shard), heatmaps)
    }

    fn part_of_heatmaps(
        config: &ClickLogConfig,
        shard: Option<Shard>,
        heatmaps: impl IntoIterator<Item = (BannerKey, BannerSize, Heatmap)>,
    ) -> Result<Self> {
        let mut builder = Builder::new(config, shard)?;
        for (banner, display, heatmap) in heatmaps {
            builder.add_heatmap(&banner, display, &heatmap)?;
        }
        builder.finish()
    }
}
