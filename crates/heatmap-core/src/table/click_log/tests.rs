//! Hostile and ordinary logs, one by one; `properties` has random ones.

mod common;
mod files;
mod memory;
mod properties;

use common::{HEADER, expect_drops, read, read_with, text};

use super::builder::scaled;
use super::*;
use crate::table::file::cell::MAX_WHOLE;
use crate::table::{ClickColumn, DropReason};
use ClickColumn::*;
use DropReason::*;

#[test]
fn clicks_are_grouped_by_key_and_size_in_order() {
    let log = text(
        "b,g2,1,1,250,300,1\n\
         b,g1,299,249,250,300,4\n\
         b,g1,9.5,1,600,300,3.0\n\
         a,g1,6,1,250,300,2\n\
         b,g1,299.9,249,250,300,1\n",
    )
    .unwrap();
    let keys: Vec<_> = log
        .keys()
        .map(|e| (e.banner.grid_id, e.display.height_px, e.banner.domain, e.clicks))
        .collect();
    let key = |grid: &str, height, domain: &str, clicks| {
        (grid.to_owned(), height, domain.to_owned(), clicks)
    };
    assert_eq!(
        keys,
        [
            key("g1", 250, "a", 2),
            key("g1", 250, "b", 5),
            key("g1", 600, "b", 3),
            key("g2", 250, "b", 1)
        ]
    );
    assert_eq!((log.len(), log.rows(), log.clicks()), (4, 5, 11));
    assert!(log.drops().is_empty() && !log.is_empty());
    // Twice, and two at a time.
    for _ in 0..2 {
        for (entry, banner) in log.keys().zip(log.banners()) {
            let banner = banner.unwrap();
            assert_eq!(
                (banner.banner, banner.display, banner.clicks),
                (entry.banner, entry.display, entry.clicks)
            );
            assert_eq!(banner.heatmap.grid(), Grid::covering(entry.display, 5.0).unwrap());
            assert_eq!(banner.heatmap.total(), entry.clicks as f64);
        }
    }
    let maps: Vec<_> = log
        .banners()
        .zip(log.banners())
        .map(|(a, b)| (a.unwrap().heatmap, b.unwrap().heatmap))
        .collect();
    assert!(maps.iter().all(|(a, b)| a == b));
    assert_eq!((maps[1].0.get(49, 59), maps[2].0.get(0, 1)), (5.0, 3.0));
}

#[test]
fn columns_come_in_any_order_with_a_byte_order_mark_and_crlf() {
    let log = read(
        b"\xef\xbb\xbf clicks \
          ,extra,click_y,click_x,\"grid_id\",domain,display_width,display_height\r\n\
          3,\"x\ny\",20.5,10,g1, a.com ,300,250\r\n\r\n",
    )
    .unwrap();
    let banner = log.banners().next().unwrap().unwrap();
    assert_eq!(banner.banner, BannerKey { domain: "a.com".into(), grid_id: "g1".into() });
    assert_eq!((log.rows(), banner.heatmap.get(4, 2)), (1, 3.0));
}

#[test]
fn large_banners_have_coarser_bins() {
    let grid_of = |bin_size_px, width_px, height_px| {
        let config = ClickLogConfig { bin_size_px, ..ClickLogConfig::default() };
        config.grid_of(BannerSize { width_px, height_px }).unwrap()
    };
    for (bin, width, height, expected) in [
        (5.0, 300, 250, 5.0),
        (5.0, 1920, 1080, 5.0),
        (5.0, 3840, 2160, 10.0),
        (5.0, 5000, 5000, 20.0),
        (1.0, 970, 250, 2.0),
    ] {
        let grid = grid_of(bin, width, height);
        assert_eq!(grid.bin_size_px, expected, "{width} x {height}");
        assert!(grid.len() <= ClickLogConfig::MAX_BINS);
    }
    // The largest that there can be, and bins as small as nothing.
    assert!(grid_of(5.0, u32::MAX, u32::MAX).len() <= ClickLogConfig::MAX_BINS);
    assert!(grid_of(1e-9, 300, 250).len() <= ClickLogConfig::MAX_BINS);
    let log = text("a,g,3839,2159,2160,3840,7\na,g,0,0,2160,3840,1\n").unwrap();
    let banner = log.banners().next().unwrap().unwrap();
    assert_eq!((banner.heatmap.get(215, 383), banner.heatmap.get(0, 0)), (7.0, 1.0));
}

