//! [`EarlierRun`]: which banners an earlier detection has flagged, and [`Changes`] since then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::detect::LogDetection;
use crate::table::{BannerEntry, BannerKey, ClickLog, name_in_spreadsheet};
use crate::{BannerSize, Error, Result};

/// A banner in one display size.
type Place = (BannerKey, BannerSize);

/// The flags of an earlier detection, as its `scores.csv` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRun {
    path: PathBuf,
    flagged: BTreeMap<Place, bool>,
}

/// How the flag of a banner differs from an earlier detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Flagged now, but not then.
    New,
    /// Flagged then and now.
    StillBroken,
    /// Flagged then, but no longer.
    Fixed,
}

/// What has changed since an earlier detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Where the earlier detection is.
    pub since: PathBuf,
    /// The change of each banner, in the order of the log; `None` where it was not flagged and is
    /// not.
    pub of: Vec<Option<Change>>,
    /// Banners that were flagged then and are no longer in the log.
    pub gone: Vec<(BannerKey, BannerSize)>,
}

impl EarlierRun {
    /// Reads the `scores.csv` in the folder of an earlier detection, or the file itself.
    ///
    /// # Errors
    /// When there is no such file, or it is not one that a detection has written; the error names
    /// the line.
    pub fn read(path: &Path) -> Result<Self> {
        let file = if path.is_dir() { path.join("scores.csv") } else { path.to_owned() };
        let wrong = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            match error.into_kind() {
                csv::ErrorKind::Io(source) => Error::Io { path: file.clone(), source },
                other => Error::BadRow { path: file.clone(), line, reason: format!("{other:?}") },
            }
        };
        let mut reader = csv::Reader::from_path(&file).map_err(wrong)?;
        let header = reader.headers().map_err(wrong)?.clone();
        let column = |name: &'static str| {
            header.iter().position(|found| found == name).ok_or_else(|| Error::MissingColumn {
                path: file.clone(),
                column: name,
                found: header.iter().collect::<Vec<_>>().join(", "),
            })
        };
        let [domain, grid_id, width, height, flag] = [
            column("domain")?,
            column("grid_id")?,
            column("display_width")?,
            column("display_height")?,
            column("flagged")?,
        ];
        let mut flagged = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let line = record.position().map_or(0, csv::Position::line);
            let bad = |column: &str, value: &str| Error::BadRow {
                path: file.clone(),
                line,
                reason: format!("column `{column}`: `{value}` cannot be used"),
            };
            let side = |column: usize, name: &str| {
                record[column].parse().map_err(|_| bad(name, &record[column]))
            };
            let display = BannerSize {
                width_px: side(width, "display_width")?,
                height_px: side(height, "display_height")?,
            };
            let name = |column: usize| name_in_spreadsheet(&record[column]).to_owned();
            let banner = BannerKey { domain: name(domain), grid_id: name(grid_id) };
            let is_flagged = match &record[flag] {
                "1" => true,
                "0" => false,
                other => return Err(bad("flagged", other)),
            };
            flagged.insert((banner, display), is_flagged);
        }
        Ok(Self { path: path.to_owned(), flagged })
    }

    /// Compares the flags with those of `detection`, which was made from `log`.
    pub fn changes(&self, log: &ClickLog, detection: &LogDetection) -> Changes {
        let mut gone: BTreeMap<&Place, bool> = self
            .flagged
            .iter()
            .filter(|(_, flagged)| **flagged)
            .map(|(of, _)| (of, true))
            .collect();
        let change = |(BannerEntry { banner, display, .. }, &now): (BannerEntry, &bool)| {
            let place = (banner, display);
            gone.remove(&place);
            let before = self.flagged.get(&place).copied().unwrap_or(false);
            match (before, now) {
                (false, true) => Some(Change::New),
                (true, true) => Some(Change::StillBroken),
                (true, false) => Some(Change::Fixed),
                (false, false) => None,
            }
        };
        let of = log.keys().zip(&detection.decision.flagged).map(change).collect();
        Changes { since: self.path.clone(), of, gone: gone.into_keys().cloned().collect() }
    }
}

impl Change {
    /// Says it in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::StillBroken => "still broken",
            Self::Fixed => "fixed",
        }
    }
}

impl Changes {
    /// Number of banners with this change.
    pub fn count(&self, change: Change) -> usize {
        self.of.iter().filter(|of| **of == Some(change)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_a_spreadsheet_and_bad_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let scores = folder.path().join("scores.csv");
        let header = "rank,domain,grid_id,display_width,display_height,clicks,score,flagged\n";
        let write = |rows: &str| std::fs::write(&scores, format!("{header}{rows}")).unwrap();
        write("1,'=1+1,g,300,250,9,2.5,1\n2,a,g,300,250,9,2.0,0\n");
        let earlier = EarlierRun::read(folder.path()).unwrap();
        assert_eq!(
            earlier,
            EarlierRun { path: folder.path().to_owned(), ..EarlierRun::read(&scores).unwrap() }
        );
        let names: Vec<_> =
            earlier.flagged.iter().map(|((key, _), flag)| (key.domain.as_str(), *flag)).collect();
        assert_eq!(names, [("=1+1", true), ("a", false)]);
        for (rows, message) in [
            ("1,a,g,300,x,9,2.5,1\n", "line 2: column `display_height`: `x`"),
            ("1,a,g,300,250,9,2.5,1\n2,b,g,300,250,9,2.5,yes\n", "line 3: column `flagged`: `yes`"),
            ("1,a\n", "line 2"),
        ] {
            write(rows);
            let error = EarlierRun::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("scores.csv"), "{error}");
        }
        std::fs::write(&scores, "a,b\n").unwrap();
        let error = EarlierRun::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no column `domain` in the header (a, b)"), "{error}");
        assert!(EarlierRun::read(&folder.path().join("none")).is_err());
    }
}
