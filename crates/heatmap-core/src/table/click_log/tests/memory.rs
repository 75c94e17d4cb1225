use super::*;
use crate::Click;

fn key(domain: &str) -> BannerKey {
    BannerKey { domain: domain.to_owned(), grid_id: "g".to_owned() }
}

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

fn banners(log: &ClickLog) -> Vec<BannerHeatmap> {
    Vec::try_from(log).unwrap()
}

#[test]
fn clicks_in_memory_are_those_of_a_file() {
    let rows = "a,g,12.5,80,250,300,1\na,g,300,250,250,300,3\nb,g,1,2,90,728,2\n\
                a,g,301,1,250,300,5\na,,1,1,250,300,1\na,g,1,1,250,300,0\na,g,1,1,0,300,7\n\
                a,g,inf,1,250,300,4\n";
    let file = text(rows).unwrap();
    let wide = BannerSize { width_px: 728, height_px: 90 };
    let flat = BannerSize { height_px: 0, ..SIZE };
    let click = |x_px: f64, y_px: f64, count: u64| Click { x_px, y_px, count };
    let nameless = BannerKey { grid_id: String::new(), ..key("a") };
    let clicks = [
        (key("a"), SIZE, click(12.5, 80.0, 1)),
        (key("a"), SIZE, click(300.0, 250.0, 3)),
        (key("b"), wide, click(1.0, 2.0, 2)),
        (key("a"), SIZE, click(301.0, 1.0, 5)),
        (nameless, SIZE, click(1.0, 1.0, 1)),
        (key("a"), SIZE, click(1.0, 1.0, 0)),
        (key("a"), flat, click(1.0, 1.0, 7)),
        (key("a"), SIZE, click(f64::INFINITY, 1.0, 4)),
    ];
    // Clicks are in px, whatever a file would count.
    for unit in [CoordinateUnit::Px, CoordinateUnit::Percent] {
        let config = ClickLogConfig { unit, ..ClickLogConfig::default() };
        let log = ClickLog::from_clicks(&config, clicks.clone()).unwrap();
        assert_eq!(banners(&log), banners(&file));
        assert_eq!((log.rows(), log.clicks()), (8, 6));
        let dropped: Vec<_> =
            file.drops().by_reason().iter().map(|d| (d.reason, d.rows, d.clicks)).collect();
        expect_drops(&log, &dropped);
        assert_eq!(dropped.len(), 5, "{dropped:?}");
        assert_eq!(log.drops().get(OutsideBanner).unwrap().first, "click number 3");
    }
    let error = ClickLog::from_clicks(&ClickLogConfig::default(), clicks[3..].to_vec());
    assert!(error.unwrap_err().to_string().starts_with("none of 5 rows can be used"));
}

#[test]
fn a_log_and_its_banners_are_the_same() {
    let log = text("a,g,12.5,80,250,300,1\nb,h,1,2,90,728,2\na,g,9,9,250,300,16777215\n").unwrap();
    let all = banners(&log);
    let entries: Vec<BannerEntry> = all.iter().map(BannerEntry::from).collect();
    assert_eq!(entries, log.keys().collect::<Vec<_>>());
    let again = ClickLog::try_from(all.clone()).unwrap();
    assert_eq!(banners(&again), all);

    let says = |banners: Vec<BannerHeatmap>, message: &str| {
        let error = ClickLog::try_from(banners).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    says(Vec::new(), "no banner at all");
    says([&all[..], &all[..1]].concat(), "3 heatmaps are 2 banners");
    let with = |change: fn(&mut BannerHeatmap)| {
        let mut changed = all.clone();
        change(&mut changed[0]);
        changed
    };
    says(with(|banner| banner.clicks += 1), "not the ");
    says(with(|banner| banner.banner.domain.clear()), "2 heatmaps are 1 banners");
    says(with(|banner| banner.display.width_px = 600), "but this log has");
    // An f32 has the one number of clicks, but not all below it; the other it rounds.
    let many = |clicks: u32| text(&format!("a,g,9,9,250,300,{clicks}\n")).unwrap();
    for (clicks, message) in [
        (16_777_218, "a bin has more than 16,777,216 clicks"),
        (16_777_217, "16777216 clicks, not the 16777217 of the banner"),
    ] {
        let error = Vec::<BannerHeatmap>::try_from(&many(clicks)).unwrap_err().to_string();
        assert!(error.contains(&format!("(a, g): {message}")), "{error}");
    }
    assert_eq!(banners(&many(16_777_216))[0].clicks, 16_777_216);
}
