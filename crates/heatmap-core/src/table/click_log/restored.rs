//! [`LogRestorer`]: makes a [`ClickLog`] again from banners that were written down.

use serde::{Deserialize, Serialize};

use super::extent::Extent;
use super::{BannerEntry, ClickLog, ClickLogConfig};
use crate::table::Drops;
use crate::table::assumptions::Assumptions;
use crate::table::banner_index::{BannerIndex, Found};
use crate::table::groups::GroupWriter;
use crate::{Error, Result};

/// What is known of a log besides its banners.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogReading {
    rows: u64,
    drops: Drops,
    extent: Extent,
    assumptions: Assumptions,
}

/// A log that is still being restored, banner by banner.
pub(crate) struct LogRestorer {
    config: ClickLogConfig,
    reading: LogReading,
    index: BannerIndex,
    groups: GroupWriter,
}

impl ClickLog {
    /// What is known of the log besides its banners.
    pub(crate) fn reading(&self) -> LogReading {
        LogReading {
            rows: self.rows,
            drops: self.drops.clone(),
            extent: self.extent.clone(),
            assumptions: self.assumptions.clone(),
        }
    }
}

impl LogRestorer {
    /// Begins a log without banners. Heatmaps go into a temporary file.
    ///
    /// # Errors
    /// When the configuration or the numbers of rows cannot be, or there is no temporary file.
    pub(crate) fn new(config: &ClickLogConfig, reading: &LogReading) -> Result<Self> {
        config.validate()?;
        let dropped = reading.drops.by_reason().iter();
        let dropped = dropped.map(|dropped| dropped.rows).try_fold(0, u64::checked_add);
        if dropped.is_none_or(|dropped| dropped > reading.rows) {
            return Err(Error::Data("more rows were dropped than read".to_owned()));
        }
        Ok(Self {
            config: config.clone(),
            reading: reading.clone(),
            index: BannerIndex::default(),
            groups: GroupWriter::on_disk()?,
        })
    }

    /// Number of banners so far.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Adds the next banner of the log, with its bins and their clicks.
    ///
    /// # Errors
    /// When the banner does not come after the last one, a bin is not in its heatmap or not after
    /// the last one, or the temporary file cannot be written.
    pub(crate) fn add(&mut self, entry: &BannerEntry, bins: &[(u32, u64)]) -> Result<()> {
        let BannerEntry { banner, display, clicks } = entry;
        let wrong = |what: &str| {
            Error::Data(format!("banner ({}, {}) {what}", banner.domain, banner.grid_id))
        };
        let num_bins = self.config.grid_of(*display)?.len();
        let ascending = bins.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !ascending || bins.last().is_some_and(|&(bin, _)| bin as usize >= num_bins) {
            return Err(wrong("has bins that its heatmap has not"));
        }
        let (domain, grid_id) = (banner.domain.as_bytes(), banner.grid_id.as_bytes());
        let before = self.index.len();
        let found = self.index.find_or_insert(domain, grid_id, *display)?;
        let Found::Banner(id) = found else { return Err(wrong("has no name")) };
        let after = id == 0 || self.index.compare(id - 1, id).is_lt();
        if id as usize != before || !after {
            return Err(wrong("does not stand in its order"));
        }
        self.index.add(id, *clicks);
        self.groups.group(id, bins.iter().copied())
    }

    /// Returns the log.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub(crate) fn finish(mut self) -> Result<ClickLog> {
        let LogReading { rows, drops, extent, assumptions } = self.reading;
        let kept = (0..self.index.len() as u32).collect();
        self.index.freeze();
        Ok(ClickLog {
            config: self.config,
            index: self.index,
            kept,
            groups: self.groups.finish()?,
            drops,
            rows,
            extent,
            assumptions,
            shard: None,
        })
    }
}
