//! [`ClusterTable`]: how many clusters of clicks banners have, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::assumptions::Assumptions;
use super::file::Holds;
use super::file::cell::Fault;
use super::file::source::Source;
use super::label_rows::{LabelRow, LabelRows, Labelled, Place, read_label_rows};
use super::{BannerKey, TableFormat};
use crate::{BannerSize, Error, Point, Result};

/// Numbers of clusters of banners and, where they are known, the centres.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterTable {
    clusters: BTreeMap<Labelled, Clusters>,
    unlabelled_rows: u64,
    assumptions: Assumptions,
}

/// The clusters of one banner.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Number of clusters.
    pub count: usize,
    /// Their centres, in px of the banner's display size from its left upper corner; `None` when
    /// only their number is known.
    pub centres: Option<Vec<Point>>,
}

impl ClusterTable {
    /// Reads tables of clusters, as [`ClickLogConfig::read`](super::ClickLogConfig::read) reads
    /// click tables; a folder stands for the tables directly in it.
    ///
    /// The columns are `domain` and `grid_id`, and either `clusters`, the number of clusters of the
    /// banner (empty where it is not known), or `centre_x` and `centre_y`: one row for each
    /// cluster with its centre in px, or one with both empty for a banner that has none. With the
    /// columns `display_width` and `display_height` a row is about the banner in this size alone.
    /// Further columns are ignored.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or is no table, a column is missing or occurs
    /// twice, a row cannot be read, a centre stands twice, or rows contradict each other.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        Self::read_as(paths, &TableFormat::default())
    }

    /// Reads tables of clusters that are written as `format` says; see [`ClusterTable::read`].
    ///
    /// # Errors
    /// As [`ClusterTable::read`], and when the format cannot be used.
    pub fn read_as(paths: &[PathBuf], format: &TableFormat) -> Result<Self> {
        let mut rows = Rows::default();
        let assumptions = read_label_rows(paths, format, &mut rows)?;
        let clusters = rows.banners.into_iter().map(|(of, known)| (of, known.into_clusters()));
        let clusters = clusters.collect();
        Ok(Self { clusters, unlabelled_rows: rows.unlabelled, assumptions })
    }

    /// The clusters of a banner in this display size: by a row for the size, or else by one for all
    /// sizes; `None` when nothing is known.
    pub fn get(&self, banner: &BannerKey, display: BannerSize) -> Option<&Clusters> {
        let of = |display| self.clusters.get(&(banner.clone(), display));
        of(Some(display)).or_else(|| of(None))
    }

    /// Iterates over all banners, in the order of domain and grid_id, each with the display size
    /// that the clusters are limited to.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&BannerKey, Option<BannerSize>, &Clusters)> {
        self.clusters.iter().map(|((banner, display), clusters)| (banner, *display, clusters))
    }

    /// Largest number of clusters; `None` when there is no banner.
    pub fn most(&self) -> Option<usize> {
        self.clusters.values().map(|clusters| clusters.count).max()
    }

    /// Whether the centres of all banners are known.
    pub fn has_all_centres(&self) -> bool {
        self.clusters.values().all(|clusters| clusters.centres.is_some())
    }

    /// What was found out about files that are not as described; see
    /// [`ClickLog::assumptions`](super::ClickLog::assumptions).
    pub fn assumptions(&self) -> Vec<String> {
        self.assumptions.sentences()
    }

    /// Number of banners, each in one display size or in all.
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether there is no banner.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Number of rows that have a key but no number of clusters.
    pub fn unlabelled_rows(&self) -> u64 {
        self.unlabelled_rows
    }
}

impl FromIterator<(BannerKey, Clusters)> for ClusterTable {
    /// Collects clusters that are known already; of several rows of one banner the last one is
    /// used.
    fn from_iter<I: IntoIterator<Item = (BannerKey, Clusters)>>(clusters: I) -> Self {
        let clusters = clusters.into_iter().map(|(banner, of)| ((banner, None), of)).collect();
        Self { clusters, ..Self::default() }
    }
}

/// What is known of one banner so far, and where it was said first.
enum Known {
    Count(usize, Place),
    /// Each centre with its place.
    Centres(Vec<(Point, Place)>, Place),
}

impl Known {
    fn into_clusters(self) -> Clusters {
        match self {
            Self::Count(count, _) => Clusters { count, centres: None },
            Self::Centres(centres, _) => Clusters {
                count: centres.len(),
                centres: Some(centres.into_iter().map(|(centre, _)| centre).collect()),
            },
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Count(_, place) | Self::Centres(_, place) => *place,
        }
    }
}

/// The rows that were read so far.
#[derive(Default)]
struct Rows {
    banners: BTreeMap<Labelled, Known>,
    unlabelled: u64,
    /// Whether the rows of the present file are centres.
    are_centres: bool,
}

impl LabelRows for Rows {
    fn pick(&mut self, source: &mut Source<'_>) -> Result<()> {
        let x = source.find_if_there("centre_x", Holds::Numbers)?;
        self.are_centres = x.is_some();
        match x {
            Some(_) => source.find("centre_y", Holds::Numbers).map(drop),
            None => source.find("clusters", Holds::Whole).map(drop),
        }
    }

    fn take(&mut self, row: &LabelRow<'_>) -> Result<()> {
        match self.are_centres {
            true => self.take_centre(row),
            false => self.take_count(row),
        }
    }
}

