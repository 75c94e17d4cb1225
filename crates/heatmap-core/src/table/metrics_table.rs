//! [`MetricsTable`]: what is measured of each banner besides the places of its clicks: displays,
//! landed clicks, framerates, and so on.
//!
//! Every column besides `domain`, `grid_id` and `broken` that has a number somewhere is a metric;
//! columns of text are left out. Values may be missing (empty, NaN, null, None, NA), keys may be
//! missing, and a value that cannot be read counts as missing and is reported. A number with a
//! percent sign after it is divided by 100.
//!
//! The rates below, and the columns that they are derived from, are known by name: their unreadable
//! values are reported even when the column has no number at all, and a share that is not from 0 to
//! 1 is an error, for nobody can tell 0.5 from 0.5 %.
//!
//! Rates that help to find broken banners are derived where their columns are present:
//! `landing_rate` = landed_clicks / clicks, `click_through` = clicks / displays, `non_bounce_rate`
//! = non_bounced_clicks / landed_clicks, `closing_rate` = closing_events / displays. Clicks are
//! those of the metrics table, which need not equal the heatmap's.

mod builder;

use std::collections::HashMap;
use std::path::PathBuf;

use self::builder::Builder;
use super::assumptions::Assumptions;
use super::drops::Usable;
use super::file::cell::Cell;
use super::file::paths::table_files;
use super::{BannerKey, DropReason, Drops, InputWarning, TableFormat};
use crate::Result;

/// A derived rate, its numerator and its denominator.
const RATES: [(&str, &str, &str); 4] = [
    ("landing_rate", "landed_clicks", "clicks"),
    ("click_through", "clicks", "displays"),
    ("non_bounce_rate", "non_bounced_clicks", "landed_clicks"),
    ("closing_rate", "closing_events", "displays"),
];

/// Columns that must be shares from 0 to 1, where the table has them itself.
const SHARES: [&str; 3] = ["landing_rate", "non_bounce_rate", "closing_rate"];

/// Larger numbers are no metrics: their squares would be infinite.
const MAX_METRIC: f64 = 1e100;

/// The rates and what they are derived from: text in such a column is a mistake.
const KNOWN: [&str; 9] = [
    "displays",
    "clicks",
    "landed_clicks",
    "non_bounced_clicks",
    "closing_events",
    "landing_rate",
    "click_through",
    "non_bounce_rate",
    "closing_rate",
];

/// A table with fewer banners shows no constant column.
const FEW_BANNERS: usize = 10;

/// A table of metrics: for each banner one row of numbers, some of which may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsTable {
    names: Vec<String>,
    /// Row of each banner.
    rows: HashMap<BannerKey, usize>,
    /// [banners, names], row-major.
    values: Vec<Option<f64>>,
    /// The labels of the rows, where there are some.
    labels: Vec<Option<bool>>,
    bad_values: Vec<(String, u64)>,
    /// The columns that were left out, for they hold text.
    texts: Vec<String>,
    drops: Drops,
    rows_read: u64,
    assumptions: Assumptions,
}

