//! [`Builder`]: takes rows one by one and makes a [`ClickLog`] of them.

mod memory;

use std::path::Path;

use super::extent::Extent;
use super::shard::ShardReading;
use super::{ClickLog, ClickLogConfig, CoordinateUnit};
use crate::binning::bin_of;
use crate::table::assumptions::Assumptions;
use crate::table::banner_index::{BannerIndex, Found};
use crate::table::drops::Usable;
use crate::table::file::Holds;
use crate::table::file::cell::{Cell, Fault, MAX_WHOLE};
use crate::table::file::row::Row;
use crate::table::file::source::Source;
use crate::table::spill::{Hit, Spill};
use crate::table::{ClickColumn, DropReason, Drops, Shard};
use crate::{BannerSize, Error, Grid, Result};

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1 << 16;

/// A click log that is still being read.
pub(super) struct Builder {
    config: ClickLogConfig,
    index: BannerIndex,
    spill: Spill,
    drops: Drops,
    /// Rows so far.
    pub(super) rows: u64,
    /// The common size, if there is one, and its grid of bins.
    common: Option<(BannerSize, Grid)>,
    /// The display size of the row before, and its grid: rows of one size often follow each other.
    last_size: Option<(BannerSize, Grid)>,
    /// Buffers for the domain and the grid_id of a row, which are needed where these are numbers.
    spare: [Vec<u8>; 2],
    extent: Extent,
    assumptions: Assumptions,
    /// Which clicks are kept, if those of one shard alone are.
    shard: Option<ShardReading>,
}

/// Why a row was not counted, and how many clicks it has as far as they can be read.
type Refusal = (DropReason, u64);

impl Builder {
    pub(super) fn new(config: &ClickLogConfig, shard: Option<Shard>) -> Result<Self> {
        config.validate()?;
        let common = config.common_size.map(|size| Ok((size, config.grid_of(size)?)));
        Ok(Self {
            config: config.clone(),
            index: BannerIndex::default(),
            spill: Spill::new(config.memory_rows),
            drops: Drops::default(),
            rows: 0,
            common: common.transpose()?,
            last_size: None,
            spare: Default::default(),
            extent: Extent::default(),
            assumptions: Assumptions::default(),
            shard: shard.map(|shard| ShardReading::new(shard, config.common_size)),
        })
    }

