//! [`ClickTable`]: click records of many banners, as they come from a log.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use crate::atomic_file::write_atomically;
use crate::binning::{Binned, bin_clicks};
use crate::{BannerSize, Click, Error, Result};

/// Header of the table, in the order in which it is written.
const COLUMNS: [&str; 7] = ["domain", "grid_id", "click_x", "click_y", "display_height", "display_width", "clicks"];

/// What names a banner: the site or app, and the layout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BannerKey {
    /// Site or app.
    pub domain: String,
    /// Layout.
    pub grid_id: String,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ClickRow {
    /// The banner.
    pub banner: BannerKey,
    /// Its size on the screen.
    pub display: BannerSize,
    /// Where, and how often.
    pub click: Click,
}

/// Rows in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClickTable {
    /// The rows.
    pub rows: Vec<ClickRow>,
}

/// All clicks on one banner in one size.
#[derive(Debug, Clone, PartialEq)]
pub struct BannerClicks {
    /// The banner.
    pub banner: BannerKey,
    /// Its size on the screen.
    pub display: BannerSize,
    /// Its clicks in the order of the table.
    pub clicks: Vec<Click>,
}

impl ClickTable {
    /// Reads a CSV file. The order of the columns is free and further columns are ignored.
    ///
    /// # Errors
    /// When the file cannot be read, a column is missing, or a row does not fit; the error names line, column and value.
    pub fn read_csv(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(io)?;
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.headers().map_err(|error| csv_error(path, error))?.clone();
        let columns = Columns::find(path, COLUMNS, &header)?;
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| csv_error(path, error))? {
            rows.push(parse(&columns, &record)?);
        }
        Ok(Self { rows })
    }

    /// Writes a CSV file, complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        write_atomically(path, |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(COLUMNS)?;
            for ClickRow { banner, display, click } in &self.rows {
                writer.write_record([
                    &banner.domain,
                    &banner.grid_id,
                    &click.x_px.to_string(),
                    &click.y_px.to_string(),
                    &display.height_px.to_string(),
                    &display.width_px.to_string(),
                    &click.count.to_string(),
                ])?;
            }
            writer.flush()
        })
    }

    /// Clicks by banner, sorted by domain, grid and size. A banner that is shown in two sizes gives two entries: their
    /// clicks do not belong on one grid.
    pub fn banners(&self) -> Vec<BannerClicks> {
        let mut banners: BTreeMap<(&BannerKey, BannerSize), Vec<Click>> = BTreeMap::new();
        for row in &self.rows {
            banners.entry((&row.banner, row.display)).or_default().push(row.click);
        }
        let entry = |((banner, display), clicks): ((&BannerKey, _), _)| BannerClicks {
            banner: banner.clone(),
            display,
            clicks,
        };
        banners.into_iter().map(entry).collect()
    }
}

impl BannerClicks {
    /// The heatmap of these clicks in bins of `bin_size_px`.
    ///
    /// # Errors
    /// When the bin size is not positive.
    pub fn heatmap(&self, bin_size_px: f64) -> Result<Binned> {
        bin_clicks(&self.clicks, self.display, bin_size_px)
    }
}

fn parse(columns: &Columns<7>, record: &csv::StringRecord) -> Result<ClickRow> {
    let side = |column| columns.value(record, column, "a whole number of px above 0", |&px: &u32| px > 0);
    // A click outside the banner is no error of the table; binning reports it.
    let coordinate = |column| columns.value(record, column, "a number of px", |px: &f64| px.is_finite());
    Ok(ClickRow {
        banner: BannerKey { domain: columns.text(record, 0).to_owned(), grid_id: columns.text(record, 1).to_owned() },
        display: BannerSize { height_px: side(4)?, width_px: side(5)? },
        click: Click {
            x_px: coordinate(2)?,
            y_px: coordinate(3)?,
            count: columns.value(record, 6, "a whole number of clicks", |_| true)?,
        },
    })
}

