//! The results of a detection in sentences, for a terminal.

use super::{LogDetection, LogInputs, LogSummary};
use crate::BannerSize;
use crate::table::BannerKey;

/// Questions on grids that are told, at most; the report has more.
const MAX_QUESTIONS: usize = 5;
/// Flagged banners that are told, at most.
const MAX_BANNERS: usize = 10;

impl LogSummary {
    /// Says what a person should know of a detection, a sentence at a time: how much was flagged
    /// and by what rule, what of the tables was not used, what is to be decided, and the banners
    /// that are most likely broken. `ranking` holds all banners, the highest score first.
    pub fn sentences(
        &self,
        inputs: &LogInputs,
        detection: &LogDetection,
        ranking: &[usize],
    ) -> Vec<String> {
        let mut said = vec![format!(
            "{} of {} banners flagged; {} clicks, grids and sizes: {}, dropped rows: {}.",
            self.flagged, self.banners, self.clicks, self.grids, self.rows_dropped
        )];
        said.extend(joined_tables(inputs));
        for (BannerSize { width_px, height_px }, bin) in inputs.log.coarse_sizes() {
            said.push(format!(
                "Banners of {width_px} x {height_px} px have bins of {bin} px: a heatmap has at \
                 most 100,000."
            ));
        }
        said.push(self.rule.clone());
        let questions = detection.grids.iter().filter_map(|grid| grid.undecided.clone());
        said.extend(questions.take(MAX_QUESTIONS));
        for &banner in &ranking[..self.flagged.min(MAX_BANNERS)] {
            let entry = inputs.log.entry_at(banner);
            let score = detection.decision.scores[banner];
            said.push(format!(
                "  {score:8.3}  {}, {} ({} clicks)",
                entry.banner.domain, entry.banner.grid_id, entry.clicks
            ));
        }
        match self.grids_without_the_anchor {
            0 => {}
            fell_back => {
                let (of, grids) =
                    (self.grids, if fell_back == 1 { "grid has" } else { "grids have" });
                said.push(format!(
                    "{fell_back} {grids} no such anchor, of {of}, and took what there was: the \
                     report says which."
                ));
            }
        }
        if let Some(worth) = self.against_labels {
            said.push(format!(
                "Against the labels ({} broken): AUROC {:.4}, macro-F1 {:.3}.",
                worth.labelled_broken, worth.auroc, worth.macro_f1
            ));
        }
        said
    }
}

/// How many banners the further tables have.
fn joined_tables(inputs: &LogInputs) -> Vec<String> {
    let mut said = Vec::new();
    for (table, given, joined) in [
        ("metrics", inputs.known.metrics.is_some(), inputs.with_metrics),
        ("labels", inputs.known.labels.is_some(), inputs.with_labels),
    ] {
        if given {
            said.push(format!(
                "{joined} of {} banners are in the table of {table}.",
                inputs.log.len()
            ));
        }
        if given && joined == 0 {
            let BannerKey { domain, grid_id } = inputs.log.entry_at(0).banner;
            said.push(format!(
                "None of the {table} is used: are keys written otherwise there than `{domain}`, \
                 `{grid_id}`?"
            ));
        }
    }
    said
}
