//! Builds the report of a detection: the ranking, the pictures of the flagged banners, the anchors
//! and the data quality.

use std::collections::HashMap;

use super::text::count;
use super::{BannerPictures, Fact, QualityLine, Report, ReportAnchor, ReportBanner, ReportColumn};
use crate::detect::{Change, DetectedGroup, Findings, LogDetection, LogInputs, PARTS, part_named};
use crate::{BannerSize, Result};

/// Largest number of banners with pictures, so that the page stays within a few megabytes.
const MAX_PICTURES: usize = 120;
/// Smallest number of banners with pictures: if fewer are flagged, the next ones in the ranking get
/// pictures, too.
const MIN_PICTURES: usize = 24;
/// Largest number of banners in the page; `scores.csv` has all.
const MAX_BANNERS: usize = 100_000;
/// Largest number of groups of similar banners in the page.
const MAX_GROUPS: usize = 100;
/// Largest number of questions at the top of the page.
const MAX_QUESTIONS: usize = 20;
/// Largest number of anchors in the page.
const MAX_ANCHORS: usize = 100;

impl Report {
    /// Builds the report of a detection. `source` says which files it is about, `generated` which
    /// program made it. The log is read again for the pictures of the flagged banners.
    ///
    /// # Errors
    /// When a temporary file of the log cannot be read.
    pub fn of_findings(findings: &Findings<'_>, source: &str, generated: &str) -> Result<Self> {
        let Findings { inputs, detection, ranking, reasons, .. } = findings;
        let most = detection.flagged().clamp(MIN_PICTURES, MAX_PICTURES);
        let pictured = &ranking[..ranking.len().min(most)];
        let mut pictures = detection.explain(&inputs.log, pictured)?;
        let anchors_of = anchors(detection, pictured);
        let banners = ranking.iter().take(MAX_BANNERS).enumerate().map(|(place, &banner)| {
            let entry = inputs.log.entry_at(banner);
            let explained = pictures.remove(&banner);
            let of_picture = explained.as_ref().map(|explained| &explained.explanation.reason);
            let reason = reasons.get(&banner).or(of_picture).cloned().unwrap_or_default();
            let anchor = anchors_of.get(&detection.grid_of(banner)).copied();
            ReportBanner {
                rank: place + 1,
                domain: entry.banner.domain,
                grid_id: entry.banner.grid_id,
                display: entry.display,
                clicks: entry.clicks,
                score: detection.decision.scores[banner],
                flagged: detection.decision.flagged[banner],
                change: findings.change(banner).map(Change::name),
                label: detection.labels[banner],
                reason,
                parts: detection.parts.row(banner),
                pictures: explained.map(|explained| BannerPictures {
                    heatmap: explained.heatmap,
                    drivers: explained.explanation.drivers,
                    network: explained.network,
                    anchor,
                }),
            }
        });
        Ok(Self {
            title: "Broken banners".to_owned(),
            subtitle: source.to_owned(),
            generated: generated.to_owned(),
            warnings: inputs.warnings().iter().map(ToString::to_string).collect(),
            summary: facts(findings),
            questions: questions(detection),
            rule: detection.decision.rule.clone(),
            threshold: detection.decision.threshold,
            columns: columns(detection),
            banners: banners.collect(),
            anchors: report_anchors(detection, &anchors_of),
            assumptions: assumptions(inputs),
            quality: quality(inputs),
            notes: notes(),
        })
    }
}

/// The index in the page of each grid's anchor, for grids that have one there. Grids of banners
/// with pictures come first.
fn anchors(detection: &LogDetection, pictured: &[usize]) -> HashMap<usize, usize> {
    let mut places = HashMap::new();
    for grid in
        pictured.iter().map(|&banner| detection.grid_of(banner)).chain(0..detection.grids.len())
    {
        if places.len() < MAX_ANCHORS {
            let next = places.len();
            places.entry(grid).or_insert(next);
        }
    }
    places
}

fn report_anchors(detection: &LogDetection, places: &HashMap<usize, usize>) -> Vec<ReportAnchor> {
    let mut ordered: Vec<(usize, usize)> =
        places.iter().map(|(&grid, &place)| (place, grid)).collect();
    ordered.sort_unstable();
    let of = |grid: usize| {
        let grid = &detection.grids[grid];
        ReportAnchor {
            grid_id: grid.grid_id.clone(),
            title: "anchor".to_owned(),
            display: grid.display,
            description: grid.anchor.description.clone(),
            banners: grid.anchor.banners.len(),
            clicks: grid.anchor.clicks,
            heatmap: grid.anchor.map.heatmap(grid.anchor.clicks.max(1_000.0)),
        }
    };
    let groups = ordered.iter().flat_map(|&(_, grid)| {
        let grid = &detection.grids[grid];
        grid.groups.iter().map(move |group| group_card(&grid.grid_id, grid.display, group))
    });
    ordered.iter().map(|&(_, grid)| of(grid)).chain(groups.take(MAX_GROUPS)).collect()
}

/// The card of a group of similar banners: what it is taken for and why, with examples.
fn group_card(grid_id: &str, display: BannerSize, group: &DetectedGroup) -> ReportAnchor {
    let kind = if group.kind.is_defect() { "a kind of defect" } else { "a layout" };
    let banners = group.banners;
    ReportAnchor {
        grid_id: grid_id.to_owned(),
        title: format!("{banners} banners look like this ({:.0} %): {kind}", 100.0 * group.share),
        display,
        description: format!("{} Such as {}.", group.verdict(), group.domains.join(", ")),
        banners,
        clicks: group.heatmap.total(),
        heatmap: group.heatmap.clone(),
    }
}

