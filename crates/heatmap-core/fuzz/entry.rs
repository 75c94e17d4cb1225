//! What must hold when any bytes are read as a table: no panic, and no row that is neither kept nor
//! counted as left out.
//!
//! Used by the fuzz targets and by `tests/fuzz_entries.rs`.

use std::ops::ControlFlow;

use heatmap_core::table::{
    BannerHeatmap, ClickLog, ClickLogConfig, ClusterTable, LabelTable, MetricsTable,
};

/// Reads `bytes` as a click log, with and without temporary files.
pub fn click_log(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("input");
    std::fs::write(&path, bytes).expect("a temporary file");
    let read = |memory_rows| {
        let config = ClickLogConfig { memory_rows, min_clicks: 2, ..ClickLogConfig::default() };
        config.read(std::slice::from_ref(&path), &mut |_| ControlFlow::Continue(()))
    };
    match (read(1 << 20), read(2)) {
        (Ok(one), Ok(other)) => {
            check_log(&one);
            assert_eq!((one.rows(), one.drops()), (other.rows(), other.drops()));
            assert!(one.keys().eq(other.keys()));
            assert!(heatmaps(&one).eq(heatmaps(&other)));
        }
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("{one:?} in memory, {other:?} from files"),
    }
}

/// The first heatmaps; each may have a million bins.
fn heatmaps(log: &ClickLog) -> impl Iterator<Item = BannerHeatmap> + '_ {
    log.banners().take(20).map(|banner| banner.expect("a temporary file that can be read"))
}

fn check_log(log: &ClickLog) {
    assert!(!log.is_empty() && log.rows() > log.drops().rows());
    for (entry, banner) in log.keys().zip(heatmaps(log)) {
        assert_eq!(
            (&banner.banner, banner.display, banner.clicks),
            (&entry.banner, entry.display, entry.clicks)
        );
        assert!(
            banner.clicks >= 2
                && !entry.banner.domain.is_empty()
                && !entry.banner.grid_id.is_empty()
        );
        // A value has 24 bits, and so an error of up to 2^-24 of it.
        let (total, clicks) = (banner.heatmap.total(), banner.clicks as f64);
        assert!((total - clicks).abs() <= clicks * 2.0_f64.powi(-24), "{total} of {clicks}");
    }
}

/// Reads `bytes` as a metrics table, as a label table and as a table of clusters.
pub fn metrics_table(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = [folder.path().join("input")];
    std::fs::write(&path[0], bytes).expect("a temporary file");
    if let Ok(table) = MetricsTable::read(&path) {
        assert_eq!(table.rows_read(), table.len() as u64 + table.drops().rows());
        for banner in table.keys() {
            let values = table.get(banner).expect("a banner of the table");
            assert_eq!(values.len(), table.names().len());
            assert!(values.iter().flatten().all(|value| value.is_finite()));
        }
    }
    if let Ok(labels) = LabelTable::read(&path) {
        assert!(labels.broken() <= labels.len());
        assert!(labels.iter().all(|(banner, display, broken)| {
            display.is_none_or(|display| labels.get(banner, display) == Some(broken))
        }));
    }
    if let Ok(clusters) = ClusterTable::read(&path) {
        assert!(clusters.iter().all(|(_, _, known)| {
            known.centres.as_ref().is_none_or(|centres| {
                let is_place = |at: f64| at.is_finite() && at >= 0.0;
                centres.len() == known.count
                    && centres.iter().all(|centre| is_place(centre.x) && is_place(centre.y))
            })
        }));
    }
}
