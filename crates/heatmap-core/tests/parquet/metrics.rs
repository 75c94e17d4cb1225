//! Metrics in Parquet.

use heatmap_core::table::{BannerKey, DropReason, LabelTable, MetricsTable};

#[test]
fn what_pandas_writes_as_parquet_is_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tables/metrics.parquet");
    let table = MetricsTable::read(std::slice::from_ref(&path)).unwrap();
    // Times, text and lists are no metrics.
    let names = [
        "displays",
        "clicks",
        "landed_clicks",
        "avg_last_second_framerate",
        "landing_rate",
        "click_through",
    ];
    assert_eq!(table.names(), names);
    assert_eq!((table.len(), table.rows_read()), (4, 6));
    let counts: Vec<_> =
        table.drops().by_reason().iter().map(|dropped| (dropped.reason, dropped.rows)).collect();
    assert_eq!(counts, [(DropReason::MissingKey, 1), (DropReason::DuplicateKey, 1)]);
    let banner = |domain: &str| BannerKey { domain: domain.to_owned(), grid_id: "7".to_owned() };
    let get = |domain| table.get(&banner(domain)).unwrap();
    assert_eq!(get("a"), [Some(1000.0), Some(10.0), Some(4.0), Some(59.5), Some(0.4), Some(0.01)]);
    assert_eq!(get("b"), [Some(500.0), None, Some(3.0), None, None, None]);
    assert_eq!(get("c"), [None, Some(0.0), Some(1.0), Some(30.0), None, None]);
    let labels = ["a", "b", "c", "d"].map(|domain| table.label(&banner(domain)));
    assert_eq!(labels, [Some(true), Some(false), None, Some(false)]);
    // A table of labels must have a key in every row, so this file is an error as one.
    let error = LabelTable::read(&[path]).unwrap_err().to_string();
    assert!(error.contains("metrics.parquet: row 4: no domain or no grid_id"), "{error}");
}
