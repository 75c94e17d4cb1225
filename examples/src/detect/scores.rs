//! `scores.csv` and `summary.json`.

use std::error::Error;
use std::path::Path;

use heatmap_core::detect::evaluation::{ConfusionCounts, auroc, average_precision};
use heatmap_core::detect::{LogDetection, NETWORK_PART};
use heatmap_core::table::ClickLog;
use heatmap_core::write_atomically;
use serde_json::{Map, Value, json};

use super::Inputs;
use crate::saying::cell;

/// Writes all banners in the order of `ranking`, most broken first: who, how many clicks, score,
/// flag, every part, the log odds of the network as a probability, the label. Names that begin like
/// a formula have an apostrophe in front.
///
/// # Errors
/// When the file cannot be written.
pub fn write_scores(
    path: &Path,
    log: &ClickLog,
    detection: &LogDetection,
    ranking: &[usize],
) -> Result<(), Box<dyn Error>> {
    let write = |out: &mut dyn std::io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        let mut header =
            ["domain", "grid_id", "display_width", "display_height", "clicks", "score", "flagged"]
                .map(str::to_owned)
                .to_vec();
        header.extend(detection.parts.names().iter().cloned());
        header.extend(["network_probability", "label"].map(str::to_owned));
        let network = detection.parts.names().iter().position(|name| name == NETWORK_PART);
        writer.write_record(&header)?;
        for &banner in ranking {
            let entry = log.entry_at(banner);
            let number =
                |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
            let mut record = vec![
                cell(&entry.banner.domain).into_owned(),
                cell(&entry.banner.grid_id).into_owned(),
                entry.display.width_px.to_string(),
                entry.display.height_px.to_string(),
                entry.clicks.to_string(),
                number(Some(detection.decision.scores[banner])),
                u8::from(detection.decision.flagged[banner]).to_string(),
            ];
            record.extend(detection.parts.row(banner).into_iter().map(number));
            let log_odds = network.and_then(|part| detection.parts.get(banner, part));
            record.push(number(log_odds.map(|log_odds| 1.0 / (1.0 + (-log_odds).exp()))));
            record.push(
                detection.labels[banner]
                    .map(|broken| u8::from(broken).to_string())
                    .unwrap_or_default(),
            );
            writer.write_record(&record)?;
        }
        writer.flush()
    };
    Ok(write_atomically(path, write)?)
}

/// What the column `network_probability` is.
const PROBABILITY: &str = "network_probability: the probability of broken where half of the \
                           banners are, by a network that was trained on \
                           614,400 banners of generated layouts and is calibrated on those; on a \
                           log it ranks, and how far its \
                           probabilities can be trusted there is not known";

/// Flat numbers; with labels, what the scores are worth against them.
pub fn summary(inputs: &Inputs, detection: &LogDetection) -> Map<String, Value> {
    let decision = &detection.decision;
    let flagged = decision.flagged.iter().filter(|f| **f).count();
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| _ = map.insert(name.to_owned(), value);
    put("banners", inputs.log.len().into());
    put("grids", detection.grids.len().into());
    put("clicks", inputs.log.clicks().into());
    put("rows", inputs.log.rows().into());
    put("rows_dropped", inputs.log.drops().rows().into());
    put("banners_with_metrics", inputs.joined[0].into());
    put("banners_with_labels", detection.labels.iter().flatten().count().into());
    put("flagged", flagged.into());
    put("threshold", json!(decision.threshold));
    put("score_meaning", json!(decision.meaning));
    put("rule", decision.rule.clone().into());
    if detection
        .parts
        .names()
        .iter()
        .position(|name| name == NETWORK_PART)
        .is_some_and(|part| detection.parts.has(part))
    {
        put("network_probability", PROBABILITY.into());
    }
    put(
        "grids_without_the_anchor",
        detection.grids.iter().filter(|grid| grid.fell_back).count().into(),
    );
    let groups = || detection.grids.iter().flat_map(|grid| &grid.groups);
    put("groups", groups().count().into());
    put("groups_taken_for_broken", groups().filter(|group| group.kind.is_defect()).count().into());
    let undecided: Vec<&str> =
        detection.grids.iter().filter_map(|grid| grid.undecided.as_deref()).collect();
    put("undecided_grids", undecided.len().into());
    put("undecided", undecided.join(" ").into());
    // Banners that an anchor is made of fit it by construction.
    let counts = |at: &usize| detection.labels[*at].is_some() && !detection.in_anchor[*at];
    let labelled: Vec<usize> = (0..detection.labels.len()).filter(counts).collect();
    let truth: Vec<bool> = labelled.iter().map(|&at| detection.labels[at] == Some(true)).collect();
    let scores: Vec<f64> = labelled.iter().map(|&at| decision.scores[at]).collect();
    let flags: Vec<bool> = labelled.iter().map(|&at| decision.flagged[at]).collect();
    if let (Ok(area), Ok(precision)) = (auroc(&scores, &truth), average_precision(&scores, &truth))
    {
        let counts = ConfusionCounts::of(&flags, &truth);
        put("labelled_broken", truth.iter().filter(|broken| **broken).count().into());
        put("auroc", area.into());
        put("average_precision", precision.into());
        put("macro_f1", counts.macro_f1().into());
        put("f1", counts.f1().into());
        put("recall", counts.recall().into());
        put("false_alarm_rate", counts.false_alarm_rate().into());
    }
    map
}
