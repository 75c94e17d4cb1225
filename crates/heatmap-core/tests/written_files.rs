//! One click log, written in all the ways in which spreadsheets and databases write tables, is one
//! and the same log.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use heatmap_core::table::{
    BannerHeatmap, ClickLog, ClickLogConfig, CoordinateUnit, LabelTable, MetricsTable, TableFormat,
};
use heatmap_core::{Result, sample_rng};
use rand::RngExt;

const HEADER: [&str; 7] =
    ["domain", "grid_id", "click_x", "click_y", "display_height", "display_width", "clicks"];

/// 300 rows with halves of px; some have thousands of clicks.
fn rows() -> Vec<[String; 7]> {
    let mut rng = sample_rng(28, 0);
    (0..300)
        .map(|row| {
            let mut half = |end: u32| f64::from(rng.random_range(0..2 * end)) / 2.0;
            let (x, y) = (half(300), half(250));
            let clicks = if row % 50 == 7 { 1_000 + row } else { 1 };
            let text = |at: f64| format!("{at:.1}");
            [
                format!("site{}.example", row % 5),
                "g".to_owned(),
                text(x),
                text(y),
                "250".to_owned(),
                "300".to_owned(),
                clicks.to_string(),
            ]
        })
        .collect()
}

/// A CSV file of these rows; values with the separator in them are quoted.
fn csv(header: [&str; 7], rows: &[[String; 7]], separator: char) -> String {
    let quoted = |value: &str| match value.contains(separator) {
        true => format!("\"{value}\""),
        false => value.to_owned(),
    };
    let line = |values: Vec<String>| values.join(&separator.to_string()) + "\n";
    let head = line(header.iter().map(|name| quoted(name)).collect());
    rows.iter().fold(head, |text, row| text + &line(row.iter().map(|v| quoted(v)).collect()))
}

fn mapped(
    rows: &[[String; 7]],
    columns: &[usize],
    map: impl Fn(&str) -> String,
) -> Vec<[String; 7]> {
    let mut rows = rows.to_vec();
    rows.iter_mut().for_each(|row| columns.iter().for_each(|&at| row[at] = map(&row[at])));
    rows
}

/// `1234` with a separator before the last three digits.
fn grouped(number: &str, separator: &str) -> String {
    match number.len() {
        0..=3 => number.to_owned(),
        length => format!("{}{separator}{}", &number[..length - 3], &number[length - 3..]),
    }
}

fn read(config: &ClickLogConfig, path: &Path) -> Result<ClickLog> {
    config.read(&[path.to_owned()], &mut |_| ControlFlow::Continue(()))
}

fn heatmaps(log: &ClickLog) -> Vec<BannerHeatmap> {
    log.banners().collect::<Result<_>>().expect("the heatmaps of a log")
}

fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

