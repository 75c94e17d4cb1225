//! [`Builder`]: takes files one by one and makes a [`MetricsTable`] of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::{KNOWN, MAX_METRIC, MetricsTable, RATES, SHARES, key};
use crate::table::assumptions::Assumptions;
use crate::table::file::Holds;
use crate::table::file::cell::{Cell, Fault};
use crate::table::file::source::Source;
use crate::table::{BannerKey, DropReason, Drops, TableFormat};
use crate::{Error, Result};

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
pub(super) struct Builder {
    columns: Vec<Measured>,
    rows: HashMap<BannerKey, usize>,
    labels: Vec<Option<bool>>,
    bad_labels: u64,
    drops: Drops,
    rows_read: u64,
    assumptions: Assumptions,
}

impl Builder {
    pub(super) fn read(&mut self, path: &Path, format: &TableFormat) -> Result<()> {
        let mut source = Source::open(path, format)?;
        let keys = [source.find("domain", Holds::Names)?, source.find("grid_id", Holds::Names)?];
        let mut known = Vec::new();
        for name in KNOWN.into_iter().chain(["broken"]) {
            known.extend(source.locate(name, Holds::Numbers)?.map(|place| (place, name)));
        }
        // For each picked column after the key, the index of the metric that its values go to;
        // `None` for the label.
        let mut targets = Vec::new();
        for place in 0..source.columns().len() {
            let column = source.columns()[place].clone();
            // A column without a name is the row number that pandas writes.
            let can = column.kind.can_hold(Holds::Numbers);
            if keys.contains(&place) || !can || column.name.is_empty() {
                continue;
            }
            let known = known.iter().find(|(known, _)| *known == place);
            let name = known.map_or(column.name.as_str(), |(_, name)| *name);
            let target = (name != "broken").then(|| self.column(name));
            if targets.contains(&target) {
                return Err(Error::Data(format!(
                    "{}: column `{name}` stands twice in the header",
                    path.display()
                )));
            }
            source.pick(place, if target.is_some() { Holds::Numbers } else { Holds::Labels });
            targets.push(target);
        }
        self.assumptions.add(path, &source.assumptions()?);
        let unit = source.unit();
        let mut spare = [Vec::new(), Vec::new()];
        source.read(&mut |row| {
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

    /// Returns the columns that values under these names go to.
    pub(super) fn targets(&mut self, names: &[String]) -> Result<Vec<Option<usize>>> {
        let mut targets = Vec::with_capacity(names.len());
        for name in names {
            if name.is_empty() || ["domain", "grid_id", "broken"].contains(&name.as_str()) {
                return Err(Error::Data(format!("`{name}` is no name of a metric")));
            }
            let target = Some(self.column(name));
            if targets.contains(&target) {
                return Err(Error::Data(format!("the metric `{name}` stands twice")));
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// Adds a row that is in no file.
    pub(super) fn add_row(
        &mut self,
        banner: BannerKey,
        targets: &[Option<usize>],
        values: &[Option<f64>],
    ) -> Result<()> {
        let BannerKey { domain, grid_id } = &banner;
        let of = format!("metrics of ({domain}, {grid_id})");
        if values.len() != targets.len() {
            let (got, names) = (values.len(), targets.len());
            return Err(Error::Data(format!("{of}: {got} values for {names} names")));
        }
        self.rows_read += 1;
        let next = self.rows.len();
        let reason = match self.rows.entry(banner) {
            Entry::Vacant(row)
                if !(row.key().domain.is_empty() || row.key().grid_id.is_empty()) =>
            {
                let at = *row.insert(next);
                let cell = |pick: usize| values[pick].map_or(Cell::Missing, Cell::Real);
                return self
                    .take(at, targets, cell)
                    .map_err(|what| Error::Data(format!("{of}: {what}")));
            }
            Entry::Vacant(_) => DropReason::MissingKey,
            Entry::Occupied(_) => DropReason::DuplicateKey,
        };
        self.drops.add_rows(reason, 1, 0, || of);
        Ok(())
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

    pub(super) fn finish(self) -> MetricsTable {
        let Self { mut columns, rows, labels, bad_labels, drops, rows_read, assumptions } = self;
        let count = rows.len();
        for column in &mut columns {
            column.values.resize(count, None);
        }
        // A column is text when it has values but none of them is a number. A column that is all
        // missing stays.
        let has_numbers =
            |column: &Measured| column.bad == 0 || column.values.iter().any(Option::is_some);
        let counted = columns
            .iter()
            .filter(|column| has_numbers(column) || KNOWN.contains(&column.name.as_str()));
        let bad = counted.map(|column| (column.name.clone(), column.bad));
        let bad_values =
            bad.chain([("broken".to_owned(), bad_labels)]).filter(|(_, bad)| *bad > 0).collect();
        let texts = columns.iter().filter(|column| !has_numbers(column));
        let texts = texts.map(|column| column.name.clone()).collect();
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
        MetricsTable {
            names,
            rows,
            values,
            labels,
            bad_values,
            texts,
            drops,
            rows_read,
            assumptions,
        }
    }
}

/// Returns `over / under`; `None` when one of them is missing or `under` is not positive.
fn rate(over: Option<f64>, under: Option<f64>) -> Option<f64> {
    let rate = over? / under.filter(|&under| under > 0.0)?;
    rate.is_finite().then_some(rate)
}
