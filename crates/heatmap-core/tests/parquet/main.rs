//! Logs and metrics in Parquet, written by the Parquet library itself, and by pyarrow
//! (`tests/fixtures/tables.py`).
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "in tests and what they share")]

mod decimals;
mod metrics;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use std::ops::ControlFlow;

use ClickColumn::*;
use DropReason::*;
use heatmap_core::table::{BannerHeatmap, ClickColumn, ClickLog, ClickLogConfig, DropReason};
use heatmap_core::{Result, sample_rng};
use rand::RngExt;

const HEADER: &str = "domain,grid_id,click_x,click_y,display_height,display_width,clicks\n";

/// The log of a CSV file with these contents.
fn read(csv: &[u8]) -> Result<ClickLog> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0.csv"), csv).unwrap();
    read_path(folder.path())
}

/// Reasons, rows and clicks of everything that was left out.
fn expect_drops(log: &ClickLog, expected: &[(DropReason, u64, u64)]) {
    let found: Vec<_> =
        log.drops().by_reason().iter().map(|d| (d.reason, d.rows, d.clicks)).collect();
    assert_eq!(found, expected);
}

/// Values of a column; `None` is null, which only an optional column may have.
enum Values {
    Text(Vec<Option<&'static str>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
}

/// Writes row groups of columns under `schema`.
fn write(path: &Path, schema: &str, compression: Compression, groups: &[Vec<Values>]) {
    fn put<T: DataType>(
        writer: &mut parquet::file::writer::SerializedColumnWriter<'_>,
        values: impl Iterator<Item = Option<T::T>>,
    ) {
        let values: Vec<_> = values.collect();
        let levels: Vec<_> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let there: Vec<_> = values.into_iter().flatten().collect();
        writer.typed::<T>().write_batch(&there, Some(&levels), None).unwrap();
    }
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties))
            .unwrap();
    for group in groups {
        let mut writer = file.next_row_group().unwrap();
        for column in group {
            let mut next = writer.next_column().unwrap().unwrap();
            match column {
                Values::Text(v) => {
                    put::<ByteArrayType>(&mut next, v.iter().map(|v| v.map(ByteArray::from)))
                }
                Values::Int32(v) => put::<Int32Type>(&mut next, v.iter().copied()),
                Values::Int64(v) => put::<Int64Type>(&mut next, v.iter().copied()),
                Values::Double(v) => put::<DoubleType>(&mut next, v.iter().copied()),
            }
            next.close().unwrap();
        }
        writer.close().unwrap();
    }
    file.close().unwrap();
}

const SCHEMA: &str = "message clicks {
    optional int64 when (timestamp(millis,true));
    optional binary domain (utf8);
    required binary grid_id (utf8);
    optional double click_x;
    optional int32 click_y;
    optional int64 display_height;
    required int32 display_width (integer(16,false));
    optional double clicks;
}";

/// Rows of which every seventh lacks a domain, every fifth an x, and every eleventh lies beside the
/// banner.
fn columns(rows: std::ops::Range<i32>) -> Vec<Values> {
    let all = |rows: &std::ops::Range<i32>| rows.clone();
    vec![
        Values::Int64(all(&rows).map(|n| Some(n.into())).collect()),
        Values::Text(
            all(&rows)
                .map(|n| (n % 7 != 0).then_some(if n % 2 == 0 { "a" } else { "b" }))
                .collect(),
        ),
        Values::Text(all(&rows).map(|_| Some("g")).collect()),
        Values::Double(
            all(&rows).map(|n| (n % 5 != 0).then_some(f64::from(n % 300) + 0.25)).collect(),
        ),
        Values::Int32(all(&rows).map(|n| Some(if n % 11 == 0 { -1 } else { n % 250 })).collect()),
        Values::Int64(all(&rows).map(|_| Some(250)).collect()),
        Values::Int32(all(&rows).map(|_| Some(300)).collect()),
        Values::Double(all(&rows).map(|n| Some(f64::from(n % 3 + 1))).collect()),
    ]
}

/// The same rows as CSV.
fn csv(rows: std::ops::Range<i32>) -> String {
    let mut text = HEADER.to_owned();
    for n in rows {
        let domain = if n % 7 == 0 {
            ""
        } else if n % 2 == 0 {
            "a"
        } else {
            "b"
        };
        let x = if n % 5 == 0 { String::new() } else { format!("{}.25", n % 300) };
        let y = if n % 11 == 0 { -1 } else { n % 250 };
        text += &format!("{domain},g,{x},{y},250,300,{}\n", n % 3 + 1);
    }
    text
}

fn read_path(path: &Path) -> Result<ClickLog> {
    ClickLogConfig::default().read(&[path.to_owned()], &mut |_| ControlFlow::Continue(()))
}

fn heatmaps(log: &ClickLog) -> Vec<BannerHeatmap> {
    log.banners().map(Result::unwrap).collect()
}

#[test]
fn parquet_and_csv_of_the_same_rows_are_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.parquet");
    let expected = read(csv(0..20_000).as_bytes()).unwrap();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        // Row groups of several batches, of one, and of none.
        write(
            &path,
            SCHEMA,
            compression,
            &[columns(0..17_000), columns(0..0), columns(17_000..20_000)],
        );
        let log = read_path(&path).unwrap();
        assert_eq!(heatmaps(&log), heatmaps(&expected));
        let counts = |log: &ClickLog| {
            log.drops().by_reason().iter().map(|d| (d.reason, d.rows, d.clicks)).collect::<Vec<_>>()
        };
        assert_eq!(counts(&log), counts(&expected));
        assert_eq!(
            (
                log.rows(),
                log.drops().get(OutsideBanner).unwrap().first.ends_with("clicks.parquet: row 12")
            ),
            (20_000, true)
        );
    }
    // Together with CSV, in a folder.
    std::fs::write(folder.path().join("more.csv"), csv(0..20_000)).unwrap();
    let both = read_path(folder.path()).unwrap();
    assert_eq!((both.rows(), both.clicks()), (40_000, 2 * expected.clicks()));
}

