//! [`ClickLog`]: the heatmaps of all banners of a click log, from files of any size, in bounded
//! memory.
//!
//! Clicks are summed by (domain, grid_id, display size, bin). Memory holds the names of the
//! banners, about 60 bytes and their letters each, and [`ClickLogConfig::memory_rows`] rows of 16
//! bytes; any further rows go through temporary files (in `TMPDIR`) as sorted runs. Heatmaps are
//! made one at a time during iteration, so five million banners need no more memory than their
//! names.
//!
//! A row that cannot be used is skipped and counted with its reason ([`Drops`]); a file that cannot
//! be used is an error. Sums are of u64 and exact: a row or a banner above 2^53 clicks is dropped,
//! and below that no sum can overflow. Only the values of a heatmap are f32, which has 24 bits:
//! above 16,777,216 clicks in a bin they are rounded.
//!
//! The result depends neither on the order of the rows, nor on how they are split over files, nor
//! on `memory_rows`.

mod builder;
mod extent;
mod memory;
#[cfg(feature = "analysis")]
mod restored;
mod shard;
mod unit;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::builder::Builder;
use self::extent::Extent;
use super::assumptions::Assumptions;
use super::banner_index::BannerIndex;
use super::file::paths::{TableFile, table_files};
use super::groups::{GroupReader, Groups};
use super::{BannerKey, Drops, Shard, TableFormat};
use crate::{BannerSize, Error, Grid, Heatmap, Result};
#[cfg(feature = "analysis")]
pub(crate) use restored::{LogReading, LogRestorer};
pub use unit::CoordinateUnit;

/// Configures how a click log is read and put into bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickLogConfig {
    /// Edge of a square bin in px. Where a display size would have more than
    /// [`ClickLogConfig::MAX_BINS`] bins, a multiple of it is used.
    pub bin_size_px: f64,
    /// Smallest number of clicks of a banner in one display size; banners with fewer are left out
    /// and counted.
    pub min_clicks: u64,
    /// When given, every click is put on the bins of a banner of this size, at the same fraction of
    /// width and height; by default every display size has bins of its own. Banners stay apart by
    /// display size either way.
    pub common_size: Option<BannerSize>,
    /// Number of rows kept in memory, 16 bytes each; more go to temporary files.
    pub memory_rows: usize,
    /// What `click_x` and `click_y` count.
    pub unit: CoordinateUnit,
    /// How the files are written, as far as that cannot be seen.
    #[serde(skip_serializing_if = "is_default")]
    pub format: TableFormat,
}

fn is_default(format: &TableFormat) -> bool {
    *format == TableFormat::default()
}

impl Default for ClickLogConfig {
    fn default() -> Self {
        Self {
            bin_size_px: 5.0,
            min_clicks: 1,
            common_size: None,
            memory_rows: 1 << 24,
            unit: CoordinateUnit::default(),
            format: TableFormat::default(),
        }
    }
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of all files that were read so far.
    pub bytes_read: u64,
    /// Size of all files in bytes.
    pub bytes_total: u64,
    /// Number of rows that were read so far.
    pub rows: u64,
}

/// A banner of a log in one display size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BannerEntry {
    /// The key of the banner.
    pub banner: BannerKey,
    /// Its size on the screen, in px.
    pub display: BannerSize,
    /// Its number of clicks.
    pub clicks: u64,
}

/// A banner of a log in one display size, with its heatmap.
#[derive(Debug, Clone, PartialEq)]
pub struct BannerHeatmap {
    /// The key of the banner.
    pub banner: BannerKey,
    /// Its size on the screen, in px.
    pub display: BannerSize,
    /// Its exact number of clicks.
    pub clicks: u64,
    /// Its clicks per bin, on the grid of its display size or of the common size.
    pub heatmap: Heatmap,
}

/// The banners of a click log that have enough clicks, in the order of grid_id, width, height and
/// domain.
pub struct ClickLog {
    config: ClickLogConfig,
    index: BannerIndex,
    /// The banners that were kept, in order.
    kept: Vec<u32>,
    groups: Groups,
    drops: Drops,
    rows: u64,
    extent: Extent,
    assumptions: Assumptions,
    /// The shard whose clicks it holds, if it does not hold all, and the fingerprint of all.
    shard: Option<(Shard, u64)>,
}

impl std::fmt::Debug for ClickLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (banners, rows) = (self.len(), self.rows);
        f.debug_struct("ClickLog")
            .field("banners", &banners)
            .field("rows", &rows)
            .finish_non_exhaustive()
    }
}

