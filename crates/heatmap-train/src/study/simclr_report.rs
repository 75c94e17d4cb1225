//! The results of a SimCLR run: `summary.json`, pictures, and a table for the terminal.

use std::sync::Arc;

use heatmap_core::Heatmap;
use heatmap_core::plot::{Curve, Picture, Tile, curves, montage, scatters};
use serde::Serialize;

use super::principal_plane::PrincipalPlane;
use crate::Result;
use crate::data::{ClassSource, Pair, Split};
use crate::evaluation::{LabelledFeatures, RepresentationReport};
use crate::loss::ContrastiveLossName;
use crate::run::{MetricsLine, MetricsLog, RunConfig, RunFolder, SimClrConfig, TrainingStats};

/// The numbers in `summary.json` of a SimCLR run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimClrSummary {
    /// Name of the encoder.
    pub architecture: String,
    /// Name of the preset.
    pub preset: String,
    /// Name of the device.
    pub device: String,
    /// Number of training steps done, each with one batch.
    pub batches: usize,
    /// Number of images in a batch.
    pub images_per_batch: usize,
    /// Speed of the training steps, which includes loading of data, forward pass, backward pass and
    /// optimiser.
    pub images_per_second: f64,
    /// Training loss of the first batch.
    pub loss_first: f64,
    /// Mean training loss of the last twentieth of the batches.
    pub loss_last: f64,
    /// Expected loss of random embeddings: `ln(images_per_batch - 1)` for NT-Xent without a memory
    /// bank; `None` for other losses.
    pub loss_chance: Option<f64>,
    /// Loss on held-out pairs at the last validation.
    pub loss_valid: f64,
    /// Accuracy of guessing: one over the number of classes, which are equally frequent in the
    /// evaluation.
    pub accuracy_chance: f64,
    /// kNN accuracy on the features after training.
    pub knn_accuracy: f64,
    /// `knn_accuracy` of the untrained encoder.
    pub knn_accuracy_untrained: f64,
    /// Gain in `knn_accuracy` by training, in standard errors of the difference.
    pub knn_gain_in_standard_errors: f64,
    /// Accuracy of the linear probe on the features after training.
    pub probe_accuracy: f64,
    /// `probe_accuracy` of the untrained encoder.
    pub probe_accuracy_untrained: f64,
    /// Gain in `probe_accuracy` by training, in standard errors of the difference.
    pub probe_gain_in_standard_errors: f64,
    /// Accuracy of the linear probe on validation samples, at the last evaluation during training;
    /// `None` if there was none. Settings should be chosen by this score, since the samples of the
    /// final scores are not used for it.
    pub probe_accuracy_valid: Option<f64>,
    /// Effective rank of the features after training (RankMe): how many dimensions they use.
    pub effective_rank: f64,
    /// `effective_rank` of the untrained encoder.
    pub effective_rank_untrained: f64,
    /// Alignment after training: mean squared distance between normalised features of the same
    /// class; lower is better.
    pub alignment: f64,
    /// `alignment` of the untrained encoder.
    pub alignment_untrained: f64,
    /// Uniformity after training: logarithm of the mean Gaussian potential of pairs of normalised
    /// features; lower is better.
    pub uniformity: f64,
    /// `uniformity` of the untrained encoder.
    pub uniformity_untrained: f64,
    /// Number of test samples that were scored.
    pub evaluated_samples: usize,
    /// How well broken banners of held-out layouts are detected by the cosine similarity to one
    /// good banner, for different numbers of clicks. The list is empty for a preset without broken
    /// banners.
    pub broken_banners: Vec<BrokenBanners>,
}

/// AUROC of the detection of broken banners by the cosine similarity of their features to those of
/// one good banner. It is computed within each held-out layout and then averaged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BrokenBanners {
    /// Number of clicks on every banner.
    pub clicks: u32,
    /// AUROC with the features after training.
    pub auroc: f64,
    /// AUROC with the features before training.
    pub auroc_untrained: f64,
}

/// The features of one encoder and their evaluation.
#[derive(Debug, Clone)]
pub(super) struct Evaluated {
    /// Features of the test samples.
    pub test: LabelledFeatures,
    /// Scores of the features.
    pub report: RepresentationReport,
}

/// Largest number of pairs in a montage.
const MONTAGE_PAIRS: usize = 33;

