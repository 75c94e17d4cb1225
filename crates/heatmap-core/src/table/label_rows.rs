//! [`read_label_rows`]: tables that say something of banners row by row, of each in one display
//! size or in all.
//!
//! Labels are few and costly, so nothing is skipped here: a row that cannot be read is an error.

use std::path::{Path, PathBuf};

use super::assumptions::Assumptions;
use super::file::Holds;
use super::file::cell::{Cell, Fault};
use super::file::paths::{TableFile, table_files};
use super::file::row::Row;
use super::file::source::Source;
use super::metrics_table::key;
use super::{BannerKey, DropReason, TableFormat};
use crate::{BannerSize, Error, Result};

/// A banner, in one display size or in all.
pub(super) type Labelled = (BannerKey, Option<BannerSize>);

/// A row of a table of labels.
pub(super) struct LabelRow<'r> {
    /// What the row is about.
    pub(super) of: Labelled,
    /// Where the row is.
    pub(super) place: Place,
    row: &'r Row<'r>,
    /// Position of the first column that is not the key.
    first: usize,
    path: &'r Path,
    unit: &'static str,
    files: &'r [TableFile],
}

/// Where a row is: in which of the files, and in which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    file: usize,
    line: u64,
}

/// What a kind of table makes of its rows.
pub(super) trait LabelRows {
    /// Picks the columns of a file beside the key of the banner.
    ///
    /// # Errors
    /// Returns an error when a column is missing or of another kind.
    fn pick(&mut self, source: &mut Source<'_>) -> Result<()>;

    /// Takes a row.
    ///
    /// # Errors
    /// Returns an error when the row cannot be read.
    fn take(&mut self, row: &LabelRow<'_>) -> Result<()>;
}

impl<'r> LabelRow<'r> {
    /// The value in the column that was picked as number `at` beside the key.
    pub(super) fn cell(&self, at: usize) -> Cell<'r> {
        self.row.cell(self.first + at)
    }

    /// An error about this row; `what` follows the line.
    pub(super) fn bad(&self, what: &str) -> Error {
        Error::Data(format!("{}: {} {}{what}", self.path.display(), self.unit, self.place.line))
    }

    /// File and line of an earlier row.
    pub(super) fn shown(&self, place: Place) -> String {
        format!("{}: {} {}", self.files[place.file].path.display(), self.unit, place.line)
    }
}

/// Reads tables with the columns `domain` and `grid_id` and, if they are there, `display_width` and
/// `display_height`, into `rows`. A folder stands for the tables directly in it.
///
/// # Errors
/// Returns an error when a file cannot be read or is no table, a column is missing or occurs twice,
/// or a row cannot be read.
pub(super) fn read_label_rows(
    paths: &[PathBuf],
    format: &TableFormat,
    rows: &mut dyn LabelRows,
) -> Result<Assumptions> {
    format.check()?;
    let files = table_files(paths)?;
    let mut assumptions = Assumptions::default();
    for (file, TableFile { path, .. }) in files.iter().enumerate() {
        let mut source = Source::open(path, format)?;
        source.find("domain", Holds::Names)?;
        source.find("grid_id", Holds::Names)?;
        let width = source.locate("display_width", Holds::Whole)?;
        let height = source.locate("display_height", Holds::Whole)?;
        let sides = width.zip(height);
        if let Some((width, height)) = sides {
            source.pick(width, Holds::Whole);
            source.pick(height, Holds::Whole);
        }
        rows.pick(&mut source)?;
        assumptions.add(path, &source.assumptions()?);
        let unit = source.unit();
        let first = if sides.is_some() { 4 } else { 2 };
        let mut spare = Default::default();
        source.read(&mut |row| {
            let bad =
                |what: &str| Error::Data(format!("{}: {unit} {}{what}", path.display(), row.line));
            let unusable = |reason: DropReason| bad(&format!(": {reason}"));
            let [domain, grid_id] = row.cells().map_err(unusable)?;
            let banner = key(domain, grid_id, &mut spare).map_err(unusable)?;
            let display = match sides {
                Some(_) => size(row.cell(2), row.cell(3)).map_err(|what| bad(&what))?,
                None => None,
            };
            let place = Place { file, line: row.line };
            let files = &files[..];
            rows.take(&LabelRow { of: (banner, display), place, row, first, path, unit, files })
        })?;
    }
    Ok(assumptions)
}

/// Reads the display size of a label; `None` when neither side is there.
fn size(width: Cell<'_>, height: Cell<'_>) -> std::result::Result<Option<BannerSize>, String> {
    let side = |px: u64| u32::try_from(px).ok().filter(|&px| px > 0);
    match (width.whole(), height.whole()) {
        (Err(Fault::Missing), Err(Fault::Missing)) => Ok(None),
        (Ok(width), Ok(height)) if side(width).is_some() && side(height).is_some() => {
            Ok(side(width)
                .zip(side(height))
                .map(|(width_px, height_px)| BannerSize { width_px, height_px }))
        }
        _ => Err(format!(
            ", display size: `{}` x `{}` is no size in px",
            width.shown(),
            height.shown()
        )),
    }
}