impl Rows {
    fn take_count(&mut self, row: &LabelRow<'_>) -> Result<()> {
        let cell = row.cell(0);
        let count = match cell.whole().map(usize::try_from) {
            Ok(Ok(count)) => count,
            Err(Fault::Missing) => {
                self.unlabelled += 1;
                return Ok(());
            }
            _ => {
                let shown = cell.shown();
                return Err(
                    row.bad(&format!(", column `clusters`: `{shown}` is no number of them"))
                );
            }
        };
        match self.banners.entry(row.of.clone()).or_insert(Known::Count(count, row.place)) {
            Known::Count(known, _) if *known == count => Ok(()),
            other => Err(contradiction(row, other.place())),
        }
    }

    fn take_centre(&mut self, row: &LabelRow<'_>) -> Result<()> {
        let cells = [row.cell(0), row.cell(1)];
        let centre = match cells.map(|cell| cell.real()) {
            [Ok(x), Ok(y)] if x >= 0.0 && y >= 0.0 => Some(Point { x, y }),
            [Err(Fault::Missing), Err(Fault::Missing)] => None,
            _ => {
                let [x, y] = cells.map(|cell| cell.shown());
                let what = format!(", columns `centre_x` and `centre_y`: ({x}, {y}) is no place");
                return Err(row.bad(&what));
            }
        };
        let is_new = !self.banners.contains_key(&row.of);
        let known = self.banners.entry(row.of.clone());
        match (known.or_insert(Known::Centres(Vec::new(), row.place)), centre) {
            (Known::Centres(centres, _), Some(centre)) if is_new || !centres.is_empty() => {
                if let Some((_, place)) = centres.iter().find(|(other, _)| *other == centre) {
                    let (Point { x, y }, before) = (centre, row.shown(*place));
                    return Err(row.bad(&format!(": ({x}, {y}) stands twice, first in {before}")));
                }
                centres.push((centre, row.place));
                Ok(())
            }
            (Known::Centres(centres, _), None) if centres.is_empty() => Ok(()),
            (other, _) => Err(contradiction(row, other.place())),
        }
    }
}

fn contradiction(row: &LabelRow<'_>, before: Place) -> Error {
    let BannerKey { domain, grid_id } = &row.of.0;
    let before = row.shown(before);
    row.bad(&format!(": ({domain}, {grid_id}) has other clusters than in {before}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<ClusterTable> {
        let folder = tempfile::tempdir().unwrap();
        for (index, text) in texts.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{index}.csv")), text).unwrap();
        }
        ClusterTable::read(&[folder.path().to_owned()])
    }

    fn banner(domain: &str) -> BannerKey {
        BannerKey { domain: domain.to_owned(), grid_id: "g".to_owned() }
    }

    const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

    #[test]
    fn numbers_and_centres_are_read() {
        let table = read(&[
            "domain,grid_id,clusters\na,g,3\nb,g,0\nc,g,\na,g,3.0\n",
            "site;layout;Centre X;Centre Y;width;height\nd;g;10,5;20;300;250\nd;g;40;7;300;250\n\
             e;g;;;;\n",
        ])
        .unwrap();
        let of = |domain| table.get(&banner(domain), SIZE);
        let counted = |count| Clusters { count, centres: None };
        assert_eq!((of("a"), of("b"), of("c")), (Some(&counted(3)), Some(&counted(0)), None));
        let centres = vec![Point { x: 10.5, y: 20.0 }, Point { x: 40.0, y: 7.0 }];
        assert_eq!(of("d"), Some(&Clusters { count: 2, centres: Some(centres) }));
        assert_eq!(of("e"), Some(&Clusters { count: 0, centres: Some(Vec::new()) }));
        assert_eq!(table.get(&banner("d"), BannerSize { width_px: 1, height_px: 1 }), None);
        assert_eq!((table.len(), table.unlabelled_rows()), (4, 1));
        assert_eq!((table.most(), table.has_all_centres()), (Some(3), false));
        assert_eq!(table.iter().filter(|(_, size, _)| size.is_some()).count(), 1);
        assert!(table.assumptions()[0].contains("decimal comma"), "{:?}", table.assumptions());
        let again = [(banner("a"), counted(3))].into_iter().collect::<ClusterTable>();
        assert_eq!(again.get(&banner("a"), SIZE), Some(&counted(3)));
    }

    #[test]
    fn what_cannot_be_read_or_is_said_twice_is_an_error_with_its_line() {
        let says = |text: &str, message: &str| {
            let error = read(&[text]).unwrap_err().to_string();
            assert!(error.contains("0.csv") && error.contains(message), "{error}");
        };
        let counts = "domain,grid_id,clusters\na,g,3\n";
        says(&format!("{counts}b,g,many\n"), "line 3, column `clusters`: `many` is no number");
        says(&format!("{counts}b,g,-1\n"), "line 3, column `clusters`: `-1` is no number");
        says(&format!("{counts}a,g,2\n"), "line 3: (a, g) has other clusters than in");
        says("domain,grid_id,note\na,g,3\n", "clusters");
        says("domain,grid_id,centre_x\na,g,3\n", "centre_y");
        let centres = "domain,grid_id,centre_x,centre_y\na,g,3,4\n";
        says(&format!("{centres}a,g,5,\n"), "line 3, columns `centre_x` and `centre_y`: (5, ) is");
        says(&format!("{centres}a,g,-5,1\n"), "(-5, 1) is no place");
        says(&format!("{centres}a,g,3,4\n"), "line 3: (3, 4) stands twice, first in");
        says(&format!("{centres}a,g,,\n"), "line 3: (a, g) has other clusters than in");
        says("domain,grid_id,centre_x,centre_y\na,g,,\na,g,1,1\n", "line 3: (a, g) has other");
        let error = read(&[counts, centres]).unwrap_err().to_string();
        assert!(error.contains("1.csv: line 2: (a, g) has other clusters than in"), "{error}");
    }
}
