//! Files that are no tables, several files, progress, and logs that are no files.

use super::common::{HEADER, read, text};

use super::super::*;
use crate::table::DropReason;
use DropReason::*;

#[test]
fn files_that_are_no_table_are_errors_that_name_them() {
    let says = |text: &[u8], message: &str| {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains("0.csv") && error.contains(message), "{error}");
    };
    says(b"", "the file is empty");
    says(b"\n\n", "no column `domain`");
    says(
        b"domain,grid_id,click_x\n",
        "no column `click_y` in the header (domain, grid_id, click_x)",
    );
    says(format!("clicks,{HEADER}").as_bytes(), "column `clicks` stands twice");
    says(HEADER.replace(',', "/").as_bytes(), "no column `domain` in the header (domain/grid_id");
    says(&[0; 4_000_000], "no CSV file");
    let error = read(HEADER.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("no row to read"), "{error}");
    let error = text("a,g,1,2,250,300,0\na,g,-1,2,250,300,1\na,g,-1,2,250,300,1\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of 3 rows can be used; 2 of them: beside the banner (first: "),
        "{error}"
    );
    assert!(error.contains("0.csv: line 3"), "{error}");
    let nowhere = ClickLogConfig::default()
        .read(&["/no/such/file".into()], &mut |_| ControlFlow::Continue(()));
    assert!(nowhere.unwrap_err().to_string().contains("/no/such/file"));
}

#[test]
fn files_and_folders_count_together_but_not_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("many")).unwrap();
    for name in ["one.csv", "many/1.csv", "many/2.csv"] {
        std::fs::write(path(name), format!("{HEADER}a,g,1,2,250,300,1\n")).unwrap();
    }
    let go = &mut |_| ControlFlow::Continue(());
    let log = ClickLogConfig::default().read(&[path("one.csv"), path("many")], go).unwrap();
    assert_eq!((log.rows(), log.clicks(), log.len()), (3, 3, 1));
    let error =
        ClickLogConfig::default().read(&[path("many"), path("many/2.csv")], go).unwrap_err();
    assert!(error.to_string().contains("named twice"));
}

#[test]
fn progress_rises_to_the_end_and_can_stop() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{HEADER}{}", "a,g,1,2,250,300,1\n".repeat(200_000)))
        .unwrap();
    let paths = [file.path().to_owned()];
    let mut seen = Vec::new();
    let mut watch = |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    };
    ClickLogConfig::default().read(&paths, &mut watch).unwrap();
    assert!(seen.len() > 3 && seen.is_sorted_by_key(|p| (p.rows, p.bytes_read)));
    let bytes = std::fs::metadata(file.path()).unwrap().len();
    assert_eq!(
        *seen.last().unwrap(),
        Progress { bytes_read: bytes, bytes_total: bytes, rows: 200_000 }
    );
    let mut calls = 0;
    let stop = ClickLogConfig::default().read(&paths, &mut |_| {
        calls += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(stop, Err(Error::Stopped)));
    assert_eq!(calls, 1);
}

#[test]
fn impossible_configurations_are_named() {
    for (config, field) in [
        (ClickLogConfig { bin_size_px: 0.0, ..Default::default() }, "bin_size_px"),
        (ClickLogConfig { bin_size_px: f64::NAN, ..Default::default() }, "bin_size_px"),
        (ClickLogConfig { memory_rows: 0, ..Default::default() }, "memory_rows"),
        (
            ClickLogConfig {
                common_size: Some(BannerSize { width_px: 0, height_px: 1 }),
                ..Default::default()
            },
            "width_px",
        ),
    ] {
        let error = config.read(&[], &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
    assert!(serde_json::from_str::<ClickLogConfig>(r#"{"min_click": 3}"#).is_err());
    let config: ClickLogConfig = serde_json::from_str(r#"{"min_clicks": 3}"#).unwrap();
    assert_eq!(config, ClickLogConfig { min_clicks: 3, ..Default::default() });
}

#[test]
fn a_log_from_heatmaps_gives_them_back() {
    let display = BannerSize { width_px: 300, height_px: 250 };
    let heatmap = |salt: usize| {
        let values = (0..3000).map(|bin| ((bin * salt) % 7) as f32).collect();
        Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap()
    };
    let key = |domain: usize| BannerKey { domain: format!("d{domain}"), grid_id: "g".to_owned() };
    for memory_rows in [7, 1 << 20] {
        let config = ClickLogConfig { memory_rows, ..Default::default() };
        let all = (0..5).rev().map(|domain| (key(domain), display, heatmap(domain)));
        let log = ClickLog::from_heatmaps(&config, all).unwrap();
        assert_eq!(log.len(), 4);
        // The empty one.
        assert_eq!((log.drops().rows(), log.drops().get(ZeroClicks).unwrap().banners), (0, 1));
        for (domain, banner) in (1..).zip(log.banners()) {
            let banner = banner.unwrap();
            assert_eq!((banner.banner, banner.heatmap), (key(domain), heatmap(domain)));
        }
    }
    let half = Heatmap::from_values(Grid::MEDIUM_RECTANGLE, vec![0.5; 3000]).unwrap();
    let other = Heatmap::zeros(Grid { rows: 5, columns: 5, bin_size_px: 5.0 });
    for (heatmap, message) in [(half, "0.5 is not a number of clicks"), (other, "but this log has")]
    {
        let error =
            ClickLog::from_heatmaps(&ClickLogConfig::default(), [(key(1), display, heatmap)]);
        assert!(error.unwrap_err().to_string().contains(message));
    }
}