#[test]
fn a_file_cut_short_or_damaged_is_an_error_or_a_table_but_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.parquet");
    write(&path, SCHEMA, Compression::SNAPPY, &[columns(0..3_000)]);
    let bytes = std::fs::read(&path).unwrap();
    for length in (1..bytes.len()).step_by(bytes.len() / 97).chain(bytes.len() - 20..bytes.len()) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = read_path(&path).unwrap_err().to_string();
        assert!(error.contains("clicks.parquet: no complete Parquet file"), "{error}");
    }
    std::fs::write(&path, b"").unwrap();
    assert!(read_path(&path).unwrap_err().to_string().contains("the file is empty"));
    // Bytes that were changed, in pages and in the footer: there is no checksum, but the number of
    // rows stays what it is.
    for index in 0..400 {
        let mut rng = sample_rng(11, index);
        let mut damaged = bytes.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = if rng.random() {
                rng.random_range(0..bytes.len())
            } else {
                bytes.len() - rng.random_range(9..900)
            };
            damaged[at] = rng.random();
        }
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(log) = read_path(&path) {
            let kept: u64 = heatmaps(&log).iter().map(|banner| banner.clicks).sum();
            assert_eq!((log.rows(), kept), (3_000, log.clicks()), "{index}");
        }
    }
}

/// The decoder would make room for 2 billion values, and end the program.
#[test]
fn a_page_that_says_it_holds_more_than_its_bytes_can_is_an_error() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let error = read_path(&fixtures.join("clicks_huge_dictionary.parquet")).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("clicks_huge_dictionary.parquet: no complete Parquet file"), "{error}");
    assert!(error.contains("a page of ") && error.contains(" values"), "{error}");
}

#[test]
fn columns_of_another_type_are_errors_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.parquet");
    for (from, to, message) in [
        (
            "optional double clicks;",
            "optional int32 clicks (date);",
            "column `clicks` cannot be of type",
        ),
        (
            "optional double clicks;",
            "optional int64 clicks (timestamp(millis,true));",
            "column `clicks` cannot be of type",
        ),
        (
            "optional double clicks;",
            "optional group clicks { optional double sum; optional double mean; }",
            "column `clicks` cannot be of type",
        ),
        ("optional double clicks;", "repeated double clicks;", "column `clicks` cannot be of type"),
        (
            "required binary grid_id (utf8);",
            "optional boolean grid_id;",
            "column `grid_id` cannot be of type",
        ),
        ("optional int32 click_y;", "optional int32 click_x;", "column `click_x` stands twice"),
    ] {
        write(&path, &SCHEMA.replace(from, to), Compression::UNCOMPRESSED, &[]);
        let error = read_path(&path).unwrap_err().to_string();
        assert!(error.contains("clicks.parquet") && error.contains(message), "{error}");
    }
    // Whole numbers may be names, and text may be numbers.
    let schema = SCHEMA.replace("required binary grid_id (utf8);", "required int32 grid_id;");
    let schema = schema.replace("optional int32 click_y;", "optional binary click_y (utf8);");
    let mut group = columns(1..4);
    group[2] = Values::Int32(vec![Some(12); 3]);
    group[4] = Values::Text(vec![Some("7"), Some("x"), None]);
    write(&path, &schema, Compression::UNCOMPRESSED, &[group]);
    let log = read_path(&path).unwrap();
    expect_drops(&log, &[(MissingValue(ClickY), 1, 1), (BadNumber(ClickY), 1, 3)]);
    assert_eq!(log.keys().next().unwrap().banner.grid_id, "12");
}

#[test]
fn what_pyarrow_writes_is_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables");
    let log = read_path(&fixtures.join("clicks_snappy.parquet")).unwrap();
    // The numbers are those that the script prints, of a grouping by pandas.
    let entries: Vec<_> = log
        .keys()
        .map(|e| (e.banner.domain, e.banner.grid_id, e.display.height_px, e.clicks))
        .collect();
    let entry = |domain: &str, grid_id: &str, height, clicks| {
        (domain.to_owned(), grid_id.to_owned(), height, clicks)
    };
    assert_eq!(
        entries,
        PYARROW_ENTRIES
            .map(|(domain, grid_id, height, clicks)| entry(domain, grid_id, height, clicks))
    );
    expect_drops(&log, &[(MissingKey, 13, 117), (MissingValue(ClickX), 26, 235)]);
    let zstd = read_path(&fixtures.join("clicks_zstd.parquet"));
    if cfg!(feature = "parquet-zstd") {
        assert_eq!(heatmaps(&zstd.unwrap()), heatmaps(&log));
    } else {
        let error = zstd.unwrap_err().to_string();
        assert!(
            error.contains(
                "clicks_zstd.parquet: compressed with zstd; build with `--features parquet-zstd`"
            ),
            "{error}"
        );
    }
}

const PYARROW_ENTRIES: [(&str, &str, u32, u64); 12] = [
    ("site0.com", "100", 250, 242),
    ("site1.com", "100", 250, 218),
    ("site2.com", "100", 250, 230),
    ("site0.com", "100", 600, 69),
    ("site1.com", "100", 600, 91),
    ("site2.com", "100", 600, 73),
    ("site0.com", "101", 250, 273),
    ("site1.com", "101", 250, 285),
    ("site2.com", "101", 250, 250),
    ("site0.com", "101", 600, 85),
    ("site1.com", "101", 600, 62),
    ("site2.com", "101", 600, 80),
];
