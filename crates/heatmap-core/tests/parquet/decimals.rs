//! Decimals, as warehouses write whole numbers.

use heatmap_core::table::{LabelTable, MetricsTable};

use super::*;

#[test]
fn decimals_are_numbers_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.parquet");
    let schema = SCHEMA
        .replace("required binary grid_id (utf8);", "required double grid_id;")
        .replace("optional binary domain (utf8);", "optional int64 domain (decimal(18,0));")
        .replace("optional int32 click_y;", "optional int32 click_y (decimal(9,2));")
        .replace("optional double clicks;", "optional int32 clicks (decimal(5,1));");
    let mut group = columns(1..5);
    group[1] = Values::Int64(vec![Some(1_000), Some(-7), None, Some(1_000)]);
    group[2] = Values::Double(vec![Some(12.0), Some(12.0), Some(12.0), Some(0.5)]);
    group[4] = Values::Int32(vec![Some(1_999), Some(-1), Some(100), None]);
    // 2.0 clicks, and 2.5, of which there are none.
    group[7] = Values::Int32(vec![Some(20), Some(20), Some(20), Some(25)]);
    write(&path, &schema, Compression::UNCOMPRESSED, &[group]);
    let log = read_path(&path).unwrap();
    expect_drops(&log, &[(MissingKey, 1, 2), (MissingValue(ClickY), 1, 0), (OutsideBanner, 1, 2)]);
    let banner = heatmaps(&log).remove(0);
    assert_eq!(
        (banner.banner.domain.as_str(), banner.banner.grid_id.as_str(), banner.clicks),
        ("1000", "12", 2)
    );
    // 19.99 px from the top.
    assert_eq!(banner.heatmap.values()[3 * 60..4 * 60].iter().sum::<f32>(), 2.0);
}

#[test]
fn what_a_warehouse_unloads_is_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables");
    let log = read_path(&fixtures.join("clicks_decimal.parquet")).unwrap();
    assert_eq!((log.rows(), log.clicks(), log.len(), log.drops().rows()), (200, 200, 1, 0));
    // Sums by pyarrow.
    let metrics = MetricsTable::read(&[fixtures.join("metrics_decimal.parquet")]).unwrap();
    let sum = |name: &str| {
        let column = metrics.names().iter().position(|known| known == name).unwrap();
        let values: Vec<f64> =
            metrics.keys().filter_map(|banner| metrics.get(banner).unwrap()[column]).collect();
        (values.len(), values.iter().sum::<f64>())
    };
    assert_eq!((sum("displays"), sum("clicks")), ((120, 11_869_604.0), (120, 52_934.0)));
    assert_eq!(sum("landed_clicks"), (107, 38_535.0));
    assert!(
        metrics.names().iter().any(|name| name == "landing_rate")
            && metrics.bad_values().is_empty()
    );
    let labels = LabelTable::read(&[fixtures.join("labels_null.parquet")]).unwrap();
    assert_eq!((labels.len(), labels.unlabelled_rows()), (0, 20));
}
