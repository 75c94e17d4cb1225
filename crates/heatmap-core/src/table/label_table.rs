//! [`LabelTable`]: which banners are known to be broken, and which are known not to be.
//!
//! Labels are few and costly, so nothing is skipped here: a row that cannot be read is an error.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::assumptions::Assumptions;
use super::file::Holds;
use super::file::cell::Fault;
use super::file::source::Source;
use super::label_rows::{LabelRow, LabelRows, Labelled, Place, read_label_rows};
use super::{BannerKey, TableFormat};
use crate::{BannerSize, Result};

/// Labels of banners: for each of them, whether it is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelTable {
    labels: BTreeMap<Labelled, bool>,
    unlabelled_rows: u64,
    assumptions: Assumptions,
}

impl LabelTable {
    /// Reads label tables, as [`ClickLogConfig::read`](super::ClickLogConfig::read) reads click
    /// tables; a folder stands for the tables directly in it.
    ///
    /// The columns are `domain`, `grid_id` and `broken`: 1 and 0 in any notation, or one of true,
    /// yes, y, t, broken, bad and false, no, n, f, ok, good, not broken; empty for a banner without
    /// a label. With the columns `display_width` and `display_height` a label is that of the banner
    /// in this size alone. Further columns are ignored.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or is no table, a column is missing or occurs
    /// twice, a row has no key or no label that can be read, or two rows contradict each other.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        Self::read_as(paths, &TableFormat::default())
    }

    /// Reads label tables that are written as `format` says; see [`LabelTable::read`].
    ///
    /// # Errors
    /// As [`LabelTable::read`], and when the format cannot be used.
    pub fn read_as(paths: &[PathBuf], format: &TableFormat) -> Result<Self> {
        let mut rows = Rows::default();
        let assumptions = read_label_rows(paths, format, &mut rows)?;
        let labels = rows.labels.into_iter().map(|(of, (broken, _))| (of, broken)).collect();
        Ok(Self { labels, unlabelled_rows: rows.unlabelled, assumptions })
    }

    /// Whether a banner is broken in this display size: by its label for the size, or else by its
    /// label for all sizes; `None` when it has none.
    pub fn get(&self, banner: &BannerKey, display: BannerSize) -> Option<bool> {
        let of = |display| self.labels.get(&(banner.clone(), display)).copied();
        of(Some(display)).or_else(|| of(None))
    }

    /// Whether a banner is broken in all sizes, by its labels; `None` when it has none or they
    /// differ.
    pub fn in_all_sizes(&self, banner: &BannerKey) -> Option<bool> {
        let mut labels = self
            .labels
            .range((banner.clone(), None)..)
            .take_while(|((labelled, _), _)| labelled == banner)
            .map(|(_, &broken)| broken);
        let first = labels.next()?;
        labels.all(|label| label == first).then_some(first)
    }

    /// Iterates over all labels, in the order of domain and grid_id, each with the display size
    /// that it is limited to.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&BannerKey, Option<BannerSize>, bool)> {
        self.labels.iter().map(|((banner, display), &broken)| (banner, *display, broken))
    }

    /// What was found out about files that are not as described; see
    /// [`ClickLog::assumptions`](super::ClickLog::assumptions).
    pub fn assumptions(&self) -> Vec<String> {
        self.assumptions.sentences()
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether no banner is labelled.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of banners that are broken.
    pub fn broken(&self) -> usize {
        self.labels.values().filter(|&&broken| broken).count()
    }

    /// Number of rows that have a key but no label.
    pub fn unlabelled_rows(&self) -> u64 {
        self.unlabelled_rows
    }
}

impl FromIterator<(BannerKey, bool)> for LabelTable {
    /// Collects labels that are known already, such as those of a metrics table; of several labels
    /// of one banner the last one is used.
    fn from_iter<I: IntoIterator<Item = (BannerKey, bool)>>(labels: I) -> Self {
        let labels = labels.into_iter().map(|(banner, broken)| ((banner, None), broken)).collect();
        Self { labels, ..Self::default() }
    }
}

impl FromIterator<(BannerKey, Option<BannerSize>, bool)> for LabelTable {
    /// Collects labels of single display sizes and, without a size, of all; of several labels of
    /// one banner and size the last one is used. [`LabelTable::iter`] gives them back.
    ///
    /// ```
    /// use heatmap_core::BannerSize;
    /// use heatmap_core::table::{BannerKey, LabelTable};
    ///
    /// let banner = BannerKey { domain: "site.example".to_owned(), grid_id: "grid".to_owned() };
    /// let size = BannerSize { width_px: 300, height_px: 250 };
    /// let rows = [(banner.clone(), None, false), (banner.clone(), Some(size), true)];
    /// let labels: LabelTable = rows.into_iter().collect();
    /// assert_eq!(labels.get(&banner, size), Some(true));
    /// ```
    fn from_iter<I: IntoIterator<Item = (BannerKey, Option<BannerSize>, bool)>>(rows: I) -> Self {
        let labels = rows.into_iter().map(|(banner, size, broken)| ((banner, size), broken));
        Self { labels: labels.collect(), ..Self::default() }
    }
}