/// Writes `montage.png`: up to 33 pairs of the first batch, scaled as the network sees them. Each
/// column shows both views of a pair, followed by its negatives.
///
/// # Errors
/// Returns an error when the preset cannot provide such a batch, or when the file cannot be
/// written.
pub(super) fn write_montage(
    folder: &RunFolder,
    config: &SimClrConfig,
    preset: &Arc<dyn ClassSource>,
) -> Result<()> {
    let mut pairs = config.sampler(preset, Split::Train)?.pairs(0);
    pairs.sort_by_key(|pair| pair.class);
    // A picture with hundreds of pairs would be illegible.
    pairs.truncate(MONTAGE_PAIRS);
    let names = preset.class_names();
    let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
    let scaled = |heatmap: &Heatmap| config.image.scaled(heatmap);
    let views = (0..2).flat_map(|view| {
        pairs.iter().map(move |pair| (name(pair.class), scaled(&pair.views[view])))
    });
    let not_it = |pair: &Pair| format!("not {}", name(pair.class));
    let negatives = (0..config.negatives_per_pair)
        .flat_map(|at| pairs.iter().map(move |pair| (not_it(pair), scaled(&pair.negatives[at]))));
    let seen: Vec<(String, Heatmap)> = views.chain(negatives).collect();
    let tiles: Vec<Tile<'_>> =
        seen.iter().map(|(label, heatmap)| Tile { label, heatmap }).collect();
    let title = format!("{}: the first batch, one pair a column", preset.name());
    Ok(montage(&title, &tiles, pairs.len())?.save_png(&folder.file("montage.png"))?)
}

/// Writes `loss.png` from the log of the run, and returns the lines of the log.
///
/// # Errors
/// Returns an error when the log cannot be read, or when the picture cannot be written.
pub(super) fn write_loss_curve(
    folder: &RunFolder,
    config: &SimClrConfig,
) -> Result<Vec<MetricsLine>> {
    let lines = MetricsLog::read(&folder.file("metrics.jsonl"))?;
    let (train, valid) = (points(&lines, "train", "loss"), points(&lines, "valid", "loss"));
    let last = train.last().map_or(1.0, |point| point.0);
    let chance = loss_chance(config).map(|chance| [(1.0, chance), (last, chance)]);
    let mut all = vec![
        Curve { name: "training", points: &train },
        Curve { name: "held-out pairs", points: &valid },
    ];
    if let Some(chance) = &chance {
        all.push(Curve { name: "random embeddings", points: chance });
    }
    let title = format!("{} on {}", config.loss.name, config.preset);
    curves(&title, "batch", "loss", &all)?.save_png(&folder.file("loss.png"))?;
    Ok(lines)
}

/// Writes `evaluation.png`: the evaluations of the features during training. Nothing is written if
/// there were none.
///
/// # Errors
/// Returns an error when the picture cannot be written.
pub(super) fn write_evaluation_curves(folder: &RunFolder, lines: &[MetricsLine]) -> Result<()> {
    let of = |name: &str| points(lines, "valid", name);
    let (knn, probe) = (of("knn_accuracy"), of("probe_accuracy"));
    if knn.is_empty() {
        return Ok(());
    }
    let (alignment, uniformity, rank) = (of("alignment"), of("uniformity"), of("effective_rank"));
    let accuracies = [
        Curve { name: "nearest neighbours", points: &knn },
        Curve { name: "linear probe", points: &probe },
    ];
    let sphere = [
        Curve { name: "alignment", points: &alignment },
        Curve { name: "uniformity", points: &uniformity },
    ];
    let rank = [Curve { name: "effective rank", points: &rank }];
    let pictures = [
        curves("Classes told from the features", "batch", "accuracy", &accuracies)?,
        curves("Features on the sphere", "batch", "value (lower is better)", &sphere)?,
        curves("Directions that the features use", "batch", "effective rank", &rank)?,
    ];
    Ok(Picture::stacked(&pictures).save_png(&folder.file("evaluation.png"))?)
}

/// Returns the points (step, value) of a metric on a split.
fn points(lines: &[MetricsLine], split: &str, name: &str) -> Vec<(f64, f64)> {
    let of_split = lines.iter().filter(|line| line.split == split);
    of_split.filter_map(|line| Some((line.step as f64, *line.values.get(name)?))).collect()
}

/// Writes `pca.png`: scatter plots of the first two principal components of the test features,
/// before and after training. Each plot has principal components of its own.
///
/// # Errors
/// Returns an error when the features do not span two directions, or when the picture cannot be
/// written.
pub(super) fn write_pca(
    folder: &RunFolder,
    preset: &dyn ClassSource,
    untrained: &Evaluated,
    trained: &Evaluated,
) -> Result<()> {
    let plane = |evaluated: &Evaluated| PrincipalPlane::of(evaluated.test.features.as_ref());
    let (before, after) = (plane(untrained)?, plane(trained)?);
    let panels = [
        before.scatter("before training", &untrained.test.labels),
        after.scatter("after training", &trained.test.labels),
    ];
    let names = preset.class_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let title = format!("{}: features of held-out samples", preset.name());
    Ok(scatters(&title, &panels, &names)?.save_png(&folder.file("pca.png"))?)
}

