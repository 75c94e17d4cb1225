//! What a detector run leaves behind: the network, `summary.json` and its pictures.

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

/// The file that the network lies in, for `heatmap_core::detect::SetNetwork::from_bytes`.
pub const NETWORK_FILE: &str = "set_network.bin";

/// `summary.json`: everything in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectorSummary {
    /// Seed of the run.
    pub seed: u64,
    /// Batches done.
    pub batches: usize,
    /// The batch whose checkpoint is the result.
    pub best_batch: usize,
    /// Banners trained on by this program.
    pub banners: usize,
    /// Seconds in which it did so.
    pub seconds: f64,
    /// Parameters of the network, normalisation folded into the convolutions.
    pub parameters: usize,
    /// Held-out sets at each number of clicks.
    pub sets: usize,
    /// For each score the area under the receiver operating characteristic within a set, mean over
    /// the sets, by clicks on every banner.
    pub auroc: BTreeMap<&'static str, BTreeMap<u32, f64>>,
    /// For each score macro-F1 at one threshold for all sets, which comes from other sets.
    pub macro_f1: BTreeMap<&'static str, BTreeMap<u32, f64>>,
    /// Area under the receiver operating characteristic of the network within a set, at 200 clicks,
    /// mean over the sets, by the kind of defect that the broken banners have.
    pub auroc_by_defect: BTreeMap<&'static str, f64>,
    /// That area of the distance to the ten nearest banners, by kind of defect.
    pub auroc_by_defect_of_distance: BTreeMap<&'static str, f64>,
    /// Mean squared error of the probability, with clicks as in training.
    pub brier_score: f64,
    /// Mean over ten bins of how far the probability is from the share of broken banners.
    pub calibration_error: f64,
}

/// Writes everything and gives the summary.
///
/// # Errors
/// When a file cannot be written.
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
    /// The summary for a person.
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

/// Of the banners with about some probability, how many are broken.
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

/// The good banners that look most broken, and the broken ones that look best.
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