impl MetricsTable {
    /// Reads metrics tables, as [`ClickLogConfig::read`](super::ClickLogConfig::read) reads click
    /// tables; a folder stands for the tables directly in it. Files may differ in their columns.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or is no table, `domain` or `grid_id` is
    /// missing, a column occurs twice, or a share is not from 0 to 1.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        Self::read_as(paths, &TableFormat::default())
    }

    /// Reads metrics tables that are written as `format` says; see [`MetricsTable::read`].
    ///
    /// # Errors
    /// As [`MetricsTable::read`], and when the format cannot be used.
    pub fn read_as(paths: &[PathBuf], format: &TableFormat) -> Result<Self> {
        format.check()?;
        let mut builder = Builder::default();
        for file in table_files(paths)? {
            builder.read(&file.path, format)?;
        }
        Ok(builder.finish())
    }

    /// Makes a table from rows in memory: the key of a banner, and its values in the order of
    /// `names`. Rates are derived, and rows are dropped and counted, as those of a file.
    ///
    /// ```
    /// use heatmap_core::table::{BannerKey, MetricsTable};
    ///
    /// let banner = BannerKey { domain: "site.example".to_owned(), grid_id: "grid".to_owned() };
    /// let rows = [(banner.clone(), vec![Some(40.0), Some(10.0)])];
    /// let table = MetricsTable::from_rows(["clicks", "landed_clicks"], rows)?;
    /// assert_eq!(table.names(), ["clicks", "landed_clicks", "landing_rate"]);
    /// assert_eq!(table.get(&banner), Some(&[Some(40.0), Some(10.0), Some(0.25)][..]));
    /// # Ok::<(), heatmap_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error when a name is empty, stands twice or is that of another column (`domain`,
    /// `grid_id`, `broken`; a [`LabelTable`](super::LabelTable) has labels), when a row has more or
    /// fewer values than there are names, or a share is not from 0 to 1.
    pub fn from_rows<N: Into<String>>(
        names: impl IntoIterator<Item = N>,
        rows: impl IntoIterator<Item = (BannerKey, Vec<Option<f64>>)>,
    ) -> Result<Self> {
        let mut builder = Builder::default();
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let targets = builder.targets(&names)?;
        for (banner, values) in rows {
            builder.add_row(banner, &targets, &values)?;
        }
        Ok(builder.finish())
    }

    /// The names of the metrics, then those of the derived rates.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the values of a banner in the order of [`MetricsTable::names`]; `None` when the
    /// table does not have the banner.
    pub fn get(&self, banner: &BannerKey) -> Option<&[Option<f64>]> {
        let width = self.names.len();
        self.rows.get(banner).map(|row| &self.values[row * width..(row + 1) * width])
    }

    /// Whether a banner is labelled broken; `None` when it has no label.
    pub fn label(&self, banner: &BannerKey) -> Option<bool> {
        self.rows.get(banner).and_then(|&row| self.labels[row])
    }

    /// Iterates over all labels, in no particular order.
    pub fn labels(&self) -> impl Iterator<Item = (&BannerKey, bool)> {
        self.rows.iter().filter_map(|(banner, &row)| Some((banner, self.labels[row]?)))
    }

    /// Iterates over all banners, in no particular order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &BannerKey> {
        self.rows.keys()
    }

    /// Number of banners.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no banner.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of rows that were read: one for each banner, and those of [`MetricsTable::drops`].
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The rows that were left out: without a key, with the key of an earlier row, or malformed.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// The columns with values that cannot be read and count as missing, each with their number.
    /// Columns of nothing but text are not among them, except the rates and the columns that these
    /// are derived from.
    pub fn bad_values(&self) -> &[(String, u64)] {
        &self.bad_values
    }

    /// The columns that are no metrics, for they hold nothing but text.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// What was found out about files that are not as described; see
    /// [`ClickLog::assumptions`](super::ClickLog::assumptions).
    pub fn assumptions(&self) -> Vec<String> {
        self.assumptions.sentences()
    }

    /// What makes one doubt that the metrics mean what was read: a rate, or a column that one is
    /// derived from, without a number or the same for all banners.
    pub fn warnings(&self) -> Vec<InputWarning> {
        let warning = |what: String, advice: &str| InputWarning { what, advice: advice.to_owned() };
        let known = |name: &&String| KNOWN.contains(&name.as_str());
        let ignored = self.texts.iter().filter(known).map(|name| {
            warning(
                format!("Metrics: column `{name}` has no number and is ignored."),
                "Write shares as 0.93 or 93 %.",
            )
        });
        let constant = self.names.iter().enumerate().filter(|(_, name)| known(name));
        let constant = constant.filter_map(|(at, name)| {
            let mut values = self.values.iter().skip(at).step_by(self.names.len()).flatten();
            let first = *values.next()?;
            let others = values.clone().count();
            let same = others + 1 >= FEW_BANNERS && values.all(|&value| value == first);
            same.then(|| {
                warning(
                    format!("Metrics: `{name}` is {first} for all banners, which tells nothing."),
                    "See whether it was rounded or filled in on the way.",
                )
            })
        });
        ignored.chain(constant).collect()
    }
}

/// Reads the key of a row.
pub(super) fn key(
    domain: Cell<'_>,
    grid_id: Cell<'_>,
    spare: &mut [Vec<u8>; 2],
) -> Usable<BannerKey> {
    let [domain_spare, grid_spare] = spare;
    let text = |name: &[u8]| match std::str::from_utf8(name) {
        Ok("") => Err(DropReason::MissingKey),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(DropReason::NotUtf8),
    };
    Ok(BannerKey {
        domain: text(domain.name(domain_spare))?,
        grid_id: text(grid_id.name(grid_spare))?,
    })
}

#[cfg(test)]
mod tests;