#[test]
fn keys_are_one_with_and_without_a_point() {
    // Half of the log went through pandas while the column had a gap.
    let log =
        text("1000,7.0,1,1,250,300,1\n1000.0,7,9,1,250.0,300.0,2.0\n1000.5,7,1,1,250,300,1\n")
            .unwrap();
    let keys: Vec<_> =
        log.keys().map(|entry| (entry.banner.domain, entry.banner.grid_id, entry.clicks)).collect();
    let key = |domain: &str, clicks| (domain.to_owned(), "7".to_owned(), clicks);
    assert_eq!(keys, [key("1000", 3), key("1000.5", 1)]);
}

#[cfg(unix)]
#[test]
fn a_log_may_come_through_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Lines that end in CR alone are only seen in more than the first bytes.
    let rows = format!("{HEADER}{}", "a,g,1,1,250,300,1\n".repeat(40_000)).replace('\n', "\r");
    let log = std::thread::scope(|scope| {
        scope.spawn(|| std::fs::write(&pipe, rows).unwrap());
        ClickLogConfig::default()
            .read(std::slice::from_ref(&pipe), &mut |_| ControlFlow::Continue(()))
            .unwrap()
    });
    assert_eq!((log.rows(), log.clicks(), log.len()), (40_000, 40_000, 1));
}

#[test]
fn every_bad_row_is_dropped_with_its_reason_and_its_clicks() {
    let good = "a,g,1,2,250,300,5";
    for (row, reason, clicks) in [
        ("a,g,1,2,250,300", UnequalLengths, 0),
        ("a,g,1,2,250,300,1,1", UnequalLengths, 0),
        (",g,1,2,250,300,7", MissingKey, 7),
        ("a, ,x,2,250,300,7", MissingKey, 7),
        ("a,g,,2,250,300,7", MissingValue(ClickX), 7),
        ("a,g,1,NaN,250,300,7", MissingValue(ClickY), 7),
        ("a,g,1,2,null,300,7", MissingValue(DisplayHeight), 7),
        ("a,g,1,2,250,,7", MissingValue(DisplayWidth), 7),
        ("a,g,1,2,250,300,", MissingValue(Clicks), 0),
        ("a,g,x,2,250,300,7", BadNumber(ClickX), 7),
        ("a,g,1,inf,250,300,7", BadNumber(ClickY), 7),
        ("a,g,1,2,0,300,7", BadNumber(DisplayHeight), 7),
        ("a,g,1,2,250,-300,7", BadNumber(DisplayWidth), 7),
        ("a,g,1,2,250,300.5,7", BadNumber(DisplayWidth), 7),
        ("a,g,1,2,250,300,-7", BadNumber(Clicks), 0),
        ("a,g,1,2,250,300,1.5", BadNumber(Clicks), 0),
        ("a,g,1,2,250,300,1e16", CountTooLarge, 0),
        ("a,g,1,2,4294967296,300,7", SizeTooLarge, 7),
        ("a,g,1,2,1e30,300,7", SizeTooLarge, 7),
        ("a,g,-0.1,2,250,300,7", OutsideBanner, 7),
        ("a,g,1,250.1,250,300,7", OutsideBanner, 7),
        ("a,g,1,2,250,300,0", ZeroClicks, 0),
        ("a,\"g\n1\",1,2,250,300,0", ZeroClicks, 0),
    ] {
        let log = text(&format!("{good}\n{row}\n{good}\n")).unwrap();
        expect_drops(&log, &[(reason, 1, clicks)]);
        assert_eq!((log.rows(), log.clicks(), log.len()), (3, 10, 1), "{row}");
        let first = &log.drops().by_reason()[0].first;
        assert!(first.ends_with(".csv: line 3"), "{first}");
    }
    for row in [&b"\xff,g,1,2,250,300,7\n"[..], b"a,\xc3\x28,x,2,250,300,7\n"] {
        let log = read(&[HEADER.as_bytes(), good.as_bytes(), b"\n", row].concat()).unwrap();
        expect_drops(&log, &[(NotUtf8, 1, 7)]);
    }
}

#[test]
fn rows_swallowed_by_a_quotation_mark_are_counted_by_lines() {
    let good = "a,g,1,2,250,300,5\n";
    let log = text(&format!("{good}\"a,g,1,2,250,300,5\n{good}{good}b\",g,1,2,250,300,5\n{good}"))
        .unwrap();
    // As long as the header, but with rows in the name.
    expect_drops(&log, &[(UnclosedQuote, 4, 0)]);
    assert_eq!((log.rows(), log.clicks()), (6, 10));
    let log = text(&format!("{good}\"b\n,1\",g,1,2,250,300,5\n{good}")).unwrap();
    // A name over two lines is a name.
    assert_eq!((log.rows(), log.len(), log.drops().is_empty()), (3, 2, true));
    let log = text(&format!("{good}\"a,g,1,2,250,300,5\n{good}{good}\"{good}{good}")).unwrap();
    expect_drops(&log, &[(UnclosedQuote, 4, 0)]);
    assert_eq!((log.rows(), log.clicks()), (6, 10));
    let log = text(&format!("{good}a,g,1,2,250,300,\"5\n{good}{good}")).unwrap();
    expect_drops(&log, &[(UnclosedQuote, 3, 0)]);
}