/// The labels that were read so far, each with its place, for the error about two rows that
/// contradict each other.
#[derive(Default)]
struct Rows {
    labels: BTreeMap<Labelled, (bool, Place)>,
    unlabelled: u64,
}

impl LabelRows for Rows {
    fn pick(&mut self, source: &mut Source<'_>) -> Result<()> {
        source.find("broken", Holds::Labels).map(drop)
    }

    fn take(&mut self, row: &LabelRow<'_>) -> Result<()> {
        let broken = row.cell(0);
        let label = match broken.truth() {
            Ok(label) => label,
            Err(Fault::Missing) => {
                self.unlabelled += 1;
                return Ok(());
            }
            Err(_) => {
                return Err(row.bad(&format!(
                    ", column `broken`: `{}` is not 0 or 1, yes or no, true or false, broken or \
                     ok, or empty",
                    broken.shown()
                )));
            }
        };
        let (known, before) = *self.labels.entry(row.of.clone()).or_insert((label, row.place));
        if known == label {
            return Ok(());
        }
        let BannerKey { domain, grid_id } = &row.of.0;
        let is = if label { "broken" } else { "not broken" };
        let before = row.shown(before);
        Err(row.bad(&format!(": ({domain}, {grid_id}) is {is}, unlike in {before}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<LabelTable> {
        let folder = tempfile::tempdir().unwrap();
        for (index, text) in texts.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{index}.csv")), text).unwrap();
        }
        LabelTable::read(&[folder.path().to_owned()])
    }

    fn banner(domain: &str) -> BannerKey {
        BannerKey { domain: domain.to_owned(), grid_id: "g".to_owned() }
    }

    #[test]
    fn labels_come_in_every_notation_and_may_repeat() {
        let table = read(&[
            "broken,domain,note,grid_id\n1,a,,g\n0.0,b,,g\nTrue,c,,g\n,d,,g\nNaN,e,,g\n",
            "domain,grid_id,broken\na,g,1.0\nd,g,false\n",
        ])
        .unwrap();
        let got = ["a", "b", "c", "d", "e"].map(|domain| table.in_all_sizes(&banner(domain)));
        assert_eq!(got, [Some(true), Some(false), Some(true), Some(false), None]);
        assert_eq!((table.len(), table.broken(), table.unlabelled_rows()), (4, 2, 2));
        assert_eq!(
            table
                .iter()
                .map(|(banner, _, broken)| (banner.clone(), broken))
                .collect::<LabelTable>()
                .labels,
            table.labels
        );
    }

    #[test]
    fn a_label_may_be_that_of_one_size() {
        let table =
            read(&["Domain;Grid ID;Label;Width;Height\na;g;broken;300;250\na;g;ok;728;90\n\
                            b;g;yes;;\nb;g;no;728;90\n"])
            .unwrap();
        let size = |width_px, height_px| BannerSize { width_px, height_px };
        let of = |domain, display| table.get(&banner(domain), display);
        assert_eq!(of("a", size(300, 250)), Some(true));
        assert_eq!(of("a", size(728, 90)), Some(false));
        assert_eq!(of("a", size(1, 1)), None);
        assert_eq!(of("b", size(1, 1)), Some(true));
        assert_eq!(of("b", size(728, 90)), Some(false));
        assert_eq!(table.in_all_sizes(&banner("a")), None);
        let rows = table.iter().map(|(banner, size, broken)| (banner.clone(), size, broken));
        assert_eq!(rows.collect::<LabelTable>().labels, table.labels);
        assert_eq!(
            table.assumptions()[0].split_once(": ").unwrap().1,
            "separator `;`, column `Width` is display_width, column `Height` is display_height, \
             column `Label` is broken"
        );
    }

    #[test]
    fn contradictions_name_both_places() {
        let error = read(&[
            "domain,grid_id,broken\na,g,0\nb,g,1\n",
            "domain,grid_id,broken\nb,g,1\na,g,1\n",
        ]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("1.csv: line 3: (a, g) is broken, unlike in"), "{error}");
        assert!(error.contains("0.csv: line 2"), "{error}");
    }

    #[test]
    fn rows_that_cannot_be_read_are_errors() {
        let says = |row: &str, message: &str| {
            let error =
                read(&[&format!("domain,grid_id,broken\na,g,0\n{row}\n")]).unwrap_err().to_string();
            assert!(error.contains("line 3") && error.contains(message), "{error}");
        };
        says("b,g,maybe", "column `broken`: `maybe` is not 0 or 1, yes or no");
        says("b,g", "more or fewer values");
        let sized = "domain,grid_id,broken,display_width,display_height\nb,g,1,300,\n";
        let error = read(&[sized]).unwrap_err().to_string();
        assert!(error.contains("line 2, display size: `300` x `` is no size"), "{error}");
        says(",g,1", "no domain or no grid_id");
    }
}