/// A message in our words for what the CSV reader says.
fn csv_error(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} values where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        csv::ErrorKind::Io(_) => {
            return Error::Io { path: path.to_owned(), source: error.into() };
        }
        other => format!("{other:?}"),
    };
    Error::BadRow { path: path.to_owned(), line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<ClickTable> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        ClickTable::read_csv(file.path())
    }

    const HEADER: &str = "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n";

    #[test]
    fn columns_come_in_any_order_with_others_between() {
        let table = read(
            b"\xef\xbb\xbfclicks, extra ,click_y,click_x,grid_id,domain,display_width,display_height\n\
              3,?,20.5,10,g1,a.com,300,250\n",
        )
        .unwrap();
        let expected = ClickRow {
            banner: BannerKey { domain: "a.com".into(), grid_id: "g1".into() },
            display: BannerSize { width_px: 300, height_px: 250 },
            click: Click { x_px: 10.0, y_px: 20.5, count: 3 },
        };
        assert_eq!(table.rows, [expected]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = format!("{HEADER}\"a,\"\"b\"\"\",g 1,0.1,250,250,300,7\nb.com,g2,-3,1e3,600,300,0\n");
        let table = read(text.as_bytes()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clicks.csv");
        table.write_csv(&path).unwrap();
        assert_eq!(ClickTable::read_csv(&path).unwrap(), table);
        assert_eq!(table.rows[0].banner.domain, "a,\"b\"");
    }

    #[test]
    fn a_bad_value_is_named_with_line_and_column() {
        let good = "a,g,1,2,250,300,1\n";
        for (row, column, value) in [
            ("a,g,x,2,250,300,1", "click_x", "x"),
            ("a,g,1,NaN,250,300,1", "click_y", "NaN"),
            ("a,g,1,2,0,300,1", "display_height", "0"),
            ("a,g,1,2,250,30.5,1", "display_width", "30.5"),
            ("a,g,1,2,250,300,-1", "clicks", "-1"),
            ("a,g,1,2,250,300,", "clicks", ""),
        ] {
            let error = read(format!("{HEADER}{good}{row}\n").as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&format!("line 3, column `{column}`: `{value}` is not")), "{error}");
        }
    }

    #[test]
    fn a_short_row_or_a_broken_file_is_named_by_line() {
        let error = read(format!("{HEADER}a,g,1\n").as_bytes()).unwrap_err().to_string();
        assert!(error.contains("line 2: 3 values where the header has 7"), "{error}");
        let error =
            read(&[HEADER.as_bytes(), b"a,g,1,2,250,300,1\n\xff,g,1,2,250,300,1\n"].concat()).unwrap_err().to_string();
        assert!(error.contains("line 3: not UTF-8"), "{error}");
    }

    #[test]
    fn a_wrong_header_names_the_column() {
        let error = read(b"domain,grid_id,click_x\n").unwrap_err().to_string();
        assert!(error.contains("no column `click_y` in the header (domain, grid_id, click_x)"), "{error}");
        let error = read(format!("clicks,{HEADER}").as_bytes()).unwrap_err().to_string();
        assert!(error.contains("column `clicks` stands twice"), "{error}");
        assert!(read(b"").unwrap_err().to_string().contains("no column `domain`"));
        let error = ClickTable::read_csv(Path::new("/no/such/file.csv")).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/file.csv: "), "{error}");
    }

    #[test]
    fn banners_are_grouped_by_key_and_size() {
        let text = format!("{HEADER}b,g,1,1,250,300,1\na,g,6,1,250,300,2\nb,g,9,1,600,300,3\nb,g,299,249,250,300,4\n");
        let banners = read(text.as_bytes()).unwrap().banners();
        let shape = |b: &BannerClicks| (b.banner.domain.clone(), b.display.height_px, b.clicks.len());
        assert_eq!(
            banners.iter().map(shape).collect::<Vec<_>>(),
            [("a".to_owned(), 250, 1), ("b".to_owned(), 250, 2), ("b".to_owned(), 600, 1),]
        );
        let binned = banners[1].heatmap(5.0).unwrap();
        assert_eq!((binned.heatmap.get(0, 0), binned.heatmap.get(49, 59)), (1.0, 4.0));
    }
}