impl ClickLogConfig {
    /// Reads click tables: text with a separator (see [`TableFormat`]), which may be compressed
    /// with gzip (zstd with feature `zstd`) or in UTF-16, and Parquet (feature `parquet`).
    ///
    /// A folder stands for the tables directly in it, and `-` for standard input. Columns may be in
    /// any order, and further columns are ignored. Without a column `clicks` each row is one click.
    /// [`ClickLog::assumptions`] says what was found out about the files. `progress` is called from
    /// time to time, and may stop the reading.
    ///
    /// # Errors
    /// Returns an error when the configuration cannot be used, a file cannot be read or is no
    /// table, a column is missing or occurs twice, no row at all can be used, or `progress` returns
    /// [`ControlFlow::Break`].
    pub fn read(
        &self,
        paths: &[PathBuf],
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ClickLog> {
        self.read_part(paths, None, progress)
    }

    fn read_part(
        &self,
        paths: &[PathBuf],
        shard: Option<Shard>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ClickLog> {
        let mut builder = Builder::new(self, shard)?;
        let files = table_files(paths)?;
        let bytes_total = files.iter().map(|file| file.bytes).sum();
        let mut bytes_before = 0;
        for TableFile { path, bytes } in files {
            let mut report = |bytes_read: u64, rows| {
                let bytes_read = bytes_before + bytes_read.min(bytes);
                match progress(Progress { bytes_read, bytes_total, rows }) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(Error::Stopped),
                }
            };
            builder.read(&path, &mut report)?;
            report(bytes, builder.rows)?;
            bytes_before += bytes;
        }
        builder.finish()
    }

    /// Largest number of bins of a heatmap; 1920 x 1080 px in bins of 5 px are 82,944.
    pub const MAX_BINS: usize = 100_000;

    /// Returns the bins for banners of this display size, or those for the common size: with the
    /// bin size that was asked for or, where there would be too many bins, with a multiple of it.
    ///
    /// # Errors
    /// Returns an error when the bin size is not a positive number, or a side is 0.
    pub fn grid_of(&self, display: BannerSize) -> Result<Grid> {
        let size = self.common_size.unwrap_or(display);
        let wanted = Grid::covering(size, self.bin_size_px)?;
        // In f64, because sides of 2^32 px and tiny bins make more bins than a usize can count.
        let bins = |grid: Grid| grid.rows as f64 * grid.columns as f64;
        let mut multiple = (bins(wanted) / Self::MAX_BINS as f64).sqrt().ceil().max(1.0);
        loop {
            let grid = Grid::covering(size, multiple * self.bin_size_px)?;
            if bins(grid) <= Self::MAX_BINS as f64 {
                return Ok(grid);
            }
            multiple = (multiple * 1.01).ceil();
        }
    }

    fn validate(&self) -> Result<()> {
        self.grid_of(self.common_size.unwrap_or(BannerSize { width_px: 1, height_px: 1 }))?;
        self.format.check()?;
        if self.memory_rows == 0 {
            return Err(Error::config("memory_rows", 0, "must hold a row"));
        }
        Ok(())
    }
}

impl ClickLog {
    /// The configuration with which the log was read.
    pub fn config(&self) -> &ClickLogConfig {
        &self.config
    }

    /// Number of banners, counted once for each display size.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is no banner.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Number of rows that were read: those counted on the banners, and those of
    /// [`ClickLog::drops`].
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of clicks on all banners; the sum saturates at 2^64 - 1.
    pub fn clicks(&self) -> u64 {
        self.kept.iter().fold(0, |sum, &id| sum.saturating_add(self.index.totals(id).1))
    }

    /// The rows and banners that were left out, and why.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// What was found out about files that differ from a CSV file with the columns of this crate:
    /// the separator, the decimal comma, other names of columns, and so on; a sentence for each
    /// kind of file.
    pub fn assumptions(&self) -> Vec<String> {
        self.assumptions.sentences()
    }

    /// Returns the display sizes whose bins are larger than was asked for, because a heatmap has at
    /// most [`ClickLogConfig::MAX_BINS`], each with the edge of its bins in px.
    pub fn coarse_sizes(&self) -> BTreeMap<BannerSize, f64> {
        let sizes: BTreeSet<BannerSize> =
            self.kept.iter().map(|&id| self.index.display(id)).collect();
        let bin_size = |size: BannerSize| Some((size, self.config.grid_of(size).ok()?.bin_size_px));
        let coarse = |(_, bin_size): &(BannerSize, f64)| *bin_size > self.config.bin_size_px;
        sizes.into_iter().filter_map(bin_size).filter(coarse).collect()
    }

    /// Iterates over all banners without their heatmaps, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = BannerEntry> + '_ {
        self.kept.iter().map(|&id| self.entry(id))
    }

    /// Returns the banner at place `at` of [`ClickLog::keys`].
    ///
    /// # Panics
    /// Panics when there are not so many banners.
    pub fn entry_at(&self, at: usize) -> BannerEntry {
        self.entry(self.kept[at])
    }

    /// Iterates over all banners with their heatmaps, in the order of [`ClickLog::keys`]. Only one
    /// heatmap is in memory at a time. An item is an error when a temporary file cannot be read; no
    /// item follows it. A log that was read as a shard has the heatmaps of its shard alone.
    pub fn banners(&self) -> impl Iterator<Item = Result<BannerHeatmap>> + '_ {
        let (mut reader, mut bins, mut failed) = (self.groups.reader(), Vec::new(), false);
        std::iter::from_fn(move || {
            let next =
                if failed { None } else { self.next_heatmap(&mut reader, &mut bins).transpose() };
            failed = matches!(next, Some(Err(_)));
            next
        })
    }

    fn next_heatmap(
        &self,
        reader: &mut GroupReader<'_>,
        bins: &mut Vec<(u32, u64)>,
    ) -> Result<Option<BannerHeatmap>> {
        let Some(id) = reader.next_banner()? else { return Ok(None) };
        bins.clear();
        reader.bins(bins)?;
        let BannerEntry { banner, display, clicks } = self.entry(id);
        let grid = self.config.grid_of(display)?;
        let mut values = vec![0.0; grid.len()];
        for &(bin, count) in bins.iter() {
            values[bin as usize] = count as f32;
        }
        Ok(Some(BannerHeatmap {
            banner,
            display,
            clicks,
            heatmap: Heatmap::from_values(grid, values)?,
        }))
    }

    fn entry(&self, id: u32) -> BannerEntry {
        BannerEntry {
            banner: self.index.key(id),
            display: self.index.display(id),
            clicks: self.index.totals(id).1,
        }
    }
}

#[cfg(test)]
mod tests;
