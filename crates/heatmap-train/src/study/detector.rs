//! The results of a detector run: the network, `summary.json` and pictures.

use std::collections::BTreeMap;

use heatmap_core::detect::SetNetwork;
use heatmap_core::detect::evaluation::{brier_score, expected_calibration_error};
use heatmap_core::plot::{Curve, Tile, curves, montage};
use heatmap_core::write_atomically;
use serde::Serialize;

use super::detector_measure::{BUDGETS, MeasuredDetector};
use super::training_curve::write_training_curve;
use crate::Result;
use crate::data::Split;
use crate::evaluation::{SET_SCORES, SetScores};
use crate::run::{MetricsLog, RunFolder, SetDetectorConfig, TrainingStats};

/// The name of the file with the trained network, which
/// `heatmap_core::detect::SetNetwork::from_bytes` can read.
pub const NETWORK_FILE: &str = "set_network.bin";

/// The numbers in `summary.json` of a detector run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectorSummary {
    /// Seed of the run.
    pub seed: u64,
    /// Number of training steps done, each with one batch.
    pub batches: usize,
    /// The step whose checkpoint is the result.
    pub best_batch: usize,
    /// Number of banners trained on since the run was started or resumed.
    pub banners: usize,
    /// Seconds of training since the run was started or resumed, without validation and
    /// checkpoints.
    pub seconds: f64,
    /// Number of parameters of the network, with batch normalisation folded into the convolutions.
    pub parameters: usize,
    /// Number of held-out sets at each number of clicks.
    pub sets: usize,
    /// AUROC within a set, averaged over the sets. The keys are the name of the score, then the
    /// number of clicks on every banner.
    pub auroc: BTreeMap<&'static str, BTreeMap<u32, f64>>,
    /// Macro-F1 with one threshold for all sets, which was fitted on other sets. The keys are those
    /// of `auroc`.
    pub macro_f1: BTreeMap<&'static str, BTreeMap<u32, f64>>,
    /// AUROC of the network within a set at 200 clicks, averaged over the sets, by the kind of
    /// defect of the broken banners.
    pub auroc_by_defect: BTreeMap<&'static str, f64>,
    /// Like `auroc_by_defect`, with the mean distance to the ten nearest banners as the score.
    pub auroc_by_defect_of_distance: BTreeMap<&'static str, f64>,
    /// Brier score of the probabilities, with numbers of clicks distributed as in training.
    pub brier_score: f64,
    /// Expected calibration error of the probabilities over ten bins, with numbers of clicks
    /// distributed as in training.
    pub calibration_error: f64,
}

/// Writes the network, `summary.json` and the pictures of a detector run to `folder`, and returns
/// the summary. `best_batch` is the step whose checkpoint the network is.
///
/// The pictures show the curve of the loss, the reliability of the probabilities, and the banners
/// that the network judges worst.
///
/// # Errors
/// Returns an error when the log of the run cannot be read, when the held-out banners are all good
/// or all broken, or when a file cannot be written.
pub fn write_detector(
    folder: &RunFolder,
    config: &SetDetectorConfig,
    network: &SetNetwork,
    (stats, best_batch): (TrainingStats, usize),
    measured: &MeasuredDetector,
) -> Result<DetectorSummary> {
    let bytes = network.to_bytes();
    write_atomically(&folder.file(NETWORK_FILE), |file| std::io::Write::write_all(file, &bytes))?;
    let probabilities: Vec<f64> =
        measured.as_trained.scores[0].iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
    let broken = measured.as_trained.broken();
    let by_clicks = |value: &dyn Fn(&SetScores, usize) -> Option<f64>| {
        let of = |which: usize| {
            let at = BUDGETS.iter().zip(&measured.at_budget);
            at.filter_map(|(clicks, scores)| Some((*clicks, value(scores, which)?))).collect()
        };
        SET_SCORES.iter().enumerate().map(|(which, name)| (*name, of(which))).collect()
    };
    let by_defect = |which: usize| -> BTreeMap<&'static str, f64> {
        let scores = &measured.at_budget[2];
        let kinds: std::collections::BTreeSet<&'static str> =
            scores.defects.iter().flatten().copied().collect();
        kinds
            .into_iter()
            .filter_map(|kind| Some((kind, scores.mean_auroc(which, Some(kind))?)))
            .collect()
    };
    let summary = DetectorSummary {
        seed: config.training.seed,
        batches: stats.steps,
        best_batch,
        banners: stats.images,
        seconds: stats.seconds,
        parameters: network.num_parameters(),
        sets: measured.sets,
        auroc: by_clicks(&|scores, which| scores.mean_auroc(which, None)),
        macro_f1: by_clicks(&|scores, which| scores.macro_f1(which).ok()),
        auroc_by_defect: by_defect(0),
        auroc_by_defect_of_distance: by_defect(1),
        brier_score: brier_score(&probabilities, &broken)?,
        calibration_error: expected_calibration_error(&probabilities, &broken, 10)?,
    };
    folder.write_json("summary.json", &summary)?;
    let lines = MetricsLog::read(&folder.file("metrics.jsonl"))?;
    let called = "binary cross-entropy (nats)";
    write_training_curve(folder, &lines, "loss", called, "loss.png")?;
    write_reliability(folder, &probabilities, &broken)?;
    write_errors(folder, config, &measured.as_trained)?;
    Ok(summary)
}