#[test]
fn a_billion_clicks_in_a_cell_are_exact_and_too_many_are_dropped() {
    let log = text("a,g,1,2,250,300,1000000001\na,g,1,2,250,300,1000000002\nb,g,1,2,250,300,1\n")
        .unwrap();
    let banner = log.banners().next().unwrap().unwrap();
    assert_eq!(banner.clicks, 2_000_000_003);
    assert_eq!(banner.heatmap.get(0, 0), 2_000_000_003_u64 as f32);
    let many = format!("a,g,1,2,250,300,{MAX_WHOLE}\n");
    assert_eq!(text(&many).unwrap().clicks(), MAX_WHOLE);
    // The sum would leave the range in which an f64 is exact.
    let log = text(&format!("{many}b,g,1,2,250,300,1\na,g,9,9,250,300,1\n")).unwrap();
    expect_drops(&log, &[(CountTooLarge, 2, MAX_WHOLE + 1)]);
    assert_eq!((log.drops().by_reason()[0].banners, log.len()), (1, 1));
    // And this one would leave the range of a u64.
    let log = text(&format!("{}b,g,1,2,250,300,1\n", many.repeat(3_000))).unwrap();
    expect_drops(&log, &[(CountTooLarge, 3_000, u64::MAX)]);
    let rest = log.banners().map(|banner| banner.unwrap().clicks).collect::<Vec<_>>();
    assert_eq!(rest, [1]);
}

#[test]
fn banners_with_few_clicks_are_left_out_and_counted() {
    let rows = "a,g,1,2,250,300,4\na,g,1,2,250,300,5\nb,g,1,2,250,300,10\nb,g,1,2,600,300,9\n";
    let config = ClickLogConfig { min_clicks: 10, ..Default::default() };
    let log = read_with(&config, &[format!("{HEADER}{rows}").as_bytes()]).unwrap();
    expect_drops(&log, &[(TooFewClicks, 3, 18)]);
    assert_eq!(log.drops().by_reason()[0].banners, 2);
    assert_eq!(log.drops().by_reason()[0].first, "banner (a, g) with 9 clicks");
    assert_eq!((log.len(), log.rows(), log.banners().count()), (1, 4, 1));
    let config = ClickLogConfig { min_clicks: 11, ..Default::default() };
    let error =
        read_with(&config, &[format!("{HEADER}{rows}").as_bytes()]).unwrap_err().to_string();
    assert!(
        error.contains("none of 4 rows can be used; 4 of them: banner with too few clicks"),
        "{error}"
    );
}

#[test]
fn other_sizes_go_to_a_common_grid_on_request() {
    let rows = "a,g,150,300,600,300,1\na,g,300,600,600,300,2\na,g,0,0,600,300,4\n\
                a,g,5,35,250,300,8\na,g,300.5,1,600,300,16\n";
    let config = ClickLogConfig {
        common_size: Some(BannerSize { width_px: 300, height_px: 250 }),
        memory_rows: 1,
        ..Default::default()
    };
    let log = read_with(&config, &[format!("{HEADER}{rows}").as_bytes()]).unwrap();
    expect_drops(&log, &[(OutsideBanner, 1, 16)]);
    let banners: Vec<_> = log.banners().map(Result::unwrap).collect();
    assert_eq!(banners.iter().map(|b| b.display.height_px).collect::<Vec<_>>(), [250, 600]);
    assert!(banners.iter().all(|b| b.heatmap.grid() == Grid::MEDIUM_RECTANGLE));
    // Its own size: not moved.
    assert_eq!(banners[0].heatmap.get(7, 1), 8.0);
    let tall = &banners[1].heatmap;
    assert_eq!((tall.get(25, 30), tall.get(49, 59), tall.get(0, 0)), (1.0, 2.0, 4.0));
}

#[test]
fn a_click_on_the_far_edge_stays_on_the_grid_for_all_sizes() {
    for from in 1..700 {
        for to in [1, 3, 7, 250, 299, 300, 301, 600] {
            let at = scaled(f64::from(from), from, to);
            assert_eq!(at, f64::from(to), "{from} to {to}");
            assert!(scaled(f64::from(from) - 1e-13, from, to) <= at);
        }
    }
}
