use std::ops::ControlFlow;

use super::*;
use crate::detect::{BannerFacts, LogDetectionConfig};
use crate::synth::{Layout, Population};
use crate::table::{BannerKey, ClickLog, ClickLogConfig};
use crate::{BannerSize, Heatmap};

const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

/// 60 banners of one layout, of which those in `broken` have all clicks in one corner.
fn inputs(broken: &[u64]) -> LogInputs {
    let layout = Layout::draw(5, 0);
    let banners = (0..60).map(|index| {
        let good = Population { prevalence: 0.0, ..Default::default() };
        let mut heatmap = good.banner(&layout, 0, index, 300).heatmap;
        if broken.contains(&index) {
            let mut values = vec![0.0; heatmap.values().len()];
            values[0] = 300.0;
            heatmap = Heatmap::from_values(heatmap.grid(), values).unwrap();
        }
        let key = BannerKey { domain: format!("=site{index:02}"), grid_id: "g".to_owned() };
        (key, SIZE, heatmap)
    });
    let log = ClickLog::from_heatmaps(&ClickLogConfig::default(), banners).unwrap();
    LogInputs::new(log, BannerFacts::default())
}

fn detection(inputs: &LogInputs) -> LogDetection {
    let going = &mut |_| ControlFlow::Continue(());
    LogDetectionConfig::default().run(&inputs.log, &inputs.known, going).unwrap()
}

#[test]
fn every_flagged_banner_has_a_rank_and_a_reason_wherever_it_is_listed() {
    let inputs = inputs(&[3, 11]);
    let detection = detection(&inputs);
    let findings = Findings::of(&inputs, &detection, None).unwrap();
    let flagged: Vec<usize> = findings.reasons.keys().copied().collect();
    assert!(flagged.contains(&3) && flagged.contains(&11), "{flagged:?}");
    assert!(findings.reasons.values().all(|reason| !reason.is_empty()));

    let list = |format| {
        let mut out = Vec::new();
        findings.write_list(format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let csv = list(ListFormat::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 60);
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (place + 1).to_string());
        assert_eq!(&row[7] == "1", !row[8].is_empty(), "{row:?}");
        assert!(row[1].starts_with("'=site"));
    }

    let json: serde_json::Value = serde_json::from_str(&list(ListFormat::Json)).unwrap();
    assert_eq!(json["summary"]["flagged"], flagged.len());
    let first = &json["flagged"][0];
    assert_eq!(first["rank"], 1);
    assert_eq!(first["display_width"], 300);
    assert_eq!(first["reason"], findings.reasons[&findings.ranking[0]]);

    let table = list(ListFormat::Table);
    assert_eq!(table.lines().count(), 1 + flagged.len());
    let columns: Vec<_> =
        table.lines().map(|line| line.find("300x250").or(line.find("size"))).collect();
    assert!(columns.iter().all(|at| at.is_some() && *at == columns[0]), "{table}");
    assert!(!table.contains("since"));
}

#[test]
fn what_changed_since_an_earlier_run_is_told_banner_by_banner() {
    let folder = tempfile::tempdir().unwrap();
    let (then, now) = (inputs(&[3, 11]), inputs(&[11, 20]));
    let (then_found, now_found) = (detection(&then), detection(&now));
    let before = Findings::of(&then, &then_found, None).unwrap();
    before.write_scores(&folder.path().join("scores.csv")).unwrap();
    let earlier = EarlierRun::read(folder.path()).unwrap();
    let findings = Findings::of(&now, &now_found, Some(&earlier)).unwrap();
    assert_eq!(findings.change(3), Some(Change::Fixed));
    assert_eq!(findings.change(11), Some(Change::StillBroken));
    assert_eq!(findings.change(20), Some(Change::New));
    let changes = findings.changes.as_ref().unwrap();
    assert!(changes.gone.is_empty());
    let since = findings.summary().since.unwrap();
    let expected =
        [Change::New, Change::StillBroken, Change::Fixed].map(|change| changes.count(change));
    assert_eq!([since.new, since.still_broken, since.fixed], expected);
    let mut csv = Vec::new();
    findings.write_list(ListFormat::Csv, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.lines().any(|line| line.contains("'=site20") && line.contains(",new,")), "{csv}");

    // A banner that was flagged and is not there any more.
    let few = now.log.banners().skip(4);
    let few = few.map(|b| b.map(|b| (b.banner, b.display, b.heatmap)).unwrap());
    let few = ClickLog::from_heatmaps(&ClickLogConfig::default(), few).unwrap();
    let few = LogInputs::new(few, BannerFacts::default());
    let gone = earlier.changes(&few.log, &detection(&few)).gone;
    assert!(gone.iter().any(|(banner, _)| banner.domain == "=site03"), "{gone:?}");
}