/// The questions that only a person can answer.
fn questions(detection: &LogDetection) -> Vec<String> {
    detection.grids.iter().filter_map(|grid| grid.undecided.clone()).take(MAX_QUESTIONS).collect()
}

fn facts(findings: &Findings<'_>) -> Vec<Fact> {
    let Findings { inputs, detection, changes, .. } = findings;
    let flagged = detection.flagged();
    let fact =
        |name: &str, value: String, note: String| Fact { name: name.to_owned(), value, note };
    let drops = inputs.log.drops();
    let mut facts = vec![
        fact(
            "Banners",
            count(inputs.log.len() as u64),
            format!("of {} grids and sizes", detection.grids.len()),
        ),
        fact("Flagged", count(flagged as u64), share(flagged as u64, inputs.log.len() as u64)),
        fact(
            "Clicks",
            count(inputs.log.clicks()),
            format!("in {} rows", count(inputs.log.rows() - drops.rows())),
        ),
        fact("Dropped rows", count(drops.rows()), share(drops.rows(), inputs.log.rows())),
    ];
    let labelled = detection.labels.iter().flatten().count();
    if labelled > 0 {
        facts.push(fact(
            "Labels",
            count(labelled as u64),
            "banners of which it is known".to_owned(),
        ));
    }
    if let Some(with_metrics) = inputs.notes.with_metrics {
        facts.push(fact(
            "Metrics",
            count(with_metrics as u64),
            "banners that the metrics table has".to_owned(),
        ));
    }
    if let Some(changes) = changes {
        let [new, still, fixed] =
            [Change::New, Change::StillBroken, Change::Fixed].map(|change| changes.count(change));
        let gone = match changes.gone.len() {
            0 => String::new(),
            gone => format!(", {} no longer in the log", count(gone as u64)),
        };
        facts.push(fact(
            "New",
            count(new as u64),
            format!(
                "{} still broken, {} fixed{gone}, since {}",
                count(still as u64),
                count(fixed as u64),
                changes.since.display()
            ),
        ));
    }
    facts
}

/// How the files were read, where they are not as described.
fn assumptions(inputs: &LogInputs) -> Vec<String> {
    let left_out = inputs.notes.texts.iter();
    let left_out = left_out.map(|name| format!("metrics: column `{name}` is text and is left out"));
    inputs.assumptions().into_iter().chain(left_out).collect()
}

fn columns(detection: &LogDetection) -> Vec<ReportColumn> {
    let of = |name: &String| {
        let part = part_named(name).map(|at| PARTS[at]);
        let (title, help) = part.map_or((name.as_str(), ""), |part| (part.title, part.help));
        ReportColumn { name: name.clone(), title: title.to_owned(), help: help.to_owned() }
    };
    detection.parts.names().iter().map(of).collect()
}

fn quality(inputs: &LogInputs) -> Vec<QualityLine> {
    let mut lines: Vec<QualityLine> = inputs
        .log
        .drops()
        .by_reason()
        .iter()
        .map(|dropped| QualityLine {
            reason: dropped.reason.to_string(),
            rows: dropped.rows,
            clicks: dropped.clicks,
            example: dropped.first.clone(),
        })
        .collect();
    for (size, bin_size_px) in inputs.log.coarse_sizes() {
        let (width, height) = (size.width_px, size.height_px);
        lines.push(QualityLine {
            reason: format!(
                "{width} x {height} px: bins of {bin_size_px} px, for a heatmap has at most 100,000"
            ),
            ..Default::default()
        });
    }
    for (column, count) in &inputs.notes.bad_values {
        lines.push(QualityLine {
            reason: format!("metrics: a value of `{column}` that is no number, taken as missing"),
            rows: *count,
            ..Default::default()
        });
    }
    for dropped in inputs.notes.metrics_drops.by_reason() {
        lines.push(QualityLine {
            reason: format!("metrics: {}", dropped.reason),
            rows: dropped.rows,
            example: dropped.first.clone(),
            ..Default::default()
        });
    }
    lines
}

fn notes() -> Vec<String> {
    [
        "Clicks are counted in square bins. A banner is held against banners of its grid that are \
         taken for good: all but those that stand out and those of groups that show a kind of \
         defect. \
         The score is made of several numbers: how far the whole distribution of clicks lies from \
         the most alike good banners, how much piles up in one spot, how well a known pattern \
         explains the clicks, what a small network says that was trained on generated layouts, \
         and, where banners are labelled broken, how much the banner is like these.",
        "Banners with few clicks are held against good banners with as few clicks, drawn from \
         those that there are, so that they need not be larger to be suspicious.",
        "A group of like banners is taken for a kind of defect when a single spot, a strip, a \
         cloud, a diagonal or clicks anywhere set it apart from all others, and for a layout \
         otherwise. A foreign layout shown in error looks as a rare layout does: \
         look at the groups, and label one of their banners where the guess is wrong (--labels, \
         or --broken-like and --good-like with a domain).",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / (whole as f64).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!((share(1, 8), share(0, 0)), ("12.5 %".to_owned(), "0.0 %".to_owned()));
    }
}
