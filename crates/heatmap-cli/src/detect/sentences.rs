//! The findings in sentences, for a terminal.

use heatmap_core::BannerSize;
use heatmap_core::detect::{Change, Changes, Findings, LogInputs, LogSummary};
use heatmap_core::table::DropReason;

/// Questions on grids that are told, at most; the report has more.
const MAX_QUESTIONS: usize = 5;
/// Banners that are told, at most.
const MAX_BANNERS: usize = 10;
/// Banners that are told where none is flagged.
const HIGHEST: usize = 5;
/// Grids with fewer banners than this seldom have a score above the threshold.
const FEW_BANNERS: usize = 10;

/// Says what a person should know of a detection, a sentence at a time: how much was flagged and by
/// what rule, what is to be decided, the banners that are most likely broken, and what has changed.
pub(super) fn sentences(findings: &Findings<'_>, summary: &LogSummary) -> Vec<String> {
    let Findings { inputs, detection, .. } = findings;
    let mut said = vec![format!(
        "{} of {} banners flagged; {} clicks, grids and sizes: {}, dropped rows: {}.",
        summary.flagged, summary.banners, summary.clicks, summary.grids, summary.rows_dropped
    )];
    said.extend(joined_tables(inputs));
    for (BannerSize { width_px, height_px }, bin) in inputs.log.coarse_sizes() {
        said.push(format!(
            "Banners of {width_px} x {height_px} px have bins of {bin} px: a heatmap has at most \
             100,000."
        ));
    }
    said.push(summary.rule.clone());
    let questions = detection.grids.iter().filter_map(|grid| grid.undecided.clone());
    said.extend(questions.take(MAX_QUESTIONS));
    said.extend(banners(findings, summary.flagged));
    said.extend(findings.changes.iter().flat_map(|changes| changed(findings, changes)));
    if summary.flagged == 0 {
        said.extend(hints(findings));
    }
    match summary.grids_without_the_anchor {
        0 => {}
        fell_back => {
            let (of, grids) =
                (summary.grids, if fell_back == 1 { "grid has" } else { "grids have" });
            said.push(format!(
                "{fell_back} {grids} no such anchor, of {of}, and took what there was: the report \
                 says which."
            ));
        }
    }
    if let Some(worth) = summary.against_labels {
        said.push(format!(
            "Against the labels ({} broken): AUROC {:.4}, macro-F1 {:.3}.",
            worth.labelled_broken, worth.auroc, worth.macro_f1
        ));
    }
    said
}

/// The flagged banners with the highest scores, or the highest scores where none is flagged.
fn banners(findings: &Findings<'_>, flagged: usize) -> Vec<String> {
    let of = |&banner: &usize| {
        let entry = findings.inputs.log.entry_at(banner);
        let change = match findings.change(banner) {
            Some(change) => format!(", {}", change.name()),
            None => String::new(),
        };
        let BannerSize { width_px, height_px } = entry.display;
        format!(
            "  {:8.3}  {}, {}, {width_px}x{height_px} ({} clicks{change})",
            findings.detection.decision.scores[banner],
            entry.banner.domain,
            entry.banner.grid_id,
            entry.clicks
        )
    };
    let title = (flagged == 0).then(|| "Nothing is flagged; the highest scores are:".to_owned());
    let told = if flagged == 0 { HIGHEST } else { flagged.min(MAX_BANNERS) };
    title.into_iter().chain(findings.ranking.iter().take(told).map(of)).collect()
}

/// What has changed since the earlier run.
fn changed(findings: &Findings<'_>, changes: &Changes) -> Vec<String> {
    let [new, still, fixed] =
        [Change::New, Change::StillBroken, Change::Fixed].map(|change| changes.count(change));
    let gone = match changes.gone.len() {
        0 => String::new(),
        gone => format!("; {gone} that were flagged are not in the log any more"),
    };
    let mut said = vec![format!(
        "Since {}: {new} new, {still} still broken, {fixed} fixed{gone}.",
        changes.since.display()
    )];
    let is_fixed = |at: &usize| changes.of[*at] == Some(Change::Fixed);
    said.extend((0..changes.of.len()).filter(is_fixed).take(MAX_BANNERS).map(|at| {
        let entry = findings.inputs.log.entry_at(at);
        let BannerSize { width_px, height_px } = entry.display;
        let (domain, grid_id) = (entry.banner.domain, entry.banner.grid_id);
        format!("  fixed: {domain}, {grid_id}, {width_px}x{height_px}")
    }));
    said
}

/// What a user can do where nothing is flagged.
fn hints(findings: &Findings<'_>) -> Vec<String> {
    let log = &findings.inputs.log;
    let mut hints = Vec::new();
    let few = log.drops().get(DropReason::TooFewClicks).map_or(0, |dropped| dropped.banners);
    if few as usize > log.len() {
        hints.push(format!(
            "{few} banners have fewer than {} clicks and were left out: --min-clicks takes them.",
            log.config().min_clicks
        ));
    }
    let grids = &findings.detection.grids;
    if grids.iter().all(|grid| grid.banners == 1) {
        hints.push(
            "Each grid has one banner, which there is nothing to compare with: grid_id should \
             name the layout that banners share (--column grid_id=HEADER), and --common-size puts \
             sizes together."
                .to_owned(),
        );
    } else if grids.iter().all(|grid| grid.banners < FEW_BANNERS) {
        hints.push(format!(
            "No grid has {FEW_BANNERS} banners, which is little to tell good from broken by: \
             --budget 1 flags the highest score, and --good-like with a domain that works says \
             what good is."
        ));
    }
    hints
}

/// How many banners the further tables have.
fn joined_tables(inputs: &LogInputs) -> Vec<String> {
    let mut said = Vec::new();
    let notes = &inputs.notes;
    for (table, joined) in [("metrics", notes.with_metrics), ("labels", notes.with_labels)] {
        if let Some(joined) = joined {
            said.push(format!(
                "{joined} of {} banners are in the table of {table}.",
                inputs.log.len()
            ));
        }
    }
    said
}
