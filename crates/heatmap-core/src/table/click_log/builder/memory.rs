//! Clicks and heatmaps that are in memory and in no file.

use super::{Builder, side};
use crate::table::banner_index::Found;
use crate::table::click_log::CoordinateUnit;
use crate::table::drops::Usable;
use crate::table::file::cell::MAX_WHOLE;
use crate::table::spill::Hit;
use crate::table::{BannerKey, ClickColumn, DropReason};
use crate::{BannerSize, Click, Error, Heatmap, Result};

impl Builder {
    /// Adds clicks at one place, or counts them as dropped.
    pub(in crate::table::click_log) fn add_click(
        &mut self,
        banner: &BannerKey,
        display: BannerSize,
        click: Click,
    ) -> Result<()> {
        let BannerKey { domain, grid_id } = banner;
        let row = self.rows;
        self.rows += 1;
        let named = match domain.is_empty() || grid_id.is_empty() {
            true => Err(DropReason::MissingKey),
            false => Ok(()),
        };
        let usable = named.and_then(|()| check(click, display));
        let at = (click.x_px, click.y_px);
        match usable.and_then(|()| self.place(at, CoordinateUnit::Px, display, click.count)) {
            Ok(bin) => self.add_hit(banner, display, bin, click.count),
            Err(reason) => {
                self.drops.add_rows(reason, 1, click.count, || format!("click number {row}"));
                Ok(())
            }
        }
    }

    fn add_hit(
        &mut self,
        banner: &BannerKey,
        display: BannerSize,
        bin: u32,
        count: u64,
    ) -> Result<()> {
        let BannerKey { domain, grid_id } = banner;
        let found = self.index.find_or_insert(domain.as_bytes(), grid_id.as_bytes(), display)?;
        // Names that are strings are text.
        if let Found::Banner(banner) = found {
            self.add(Hit { banner, bin, count })?;
        }
        Ok(())
    }

    pub(in crate::table::click_log) fn add_heatmap(
        &mut self,
        banner: &BannerKey,
        display: BannerSize,
        heatmap: &Heatmap,
    ) -> Result<()> {
        let BannerKey { domain, grid_id } = banner;
        let of = || format!("heatmap of ({domain}, {grid_id})");
        let grid = self.config.grid_of(display)?;
        if heatmap.grid() != grid {
            return Err(Error::Data(format!(
                "{}: on {:?}, but this log has {grid:?}",
                of(),
                heatmap.grid()
            )));
        }
        let whole = |v: f32| v.fract() == 0.0 && f64::from(v) <= MAX_WHOLE as f64;
        if let Some(value) = heatmap.values().iter().find(|&&v| !whole(v)) {
            return Err(Error::Data(format!("{}: {value} is not a number of clicks", of())));
        }
        let hits: Vec<_> = (0..)
            .zip(heatmap.values())
            .filter(|(_, v)| **v > 0.0)
            .map(|(b, &v)| (b, v as u64))
            .collect();
        self.rows += hits.len() as u64;
        let clicks = hits.iter().fold(0, |sum, &(_, count)| u64::saturating_add(sum, count));
        if domain.is_empty() || grid_id.is_empty() || hits.is_empty() {
            let reason =
                if hits.is_empty() { DropReason::ZeroClicks } else { DropReason::MissingKey };
            self.drops.add_banner(reason, hits.len() as u64, clicks, || banner.clone());
            return Ok(());
        }
        hits.into_iter().try_for_each(|(bin, count)| self.add_hit(banner, display, bin, count))
    }
}

/// Checks numbers as they are checked in a file.
fn check(click: Click, display: BannerSize) -> Usable<()> {
    for (at, column) in [(click.x_px, ClickColumn::ClickX), (click.y_px, ClickColumn::ClickY)] {
        if !at.is_finite() {
            return Err(DropReason::BadNumber(column));
        }
    }
    side(Ok(display.height_px.into()), ClickColumn::DisplayHeight)?;
    side(Ok(display.width_px.into()), ClickColumn::DisplayWidth)?;
    if click.count > MAX_WHOLE { Err(DropReason::CountTooLarge) } else { Ok(()) }
}
