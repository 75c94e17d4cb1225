use std::path::Path;

use super::*;
use crate::{BannerSize, Error, Grid, Heatmap};

const HOSTILE: &str =
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{data}}<!--";

/// A banner without pictures.
pub(super) fn banner(rank: usize, score: f64, flagged: bool) -> ReportBanner {
    ReportBanner {
        rank,
        domain: format!("site{rank}.example"),
        grid_id: "grid".to_owned(),
        display: BannerSize { width_px: 300, height_px: 250 },
        clicks: 1_234,
        score,
        flagged,
        change: None,
        label: None,
        reason: "Clicks lie where the anchor has none.".to_owned(),
        parts: Vec::new(),
        pictures: None,
    }
}

fn heatmap() -> Heatmap {
    let mut values = vec![0.0; Grid::MEDIUM_RECTANGLE.len()];
    (values[7], values[2_999]) = (3.0, 400.0);
    Heatmap::from_values(Grid::MEDIUM_RECTANGLE, values).unwrap()
}

fn pictured(rank: usize, score: f64) -> ReportBanner {
    let drivers =
        heatmap().values().iter().map(|&v| if v > 100.0 { 0.5 } else { -0.1 * v }).collect();
    let pictures =
        Some(BannerPictures { heatmap: heatmap(), drivers, network: None, anchor: Some(0) });
    ReportBanner { pictures, ..banner(rank, score, true) }
}

fn anchor() -> ReportAnchor {
    ReportAnchor {
        grid_id: "grid".to_owned(),
        title: "anchor".to_owned(),
        display: BannerSize { width_px: 300, height_px: 250 },
        description: "the mean of 12 banners with a landing rate above 80 %".to_owned(),
        banners: 12,
        clicks: 403.0,
        heatmap: heatmap(),
    }
}