impl DetectorSummary {
    /// Formats the summary as a few lines to print.
    pub fn table(&self) -> String {
        let cells = |values: &BTreeMap<u32, f64>| {
            BUDGETS
                .map(|clicks| {
                    values.get(&clicks).map_or("     -".to_owned(), |value| format!("{value:6.3}"))
                })
                .join(" ")
        };
        let mut lines = vec![format!(
            "{:34}{}",
            "Mean AUROC, clicks on every banner:",
            BUDGETS.map(|n| format!("{n:6}")).join(" ")
        )];
        lines.extend(
            SET_SCORES.iter().map(|name| format!("  {name:33}{}", cells(&self.auroc[name]))),
        );
        lines.push("Macro-F1 at one threshold for all layouts:".to_owned());
        lines.extend(
            SET_SCORES.iter().map(|name| format!("  {name:33}{}", cells(&self.macro_f1[name]))),
        );
        lines.push(
            "Mean AUROC by defect at 200 clicks, network and distance to the 10 nearest:"
                .to_owned(),
        );
        for (kind, area) in &self.auroc_by_defect {
            lines.push(format!(
                "  {kind:33}{area:6.3} {:6.3}",
                self.auroc_by_defect_of_distance[kind]
            ));
        }
        lines.push(format!(
            "Calibration error {:.3}, Brier score {:.3}; {} held-out layouts at each number of \
             clicks.",
            self.calibration_error, self.brier_score, self.sets
        ));
        lines.push(format!(
            "{} parameters, trained on {} banners in {:.0} s; best after batch {} of {}.",
            self.parameters, self.banners, self.seconds, self.best_batch, self.batches
        ));
        lines.join("\n")
    }
}

/// Writes `reliability.png`: the share of broken banners among those with similar predicted
/// probabilities.
fn write_reliability(folder: &RunFolder, probabilities: &[f64], broken: &[bool]) -> Result<()> {
    const BINS: usize = 10;
    let mut bins = [(0.0, 0.0, 0.0); BINS];
    for (&p, &broken) in probabilities.iter().zip(broken) {
        let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
        *bin = (bin.0 + p, bin.1 + f64::from(u8::from(broken)), bin.2 + 1.0);
    }
    let points: Vec<(f64, f64)> =
        bins.iter().filter(|bin| bin.2 > 0.0).map(|(p, broken, n)| (p / n, broken / n)).collect();
    let picture = curves(
        "Reliability on held-out layouts",
        "probability that the network gives",
        "share of broken banners",
        &[
            Curve { name: "as it should be", points: &[(0.0, 0.0), (1.0, 1.0)] },
            Curve { name: "set network", points: &points },
        ],
    )?;
    picture.save_png(&folder.file("reliability.png"))?;
    Ok(())
}

/// Writes `errors.png`: the good banners with the highest scores and the broken banners with the
/// lowest, each beside a good banner of its set.
fn write_errors(folder: &RunFolder, config: &SetDetectorConfig, scores: &SetScores) -> Result<()> {
    const EACH: usize = 8;
    let mut order: Vec<usize> = (0..scores.sets.len()).collect();
    order.sort_by(|&a, &b| scores.scores[0][a].total_cmp(&scores.scores[0][b]));
    let good = order.iter().rev().filter(|at| scores.defects[**at].is_none()).take(EACH);
    let broken = order.iter().filter(|at| scores.defects[**at].is_some()).take(EACH);
    let seed = Split::Test.seed(config.training.seed);
    let mut labelled = Vec::new();
    for &at in good.chain(broken) {
        let set = config.sets.set(seed, scores.sets[at] as u64);
        let first = scores.sets.partition_point(|&set| set < scores.sets[at]);
        let query = &set.queries[at - first];
        let example = set
            .references
            .iter()
            .filter(|banner| banner.defect.is_none())
            .max_by(|a, b| a.heatmap.total().total_cmp(&b.heatmap.total()));
        let name = query.defect.unwrap_or("good");
        labelled.push((
            format!("{name}, {:.0} clicks: {:+.1}", query.heatmap.total(), scores.scores[0][at]),
            query.heatmap.clone(),
        ));
        if let Some(example) = example {
            labelled.push(("a good banner of its grid".to_owned(), example.heatmap.clone()));
        }
    }
    let tiles: Vec<Tile<'_>> =
        labelled.iter().map(|(label, heatmap)| Tile { label, heatmap }).collect();
    let title = "Hardest errors: good banners that look broken, then broken ones that look good, \
                 each beside a good one";
    montage(title, &tiles, 8)?.save_png(&folder.file("errors.png"))?;
    Ok(())
}