#[test]
fn all_ways_to_write_a_log_give_the_same_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows();
    let plain = csv(HEADER, &rows, ',');
    let decimal = |rows: &[[String; 7]]| mapped(rows, &[2, 3], |value| value.replace('.', ","));
    let groups =
        |separator: &'static str| mapped(&rows, &[6], move |clicks| grouped(clicks, separator));
    let german = csv(HEADER, &decimal(&groups(".")), ';');
    let titles =
        ["Domain", "Grid ID", "Click X", "clickY", "DISPLAY-HEIGHT", "Display.Width", " Clicks "];
    let words = ["Site", "Layout", "x", "y", "Height", "Width", "Count"];
    let utf16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("plain.csv", plain.clone().into(), ""),
        ("bom.csv", crlf(&format!("\u{feff}{plain}")).into(), ""),
        ("semicolon.csv", csv(HEADER, &rows, ';').into(), "separator `;`"),
        ("tab.tsv", csv(HEADER, &rows, '\t').into(), "separator tab"),
        ("pipe.txt", csv(HEADER, &rows, '|').into(), "separator `|`"),
        ("sep.csv", format!("sep=;\n{}", csv(HEADER, &rows, ';')).into(), "separator `;`"),
        (
            "german.csv",
            crlf(&format!("\u{feff}{german}")).into(),
            "separator `;`, decimal comma, `1.007` is 1007",
        ),
        ("quoted.csv", csv(HEADER, &decimal(&rows), ',').into(), "decimal comma"),
        ("groups.csv", csv(HEADER, &groups(","), ',').into(), "`1,007` is 1007"),
        ("spaces.csv", csv(HEADER, &groups("\u{202f}"), ',').into(), "`1\u{202f}007` is 1007"),
        ("titles.csv", csv(titles, &rows, ',').into(), ""),
        (
            "words.csv",
            csv(words, &rows, ',').into(),
            "column `Site` is domain, column `Layout` is grid_id, column `x` is click_x, column \
             `y` is click_y, column `Height` is display_height, column `Width` is display_width, \
             column `Count` is clicks",
        ),
        ("excel.txt", utf16(&crlf(&csv(HEADER, &rows, '\t'))), "UTF-16, separator tab"),
        (
            "german.csv.gz",
            gzip(&utf16(&german)),
            "gzip, UTF-16, separator `;`, decimal comma, `1.007` is 1007",
        ),
    ];
    let expected = read(&ClickLogConfig::default(), &written(folder.path(), "a.csv", &plain))
        .map(|log| heatmaps(&log))
        .expect("a log");
    for (name, bytes, assumed) in cases {
        let path = written(folder.path(), name, bytes);
        let log = read(&ClickLogConfig::default(), &path).unwrap_or_else(|error| panic!("{error}"));
        assert!(heatmaps(&log) == expected, "{name}");
        assert!(log.drops().is_empty() && log.warnings().is_empty(), "{name}");
        let said = log.assumptions();
        match assumed {
            "" => assert!(said.is_empty(), "{name}: {said:?}"),
            assumed => assert_eq!(said, [format!("{}: {assumed}", path.display())]),
        }
    }
}

#[test]
fn a_row_is_a_click_where_no_column_counts_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written(
        folder.path(),
        "single.csv",
        "site,layout,x,y,height,width,campaign\na,g,1,2,250,300,9\na,g,1,2,250,300,9\n",
    );
    let log = read(&ClickLogConfig::default(), &path).expect("a log");
    assert_eq!(log.clicks(), 2);
    assert!(log.assumptions()[0].ends_with("no column `clicks`, so each row is one click"));
}

#[test]
fn a_column_can_be_named_and_a_decimal_character_be_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "Where;grid_id;click_x;click_y;display_height;display_width;clicks\n\
                a;g;1,234;2,5;250;300;1\na;g;1.5;2,5;250;300;1\n";
    let path = written(folder.path(), "own.csv", text);
    let config = |format: TableFormat| ClickLogConfig { format, ..Default::default() };
    let error = read(&ClickLogConfig::default(), &path).expect_err("no domain").to_string();
    assert!(error.contains("no column `domain` in the header (Where, grid_id"), "{error}");
    let columns = [("domain".to_owned(), "where".to_owned())].into();
    let named = TableFormat { columns, ..Default::default() };
    let error = read(&config(named.clone()), &path).expect_err("a contradiction").to_string();
    assert!(
        error.contains("decimal comma (line 2: `2,5`) and a decimal point (line 3: `1.5`)"),
        "{error}"
    );
    let comma = TableFormat { decimal: Some(','), ..named };
    let log = read(&config(comma), &path).expect("a log");
    assert_eq!((log.clicks(), log.drops().rows()), (1, 1));
    assert!(
        log.warnings()[0].what.contains("50 % of the rows were dropped"),
        "{:?}",
        log.warnings()
    );
}