fn written(report: &Report) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    report.write_html(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

/// The page without its own style and script, where anything that data put there would show.
fn body(html: &str) -> &str {
    let from = html.find("<body>").unwrap();
    &html[from..html.rfind("<script>").unwrap()]
}

fn data(html: &str) -> serde_json::Value {
    let (_, data) = html.split_once("id=\"data\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn an_empty_report_is_a_page() {
    let html = written(&Report::default());
    for said in [
        "No banner is flagged.",
        "No banner was scored.",
        "No anchor was used.",
        "Every row of the input was used.",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("{{") && html.ends_with("</html>\n"));
    assert_eq!(data(&html)["banners"], serde_json::json!({}));
}

#[test]
fn there_is_a_row_for_each_banner_and_a_card_for_each_flagged_one() {
    let mut banners =
        vec![pictured(1, 3.0), ReportBanner { label: Some(false), ..pictured(2, 2.0) }];
    banners.extend((3..=200).map(|rank| banner(rank, 1.0 / rank as f64, false)));
    let html = written(&Report {
        banners,
        anchors: vec![anchor()],
        threshold: Some(1.5),
        ..Report::default()
    });
    assert_eq!(body(&html).matches("<tr data-banner=").count(), 200);
    assert_eq!(body(&html).matches("<article class=\"card\"").count(), 2);
    assert_eq!(
        body(&html).matches("labelled good").count(),
        2,
        "the card, and the row for the dialog"
    );
    let data = data(&html);
    assert_eq!(data["banners"].as_object().unwrap().keys().collect::<Vec<_>>(), ["0", "1"]);
    assert_eq!(data["anchors"][0]["banners"], 12);
    let sides = (
        data["banners"]["0"]["broken"].as_f64().unwrap(),
        data["banners"]["0"]["good"].as_f64().unwrap(),
    );
    assert!((sides.0 - 0.5).abs() < 1e-6 && (sides.1 + 0.3).abs() < 1e-6, "{sides:?}");
}

#[test]
fn a_long_ranking_is_cut_and_says_so() {
    let banners: Vec<_> =
        (1..=5_003).map(|rank| banner(rank, -(rank as f64), rank < 200)).collect();
    let html = written(&Report { banners, ..Report::default() });
    assert_eq!(body(&html).matches("<tr data-banner=").count(), 5_000);
    assert!(html.contains("The first 5,000 are shown; 3 more banners in <code>scores.csv</code>."));
    assert!(html.contains("79 more flagged banners without a card"));
    assert!(html.contains("Scores of 5,003 banners."));
}

/// Every text field of the report is hostile, and the page has the same elements as with tame text.
#[test]
fn no_text_from_data_becomes_an_element() {
    let page = |text: &str| {
        let text = || text.to_owned();
        let banners = [pictured(1, 3.0), banner(2, 0.0, true)].map(|b| ReportBanner {
            domain: text(),
            grid_id: text(),
            reason: text(),
            parts: vec![Some(0.5)],
            ..b
        });
        written(&Report {
            warnings: vec![text()],
            questions: vec![text()],
            assumptions: vec![text()],
            title: text(),
            subtitle: text(),
            generated: text(),
            summary: vec![Fact { name: text(), value: text(), note: text() }],
            rule: text(),
            threshold: None,
            columns: vec![ReportColumn { name: text(), title: text(), help: text() }],
            banners: banners.to_vec(),
            anchors: vec![ReportAnchor {
                grid_id: text(),
                title: text(),
                description: text(),
                ..anchor()
            }],
            quality: vec![QualityLine { reason: text(), rows: 1, clicks: 2, example: text() }],
            notes: vec![text()],
        })
    };
    let tags = |html: &str| html.matches('<').count();
    let (tame, hostile) = (page("tame"), page(HOSTILE));
    assert_eq!(tags(&hostile), tags(&tame));
    assert!(!hostile.contains("<img") && !hostile.contains("alert(1)</script>"));
    assert!(body(&hostile).contains("{{data}}"), "a place in data is text");
    assert_eq!(data(&hostile), data(&tame));
    assert!(page(&HOSTILE.repeat(100)).contains("…</bdi>"));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let html = written(&Report {
        banners: vec![pictured(1, 3.0)],
        anchors: vec![anchor()],
        ..Report::default()
    });
    for forbidden in
        ["http:", "https:", "//www", "@import", "url(", " src=", "innerHTML", "eval(", "fetch("]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    for (at, _) in html.match_indices("href=\"") {
        let target = &html[at + 6..];
        assert!(
            target.starts_with('#') || target.starts_with("data:image/png;base64,"),
            "{}",
            &target[..20]
        );
    }
    assert!(html.contains("default-src 'none'"));
    assert_eq!(html.matches("</script>").count(), 2, "our script does not end itself");
    assert_eq!(html.matches("</style>").count(), 1);
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report =
        Report { banners: vec![pictured(1, 3.0)], anchors: vec![anchor()], ..Report::default() };
    assert_eq!(written(&report), written(&report));
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_banner() {
    let drivers = |change: fn(&mut BannerPictures)| {
        let mut wrong = pictured(1, 1.0);
        change(wrong.pictures.as_mut().unwrap());
        wrong
    };
    let wrong = [
        (banner(1, f64::NAN, false), "its score is NaN"),
        (
            ReportBanner { parts: vec![Some(1.0)], ..banner(1, 1.0, false) },
            "it has 1 parts for 0 columns",
        ),
        (drivers(|p| p.drivers.truncate(5)), "it has 5 drivers for 3000 bins"),
        (drivers(|p| p.drivers[3] = f32::INFINITY), "one of its drivers is inf"),
        (
            drivers(|p| p.network = Some([f64::NAN; 9])),
            "what one of its ninths tells the network is NaN",
        ),
        (drivers(|p| p.anchor = Some(1)), "its anchor is number 1 of 1"),
        (
            drivers(|p| p.heatmap = Heatmap::zeros(Grid { rows: 0, columns: 5, bin_size_px: 5.0 })),
            "its heatmap has no bin",
        ),
    ];
    for (banner, expected) in wrong {
        let report = Report { banners: vec![banner], anchors: vec![anchor()], ..Report::default() };
        let error = report.write_html(Path::new("/nowhere/report.html")).unwrap_err();
        assert!(matches!(error, Error::Data(_)));
        let text = error.to_string();
        assert!(text.contains("site1.example") && text.contains(expected), "{text}");
    }
    let report = Report { threshold: Some(f64::NAN), ..Report::default() };
    assert!(report.check().is_err());
    let report = Report {
        anchors: vec![ReportAnchor { clicks: f64::NAN, ..anchor() }],
        ..Report::default()
    };
    assert!(report.check().unwrap_err().to_string().contains("the anchor of `grid`"));
    assert!(matches!(
        Report::default().write_html(Path::new("/nowhere/x.html")),
        Err(Error::Io { .. })
    ));
}