    pub(super) fn read(
        &mut self,
        path: &Path,
        report: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<()> {
        let format = self.config.format.clone();
        let mut source = Source::open(path, &format)?;
        for (name, holds) in [
            ("domain", Holds::Names),
            ("grid_id", Holds::Names),
            ("click_x", Holds::Numbers),
            ("click_y", Holds::Numbers),
            ("display_height", Holds::Whole),
            ("display_width", Holds::Whole),
        ] {
            source.find(name, holds)?;
        }
        let has_clicks = source.find_if_there("clicks", Holds::Whole)?.is_some();
        let mut assumed = source.assumptions()?;
        if !has_clicks {
            assumed.push("no column `clicks`, so each row is one click".to_owned());
        }
        self.assumptions.add(path, &assumed);
        // What messages count: a CSV file has lines, a Parquet file has rows.
        let unit = source.unit();
        let mut reported = self.rows;
        source.read(&mut |row| {
            let mut rows = 1;
            if let Some((reason, clicks)) = self.count(row, has_clicks)? {
                rows = row.lost_with(reason);
                self.drops.add_rows(reason, rows, clicks, || {
                    format!("{}: {unit} {}", path.display(), row.line)
                });
            }
            self.rows += rows;
            if self.rows - reported >= PROGRESS_ROWS {
                reported = self.rows;
                report(row.bytes_read, self.rows)?;
            }
            Ok(())
        })
    }

    /// Counts a row, or returns the reason why it cannot be counted.
    fn count(&mut self, row: &Row<'_>, has_clicks: bool) -> Result<Option<Refusal>> {
        let [domain, grid_id, x, y, height, width] = match row.cells() {
            Ok(cells) => cells,
            Err(reason) => return Ok(Some((reason, 0))),
        };
        let clicks = if has_clicks { row.cell(6) } else { Cell::Whole(1) }.whole();
        let refused = |reason| Ok(Some((reason, clicks.unwrap_or(0))));
        let mut spare = std::mem::take(&mut self.spare);
        let [domain_spare, grid_spare] = &mut spare;
        let (domain, grid_id) = (domain.name(domain_spare), grid_id.name(grid_spare));
        let numbers = || {
            let x = x.real().map_err(|fault| refusal(ClickColumn::ClickX, fault))?;
            let y = y.real().map_err(|fault| refusal(ClickColumn::ClickY, fault))?;
            let height_px = side(height.whole(), ClickColumn::DisplayHeight)?;
            let width_px = side(width.whole(), ClickColumn::DisplayWidth)?;
            let count = clicks.map_err(|fault| refusal(ClickColumn::Clicks, fault))?;
            Ok((x, y, BannerSize { width_px, height_px }, count))
        };
        let numbers = if domain.is_empty() || grid_id.is_empty() {
            Err(DropReason::MissingKey)
        } else {
            numbers()
        };
        let unit = self.config.unit;
        let placed = numbers.and_then(|(x, y, display, count)| {
            Ok((display, self.place((x, y), unit, display, count)?, count))
        });
        let outcome = match placed {
            Ok((display, bin, count)) => {
                match self.index.find_or_insert(domain, grid_id, display)? {
                    Found::Banner(banner) => {
                        self.add(Hit { banner, bin, count })?;
                        Ok(None)
                    }
                    Found::NotUtf8 => refused(DropReason::NotUtf8),
                }
            }
            // A bad name takes precedence over a bad number, but the index, which checks names,
            // sees only rows whose numbers are good.
            Err(reason) if reason != DropReason::MissingKey && !is_text(domain, grid_id) => {
                refused(DropReason::NotUtf8)
            }
            Err(reason) => refused(reason),
        };
        self.spare = spare;
        outcome
    }

    /// Adds a row to its banner. The clicks of other shards are counted and not kept.
    fn add(&mut self, hit: Hit) -> Result<()> {
        self.index.add(hit.banner, hit.count);
        let is_kept = self.shard.as_mut().is_none_or(|shard| shard.takes(hit, &self.index));
        if is_kept { self.spill.push(hit, &mut self.index) } else { Ok(()) }
    }

    /// Returns the bin of clicks whose place counts this unit.
    fn place(
        &mut self,
        (x, y): (f64, f64),
        unit: CoordinateUnit,
        display: BannerSize,
        count: u64,
    ) -> Usable<u32> {
        self.extent.add(x, y, display);
        let (x, y) = (unit.px(x, display.width_px), unit.px(y, display.height_px));
        self.extent.add_px(x, y, display);
        let bin = self.bin(x, y, display)?;
        if count == 0 { Err(DropReason::ZeroClicks) } else { Ok(bin) }
    }

    /// Returns the bin of a click at (`x`, `y`) px on a banner of size `display`.
    fn bin(&mut self, x: f64, y: f64, display: BannerSize) -> Usable<u32> {
        let (size, grid) = match (self.common, self.last_size) {
            (Some(common), _) => common,
            (None, Some(last)) if last.0 == display => last,
            _ => {
                let own = self.config.grid_of(display).map_err(|_| DropReason::SizeTooLarge)?;
                *self.last_size.insert((display, own))
            }
        };
        let (x, y) = (
            scaled(x, display.width_px, size.width_px),
            scaled(y, display.height_px, size.height_px),
        );
        let column = bin_of(x, size.width_px.into(), grid.bin_size_px, grid.columns);
        let row = bin_of(y, size.height_px.into(), grid.bin_size_px, grid.rows);
        let (row, column) = row.zip(column).ok_or(DropReason::OutsideBanner)?;
        Ok((row * grid.columns + column) as u32)
    }

    pub(super) fn finish(self) -> Result<ClickLog> {
        let Self { config, mut index, spill, mut drops, rows, extent, assumptions, .. } = self;
        let shard = self.shard.map(ShardReading::finish);
        let order = index.order().to_vec();
        let why_not = |index: &BannerIndex, id| match index.totals(id).1 {
            clicks if clicks > MAX_WHOLE => Some(DropReason::CountTooLarge),
            clicks if clicks < config.min_clicks => Some(DropReason::TooFewClicks),
            _ => None,
        };
        let mut is_kept = vec![true; index.len()];
        for &id in &order {
            if let Some(reason) = why_not(&index, id) {
                let (rows, clicks) = index.totals(id);
                drops.add_banner(reason, rows, clicks, || index.key(id));
                is_kept[id as usize] = false;
            }
        }
        let kept: Vec<_> = order.into_iter().filter(|&id| is_kept[id as usize]).collect();
        if kept.is_empty() {
            return Err(nothing_left(rows, &drops, &extent, config.min_clicks));
        }
        let groups = spill.finish(&mut index, |id| is_kept[id as usize])?;
        index.freeze();
        Ok(ClickLog { config, index, kept, groups, drops, rows, extent, assumptions, shard })
    }
}

fn nothing_left(rows: u64, drops: &Drops, extent: &Extent, min_clicks: u64) -> Error {
    let Some(largest) = drops.largest() else {
        return Error::Data("no row to read, only headers".to_owned());
    };
    let (reason, dropped, first) = (largest.reason, largest.rows, &largest.first);
    let advice = match reason {
        DropReason::OutsideBanner => format!(". {}", extent.beside()),
        DropReason::TooFewClicks => {
            format!("; at least {min_clicks} are asked for (`--min-clicks`)")
        }
        _ => String::new(),
    };
    Error::Data(format!(
        "none of {rows} rows can be used; {dropped} of them: {reason} (first: {first}){advice}"
    ))
}

fn is_text(domain: &[u8], grid_id: &[u8]) -> bool {
    std::str::from_utf8(domain).is_ok() && std::str::from_utf8(grid_id).is_ok()
}

/// Returns the place on a side of `to` px that is the same fraction as `at` on a side of `from` px.
///
/// Between equal sides it does not move at all, and it never moves over the edge: products and
/// quotients are rounded to the nearest number, and the edge is a whole number.
pub(super) fn scaled(at: f64, from: u32, to: u32) -> f64 {
    if from == to { at } else { at * f64::from(to) / f64::from(from) }
}

fn side(value: std::result::Result<u64, Fault>, column: ClickColumn) -> Usable<u32> {
    match value {
        Ok(0) => Err(DropReason::BadNumber(column)),
        Ok(px) => u32::try_from(px).map_err(|_| DropReason::SizeTooLarge),
        Err(Fault::TooLarge) => Err(DropReason::SizeTooLarge),
        Err(fault) => Err(refusal(column, fault)),
    }
}

fn refusal(column: ClickColumn, fault: Fault) -> DropReason {
    match fault {
        Fault::Missing => DropReason::MissingValue(column),
        Fault::Bad => DropReason::BadNumber(column),
        Fault::TooLarge => DropReason::CountTooLarge,
    }
}