#[test]
fn wrong_units_are_seen_and_can_be_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows();
    let plain = read(
        &ClickLogConfig::default(),
        &written(folder.path(), "px.csv", csv(HEADER, &rows, ',')),
    )
    .map(|log| heatmaps(&log))
    .expect("a log");
    let scaled = |x: f64, y: f64| {
        let mut rows = rows.clone();
        for row in &mut rows {
            for (at, factor) in [(2, x), (3, y)] {
                row[at] = (row[at].parse::<f64>().expect("a number") * factor).to_string();
            }
        }
        rows
    };
    for (name, factors, unit, warned, advice) in [
        (
            "fractions.csv",
            (1.0 / 300.0, 1.0 / 250.0),
            CoordinateUnit::Fraction,
            "have click_x and click_y from 0 to 1",
            "`--unit fraction`",
        ),
        (
            "retina.csv",
            (2.0, 2.0),
            CoordinateUnit::DevicePx(2.0),
            "% of the rows were dropped",
            "`--unit device-px=2`",
        ),
        ("percent.csv", (100.0 / 300.0, 100.0 / 250.0), CoordinateUnit::Percent, "", ""),
    ] {
        let rows = scaled(factors.0, factors.1);
        let path = written(folder.path(), name, csv(HEADER, &rows, ','));
        let warnings = read(&ClickLogConfig::default(), &path).expect("a log").warnings();
        match warned {
            "" => assert!(warnings.is_empty(), "{warnings:?}"),
            _ => assert!(
                warnings[0].what.contains(warned) && warnings[0].advice.contains(advice),
                "{warnings:?}"
            ),
        }
        let log = read(&ClickLogConfig { unit, ..Default::default() }, &path).expect("a log");
        assert!(log.warnings().is_empty());
        // Fractions are rounded, which may move a click from the edge of a bin into the next one.
        let (mut moved, mut all) = (0.0, 0.0);
        for (ours, theirs) in heatmaps(&log).iter().zip(&plain) {
            for (a, b) in ours.heatmap.values().iter().zip(theirs.heatmap.values()) {
                moved += (a - b).abs();
                all += b;
            }
        }
        assert!(moved <= 0.02 * all, "{name}: {moved} of {all}");
    }
}

#[test]
fn metrics_and_labels_come_in_the_same_notations() {
    let folder = tempfile::tempdir().expect("a folder");
    let metrics = written(
        folder.path(),
        "metrics.csv",
        "Site;Layout;Impressions;Landing Rate;note\na;g;1.250.000;93,5 %;x\nb;g;950;0,5;y\n",
    );
    let table = MetricsTable::read(std::slice::from_ref(&metrics)).expect("metrics");
    assert_eq!(table.names(), ["displays", "landing_rate"]);
    assert_eq!(table.texts(), ["note"]);
    let banner = |domain: &str| heatmap_core::table::BannerKey {
        domain: domain.to_owned(),
        grid_id: "g".to_owned(),
    };
    assert_eq!(table.get(&banner("a")), Some(&[Some(1_250_000.0), Some(0.935)][..]));
    assert_eq!(table.get(&banner("b")), Some(&[Some(950.0), Some(0.5)][..]));
    let labels =
        written(folder.path(), "labels.tsv", "DOMAIN\tGRID\tVerdict\na\tg\tBroken\nb\tg\tOK\n");
    let labels = LabelTable::read(&[labels]).expect("labels");
    assert_eq!(labels.in_all_sizes(&banner("a")), Some(true));
    assert_eq!(labels.in_all_sizes(&banner("b")), Some(false));
}

#[test]
fn metrics_that_tell_nothing_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..12).map(|at| format!("site{at},g,0.93,good,{}\n", at * at)).collect();
    let path = written(
        folder.path(),
        "metrics.csv",
        format!("domain,grid_id,landing_rate,closing_rate,displays\n{rows}"),
    );
    let said: Vec<String> = MetricsTable::read(&[path])
        .expect("metrics")
        .warnings()
        .iter()
        .map(|w| w.what.clone())
        .collect();
    assert_eq!(
        said,
        [
            "Metrics: column `closing_rate` has no number and is ignored.",
            "Metrics: `landing_rate` is 0.93 for all banners, which tells nothing."
        ]
    );
}