impl SimClrSummary {
    /// Combines all numbers of a run. `lines` is its log, and the two reports evaluate the features
    /// before and after training.
    pub(super) fn new(
        config: &SimClrConfig,
        device: &str,
        num_classes: usize,
        stats: TrainingStats,
        lines: &[MetricsLine],
        [untrained, trained]: [&RepresentationReport; 2],
        broken_banners: Vec<BrokenBanners>,
    ) -> Self {
        let losses = |split: &str| -> Vec<f64> {
            let of_split = lines.iter().filter(|line| line.split == split);
            of_split.filter_map(|line| line.values.get("loss").copied()).collect()
        };
        let train = losses("train");
        let last = &train[train.len() - train.len().div_ceil(20)..];
        let gain = |after: f64, before: f64| {
            let error = trained.standard_error_of_difference(after, before);
            if error > 0.0 { (after - before) / error } else { 0.0 }
        };
        Self {
            architecture: config.architecture.to_string(),
            preset: config.preset.clone(),
            device: device.to_owned(),
            batches: stats.steps,
            images_per_batch: config.images_per_batch(),
            images_per_second: stats.images as f64 / stats.seconds.max(f64::MIN_POSITIVE),
            loss_first: train.first().copied().unwrap_or(f64::NAN),
            loss_last: last.iter().sum::<f64>() / last.len() as f64,
            loss_chance: loss_chance(config),
            loss_valid: losses("valid").last().copied().unwrap_or(f64::NAN),
            accuracy_chance: 1.0 / num_classes as f64,
            knn_accuracy: trained.knn_accuracy,
            knn_accuracy_untrained: untrained.knn_accuracy,
            knn_gain_in_standard_errors: gain(trained.knn_accuracy, untrained.knn_accuracy),
            probe_accuracy: trained.probe_accuracy,
            probe_accuracy_untrained: untrained.probe_accuracy,
            probe_gain_in_standard_errors: gain(trained.probe_accuracy, untrained.probe_accuracy),
            probe_accuracy_valid: points(lines, "valid", "probe_accuracy")
                .last()
                .map(|point| point.1),
            effective_rank: trained.effective_rank,
            effective_rank_untrained: untrained.effective_rank,
            alignment: trained.alignment,
            alignment_untrained: untrained.alignment,
            uniformity: trained.uniformity,
            uniformity_untrained: untrained.uniformity,
            evaluated_samples: trained.samples,
            broken_banners,
        }
    }

    /// Formats the summary as a table to print.
    pub fn table(&self) -> String {
        let row = |what: &str, before: f64, after: f64| {
            format!("{what:<24}{before:>10.3}{after:>10.3}\n")
        };
        let mut text = format!("{:<24}{:>10}{:>10}\n", "", "before", "after");
        text += &row("training loss", self.loss_first, self.loss_last);
        text += &row("kNN accuracy", self.knn_accuracy_untrained, self.knn_accuracy);
        text += &row("linear probe accuracy", self.probe_accuracy_untrained, self.probe_accuracy);
        text += &row("alignment", self.alignment_untrained, self.alignment);
        text += &row("uniformity", self.uniformity_untrained, self.uniformity);
        text += &row("effective rank", self.effective_rank_untrained, self.effective_rank);
        for BrokenBanners { clicks, auroc, auroc_untrained } in &self.broken_banners {
            text += &row(&format!("AUROC at {clicks} clicks"), *auroc_untrained, *auroc);
        }
        if !self.broken_banners.is_empty() {
            text += "The areas are of broken banners by the cosine to one good one, on held-out \
                     layouts.\n";
        }
        if let Some(chance) = self.loss_chance {
            text += &format!("Random embeddings have a loss of {chance:.3}. ");
        }
        text += &format!(
            "Guessing has an accuracy of {:.3}.\n\
             Gains over the untrained encoder: kNN {:.1}, probe {:.1} standard errors, on {} \
             held-out samples.\n\
             {} batches of {} images at {:.1} images/s.",
            self.accuracy_chance,
            self.knn_gain_in_standard_errors,
            self.probe_gain_in_standard_errors,
            self.evaluated_samples,
            self.batches,
            self.images_per_batch,
            self.images_per_second,
        );
        text
    }
}

/// Returns the expected loss of random embeddings: with NT-Xent, every other image of the batch is
/// equally likely to be the positive. It returns `None` for other losses and with a memory bank.
fn loss_chance(config: &SimClrConfig) -> Option<f64> {
    let is_plain = config.loss.name == ContrastiveLossName::NtXent && config.loss.memory_bank == 0;
    is_plain.then(|| ((config.images_per_batch() - 1) as f64).ln())
}
