//! Logs of clicks and heatmaps in memory, and back.

use super::builder::Builder;
use super::{BannerEntry, BannerHeatmap, ClickLog, ClickLogConfig};
use crate::table::{BannerKey, Shard};
use crate::{BannerSize, Click, Error, Heatmap, Result};

/// Up to here an f32 has every whole number.
const MAX_EXACT: f32 = 16_777_216.0;

impl ClickLog {
    /// Makes a log from clicks, each with its banner and the size on the screen, in px. They are
    /// counted and dropped as those of a file ([`ClickLogConfig::read`]); since a [`Click`] is in
    /// px, [`ClickLogConfig::unit`] and [`ClickLogConfig::format`] have no effect.
    ///
    /// ```
    /// use heatmap_core::table::{BannerKey, ClickLog, ClickLogConfig};
    /// use heatmap_core::{BannerSize, Click};
    ///
    /// let banner = BannerKey { domain: "site.example".to_owned(), grid_id: "grid".to_owned() };
    /// let display = BannerSize { width_px: 300, height_px: 250 };
    /// let clicks = [Click::once(12.0, 80.0), Click { x_px: 150.0, y_px: 20.0, count: 3 }];
    /// let rows = clicks.map(|click| (banner.clone(), display, click));
    /// let log = ClickLog::from_clicks(&ClickLogConfig::default(), rows)?;
    /// assert_eq!((log.len(), log.clicks()), (1, 4));
    /// # Ok::<(), heatmap_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error when the configuration cannot be used, no click at all can be used, or a
    /// temporary file cannot be written.
    pub fn from_clicks(
        config: &ClickLogConfig,
        clicks: impl IntoIterator<Item = (BannerKey, BannerSize, Click)>,
    ) -> Result<Self> {
        let mut builder = Builder::new(config, None)?;
        for (banner, display, click) in clicks {
            builder.add_click(&banner, display, click)?;
        }
        builder.finish()
    }

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

impl TryFrom<Vec<BannerHeatmap>> for ClickLog {
    type Error = Error;

    /// Makes a log that has exactly these banners, with the bin size of the first and no smallest
    /// number of clicks.
    ///
    /// ```
    /// # use heatmap_core::table::{BannerHeatmap, BannerKey, ClickLog, ClickLogConfig};
    /// # use heatmap_core::{BannerSize, Click};
    /// # let banner = BannerKey { domain: "site.example".to_owned(), grid_id: "grid".to_owned() };
    /// # let display = BannerSize { width_px: 300, height_px: 250 };
    /// # let rows = [(banner, display, Click::once(1.0, 2.0))];
    /// # let log = ClickLog::from_clicks(&ClickLogConfig::default(), rows)?;
    /// let banners = Vec::<BannerHeatmap>::try_from(&log)?;
    /// let again = ClickLog::try_from(banners.clone())?;
    /// assert_eq!(Vec::<BannerHeatmap>::try_from(&again)?, banners);
    /// # Ok::<(), heatmap_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error when a banner would not be the same in the log: it is there twice, has no
    /// domain, no grid_id or no click, lies on other bins than the log has for its size, has
    /// another number of clicks than its heatmap, or a bin with more clicks than an f32 can count.
    /// Also when there is no banner.
    fn try_from(banners: Vec<BannerHeatmap>) -> Result<Self> {
        let Some(first) = banners.first() else {
            return Err(Error::Data("a log of no banner at all".to_owned()));
        };
        let bin_size_px = first.heatmap.grid().bin_size_px;
        banners.iter().try_for_each(check_exact)?;
        let count = banners.len();
        let config = ClickLogConfig { bin_size_px, ..ClickLogConfig::default() };
        let log = Self::from_heatmaps(&config, banners.into_iter().map(Into::into))?;
        if log.len() == count {
            return Ok(log);
        }
        Err(Error::Data(format!(
            "{count} heatmaps are {} banners with clicks: some stand twice, or have no clicks or \
             no name",
            log.len()
        )))
    }
}

impl TryFrom<&ClickLog> for Vec<BannerHeatmap> {
    type Error = Error;

    /// Takes all banners of a log into memory, in the order of [`ClickLog::keys`];
    /// [`ClickLog::banners`] has one at a time.
    ///
    /// # Errors
    /// Returns an error when a temporary file cannot be read, or a bin has more clicks than an f32
    /// can count (16,777,216).
    fn try_from(log: &ClickLog) -> Result<Self> {
        let banners = log.banners().collect::<Result<Self>>()?;
        banners.iter().try_for_each(check_exact)?;
        Ok(banners)
    }
}

impl From<BannerHeatmap> for (BannerKey, BannerSize, Heatmap) {
    /// Takes a banner apart, as [`ClickLog::from_heatmaps`] wants it.
    fn from(banner: BannerHeatmap) -> Self {
        (banner.banner, banner.display, banner.heatmap)
    }
}

impl From<&BannerHeatmap> for BannerEntry {
    /// Leaves the heatmap out.
    fn from(banner: &BannerHeatmap) -> Self {
        let BannerHeatmap { banner, display, clicks, .. } = banner;
        Self { banner: banner.clone(), display: *display, clicks: *clicks }
    }
}

/// Checks that the heatmap of a banner has all of its clicks.
fn check_exact(banner: &BannerHeatmap) -> Result<()> {
    let BannerKey { domain, grid_id } = &banner.banner;
    let values = banner.heatmap.values();
    if values.iter().any(|&clicks| clicks > MAX_EXACT) {
        let reason = "a bin has more than 16,777,216 clicks, which an f32 rounds";
        return Err(Error::Data(format!("heatmap of ({domain}, {grid_id}): {reason}")));
    }
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    if sum != banner.clicks as f64 {
        let clicks = banner.clicks;
        return Err(Error::Data(format!(
            "heatmap of ({domain}, {grid_id}): {sum} clicks, not the {clicks} of the banner"
        )));
    }
    Ok(())
}
