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

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use super::cell::{Cell, Fault};
use super::column::Kind;
use super::drops::Usable;
use super::paths::table_files;
use super::source::Source;
use super::{BannerKey, DropReason, Drops};
use crate::{Error, Result};

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

/// Whether a column is one of the rates or what they are derived from: text in it is a mistake.
fn is_known(name: &str) -> bool {
    RATES.iter().any(|(rate, over, under)| [rate, over, under].contains(&&name))
}

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
    drops: Drops,
    rows_read: u64,
}

/// A column that may become a metric.
#[derive(Default)]
struct Measured {
    name: String,
    /// One for each row so far; shorter when the last ones lack the column.
    values: Vec<Option<f64>>,
    bad: u64,
}

/// A metrics table that is still being read.
#[derive(Default)]
struct Builder {
    columns: Vec<Measured>,
    rows: HashMap<BannerKey, usize>,
    labels: Vec<Option<bool>>,
    bad_labels: u64,
    drops: Drops,
    rows_read: u64,
}

impl MetricsTable {
    /// Reads metrics tables, CSV or Parquet (feature `parquet`); a folder stands for the tables
    /// directly in it. Files may differ in their columns.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or is no table, `domain` or `grid_id` is
    /// missing, a column occurs twice, or a share is not from 0 to 1.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut builder = Builder::default();
        for file in table_files(paths)? {
            builder.read(&file.path)?;
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
}

impl Builder {
    fn read(&mut self, path: &Path) -> Result<()> {
        let source = Source::open(path)?;
        let mut picked = vec![
            source.find(path, "domain", Kind::names)?,
            source.find(path, "grid_id", Kind::names)?,
        ];
        // For each picked column after the key, the index of the metric that its values go to;
        // `None` for the label.
        let mut targets = Vec::new();
        for (place, column) in source.columns().iter().enumerate() {
            // A column without a name is the row number that pandas writes.
            if picked[..2].contains(&place) || !column.kind.counts() || column.name.is_empty() {
                continue;
            }
            let target = (column.name != "broken").then(|| self.column(&column.name));
            if targets.contains(&target) {
                return Err(Error::Data(format!(
                    "{}: column `{}` stands twice in the header",
                    path.display(),
                    column.name
                )));
            }
            targets.push(target);
            picked.push(place);
        }
        let unit = source.unit();
        let mut spare = [Vec::new(), Vec::new()];
        source.read(&picked, &mut |row| {
            let key = row.cells().and_then(|[domain, grid_id]| key(domain, grid_id, &mut spare));
            let new = key.and_then(|key| {
                let next = self.rows.len();
                match self.rows.entry(key) {
                    Entry::Occupied(_) => Err(DropReason::DuplicateKey),
                    Entry::Vacant(vacant) => Ok(*vacant.insert(next)),
                }
            });
            let mut rows = 1;
            match new {
                Ok(at) => self.take(at, &targets, |pick| row.cell(pick + 2)).map_err(|what| {
                    Error::Data(format!("{}: {unit} {}, {what}", path.display(), row.line))
                })?,
                Err(reason) => {
                    rows = row.lost_with(reason);
                    self.drops.add_rows(reason, rows, 0, || {
                        format!("{}: {unit} {}", path.display(), row.line)
                    });
                }
            }
            self.rows_read += rows;
            Ok(())
        })
    }

    /// Returns the index of a column; a column that is not known yet gets a new one.
    fn column(&mut self, name: &str) -> usize {
        self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(Measured { name: name.to_owned(), ..Measured::default() });
            self.columns.len() - 1
        })
    }

    fn take<'a>(
        &mut self,
        row: usize,
        targets: &[Option<usize>],
        cell: impl Fn(usize) -> Cell<'a>,
    ) -> std::result::Result<(), String> {
        self.labels.push(None);
        for (pick, target) in targets.iter().enumerate() {
            let Some(column) = target else {
                match cell(pick).truth() {
                    Ok(broken) => self.labels[row] = Some(broken),
                    Err(Fault::Missing) => {}
                    Err(_) => self.bad_labels += 1,
                }
                continue;
            };
            let column = &mut self.columns[*column];
            column.values.resize(row, None);
            column.values.push(match cell(pick).real_or_percent() {
                Ok(value) if SHARES.contains(&&*column.name) && !(0.0..=1.0).contains(&value) => {
                    let (name, shown) = (&column.name, cell(pick).shown());
                    return Err(format!(
                        "column `{name}`: `{shown}` is no share from 0 to 1; per cent have a % sign"
                    ));
                }
                Ok(value) if value.abs() <= MAX_METRIC => Some(value),
                Err(Fault::Missing) => None,
                Ok(_) | Err(_) => {
                    column.bad += 1;
                    None
                }
            });
        }
        Ok(())
    }

    fn finish(self) -> MetricsTable {
        let Self { mut columns, rows, labels, bad_labels, drops, rows_read } = self;
        let count = rows.len();
        for column in &mut columns {
            column.values.resize(count, None);
        }
        // A column is text when it has values but none of them is a number. A column that is all
        // missing stays.
        let has_numbers =
            |column: &Measured| column.bad == 0 || column.values.iter().any(Option::is_some);
        let counted = columns.iter().filter(|column| has_numbers(column) || is_known(&column.name));
        let bad = counted.map(|column| (column.name.clone(), column.bad));
        let bad_values =
            bad.chain([("broken".to_owned(), bad_labels)]).filter(|(_, bad)| *bad > 0).collect();
        columns.retain(has_numbers);
        for (name, over, under) in RATES {
            let find = |name: &str| columns.iter().find(|column| column.name == name);
            if let (None, Some(over), Some(under)) = (find(name), find(over), find(under)) {
                let values = over
                    .values
                    .iter()
                    .zip(&under.values)
                    .map(|(over, under)| rate(*over, *under))
                    .collect();
                columns.push(Measured { name: name.to_owned(), values, bad: 0 });
            }
        }
        let mut values = vec![None; count * columns.len()];
        let width = columns.len();
        let mut names = Vec::with_capacity(width);
        // Column by column, so that each can be freed once it is copied.
        for (at, column) in columns.into_iter().enumerate() {
            for (row, value) in column.values.into_iter().enumerate() {
                values[row * width + at] = value;
            }
            names.push(column.name);
        }
        MetricsTable { names, rows, values, labels, bad_values, drops, rows_read }
    }
}

/// Returns `over / under`; `None` when one of them is missing or `under` is not positive.
fn rate(over: Option<f64>, under: Option<f64>) -> Option<f64> {
    let rate = over? / under.filter(|&under| under > 0.0)?;
    rate.is_finite().then_some(rate)
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
