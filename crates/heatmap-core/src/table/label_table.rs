//! [`LabelTable`]: which banners are known to be broken, and which are known not to be.
//!
//! Labels are few and costly, so nothing is skipped here: a row that cannot be read is an error.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cell::Fault;
use super::column::Kind;
use super::metrics_table::key;
use super::paths::{TableFile, table_files};
use super::source::Source;
use super::{BannerKey, DropReason};
use crate::{Error, Result};

/// Labels of banners: for each of them, whether it is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelTable {
    labels: BTreeMap<BannerKey, bool>,
    unlabelled_rows: u64,
}

impl LabelTable {
    /// Reads label tables, CSV or Parquet (feature `parquet`); a folder stands for the tables
    /// directly in it.
    ///
    /// The columns are `domain`, `grid_id` and `broken` (0/1, 0.0/1.0, true/false; empty for a
    /// banner without a label). Further columns are ignored.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or is no table, a column is missing or occurs
    /// twice, a row has no key or no label that can be read, or two rows contradict each other.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let files = table_files(paths)?;
        let mut unlabelled_rows = 0;
        // Each label with its file and line, for the error message about two rows that contradict
        // each other.
        let mut labels = BTreeMap::new();
        for (index, TableFile { path, .. }) in files.iter().enumerate() {
            let source = Source::open(path)?;
            let picked = [
                source.find(path, "domain", Kind::names)?,
                source.find(path, "grid_id", Kind::names)?,
                source.find(path, "broken", Kind::counts)?,
            ];
            let unit = source.unit();
            let mut spare = Default::default();
            source.read(&picked, &mut |row| {
                let line = row.line;
                let bad =
                    |what: &str| Error::Data(format!("{}: {unit} {line}{what}", path.display()));
                let unusable = |reason: DropReason| bad(&format!(": {reason}"));
                let [domain, grid_id, broken] = row.cells().map_err(unusable)?;
                let key = key(domain, grid_id, &mut spare).map_err(unusable)?;
                let label = match broken.truth() {
                    Ok(label) => label,
                    Err(Fault::Missing) => {
                        unlabelled_rows += 1;
                        return Ok(());
                    }
                    Err(_) => {
                        let value = broken.shown();
                        return Err(bad(&format!(
                            ", column `broken`: `{value}` is not 0, 1, true, false or empty"
                        )));
                    }
                };
                let (known, file, before) =
                    *labels.entry(key.clone()).or_insert((label, index, line));
                if known != label {
                    let BannerKey { domain, grid_id } = key;
                    let other = files[file].path.display();
                    let is = if label { "broken" } else { "not broken" };
                    return Err(bad(&format!(
                        ": ({domain}, {grid_id}) is {is}, unlike in {other}: {unit} {before}"
                    )));
                }
                Ok(())
            })?;
        }
        let labels = labels.into_iter().map(|(banner, (broken, _, _))| (banner, broken)).collect();
        Ok(Self { labels, unlabelled_rows })
    }

    /// Whether a banner is broken; `None` when it has no label.
    pub fn get(&self, banner: &BannerKey) -> Option<bool> {
        self.labels.get(banner).copied()
    }

    /// Iterates over all labels, in the order of domain and grid_id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&BannerKey, bool)> {
        self.labels.iter().map(|(banner, &broken)| (banner, broken))
    }

    /// Number of labelled banners.
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
        Self { labels: labels.into_iter().collect(), unlabelled_rows: 0 }
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
        let got = ["a", "b", "c", "d", "e"].map(|domain| table.get(&banner(domain)));
        assert_eq!(got, [Some(true), Some(false), Some(true), Some(false), None]);
        assert_eq!((table.len(), table.broken(), table.unlabelled_rows()), (4, 2, 2));
        assert_eq!(
            table
                .iter()
                .map(|(banner, broken)| (banner.clone(), broken))
                .collect::<LabelTable>()
                .labels,
            table.labels
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
        says("b,g,maybe", "column `broken`: `maybe` is not 0, 1, true, false or empty");
        says("b,g", "more or fewer values");
        says(",g,1", "no domain or no grid_id");
    }
}
