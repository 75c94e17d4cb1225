//! The results of a count run: `summary.json`, `report.json` and pictures.

use burn::tensor::Device;
use heatmap_core::plot::{Curve, Tile, confusion, curves, montage};
use heatmap_models::Backbone;
use serde::Serialize;

use super::training_curve::write_training_curve;
use crate::Result;
use crate::evaluation::{CountCeiling, CountReport, HeldOut, predict_counts};
use crate::run::{CountConfig, MetricsLog, Outcome, RunFolder};
use crate::task::Count;

/// How accurately a network counts clusters, and estimates of the best accuracy possible.
#[derive(Debug, Clone, Serialize)]
pub struct CountResults {
    /// Scores on the unchanged images.
    pub plain: CountReport,
    /// Scores of the probabilities averaged over each image and its mirror images.
    pub flipped: CountReport,
    /// Estimates of the best accuracy possible. They assume that two clusters look like one below a
    /// distance of 0.5, 1 and 2 standard deviations, and need a generator: `None` for a click log.
    pub ceilings: Option<[CountCeiling; 3]>,
}

/// The numbers in `summary.json` of a count run. Unless stated otherwise, a score is measured on
/// the probabilities averaged over each image and its mirror images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountSummary {
    /// Name of the encoder.
    pub architecture: String,
    /// Name of the preset.
    pub preset: String,
    /// Name of the loss.
    pub loss: String,
    /// Name of the device.
    pub device: String,
    /// Number of samples trained on, including those before a resume.
    pub samples: usize,
    /// Seconds of training since the run was started or resumed, without validation and
    /// checkpoints.
    pub seconds: f64,
    /// Training speed over these `seconds`.
    pub images_per_second: f64,
    /// Number of training steps done, each with one batch.
    pub batches: usize,
    /// The step whose checkpoint is the result.
    pub best_batch: usize,
    /// Share of test samples whose most probable count is correct.
    pub exact_accuracy: f64,
    /// Standard error of `exact_accuracy`.
    pub exact_accuracy_standard_error: f64,
    /// Share of test samples whose most probable count is wrong by at most 1.
    pub within_one: f64,
    /// Mean absolute error of the most probable count.
    pub mae: f64,
    /// Mean absolute error of the median of the predicted distribution.
    pub mae_of_median: f64,
    /// Mean absolute error of the mean of the predicted distribution, which is not rounded.
    pub mae_of_expected: f64,
    /// Mean negative log-likelihood of the true count, in nats.
    pub nll: f64,
    /// Expected calibration error of the probability of the most probable count.
    pub calibration_error: f64,
    /// `exact_accuracy` on the unchanged images alone.
    pub exact_accuracy_without_flips: f64,
    /// `mae` on the unchanged images alone.
    pub mae_without_flips: f64,
    /// Estimate of the best `exact_accuracy` possible if two clusters look like one when their
    /// distance is below half a standard deviation; `None` without a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling_half_sigma: Option<f64>,
    /// Like `ceiling_half_sigma`, for a distance of one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling_one_sigma: Option<f64>,
    /// Like `ceiling_half_sigma`, for a distance of two standard deviations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling_two_sigmas: Option<f64>,
    /// Number of test samples that were scored.
    pub evaluated_samples: usize,
}

impl CountSummary {
    /// Formats the summary as a few lines to print.
    pub fn table(&self) -> String {
        let ceilings = [self.ceiling_half_sigma, self.ceiling_one_sigma, self.ceiling_two_sigmas];
        let ceilings = match ceilings {
            [Some(half), Some(one), Some(two)] => format!(
                "\nceiling of exact counting, if clusters look like one below 0.5, 1 or 2 standard \
                 deviations: {half:.2}, {one:.2}, {two:.2}"
            ),
            _ => String::new(),
        };
        format!(
            "exact {:.3} (standard error {:.3}), within one {:.3}, mean absolute error {:.2} \
             ({:.2} of the median count)\n\
             calibration error {:.3}; without mirror images: exact {:.3}, mean absolute error \
             {:.2}{ceilings}\n\
             {} held-out samples; trained on {} samples in {:.0} s ({:.1} images/s), best after \
             batch {} of {}",
            self.exact_accuracy,
            self.exact_accuracy_standard_error,
            self.within_one,
            self.mae,
            self.mae_of_median,
            self.calibration_error,
            self.exact_accuracy_without_flips,
            self.mae_without_flips,
            self.evaluated_samples,
            self.samples,
            self.seconds,
            self.images_per_second,
            self.best_batch,
            self.batches,
        )
    }
}

/// Writes `report.json`, `summary.json` and the pictures of a count run to `folder`, and returns
/// the summary.
///
/// The pictures show the confusion matrix, the curves of loss and accuracy, the accuracy by true
/// count, the calibration, and 16 samples of `held_out` with the predictions of the trained network
/// on `device`. `device_name` is the name of the device for the summary.
///
/// # Errors
/// Returns an error when the log of the run cannot be read, when the network cannot be applied to
/// the samples, or when a file cannot be written.
pub fn write_count(
    folder: &RunFolder,
    config: &CountConfig,
    outcome: &Outcome<Count<Backbone>>,
    held_out: &HeldOut<'_>,
    results: &CountResults,
    device: &Device,
    device_name: &str,
) -> Result<CountSummary> {
    let CountResults { plain, flipped, ceilings } = results;
    let stats = outcome.stats;
    let ceiling = |at: usize| ceilings.as_ref().map(|ceilings| ceilings[at].exact_accuracy);
    let summary = CountSummary {
        architecture: config.fine_tune.architecture.to_string(),
        preset: config.fine_tune.preset.clone(),
        loss: config.loss.to_string(),
        device: device_name.to_owned(),
        samples: stats.steps * config.fine_tune.batch_size,
        seconds: stats.seconds,
        images_per_second: stats.images as f64 / stats.seconds.max(f64::MIN_POSITIVE),
        batches: stats.steps,
        best_batch: outcome.chosen_step,
        exact_accuracy: flipped.exact_accuracy,
        exact_accuracy_standard_error: flipped.exact_accuracy_standard_error,
        within_one: flipped.within_one,
        mae: flipped.mae,
        mae_of_median: flipped.mae_of_median,
        mae_of_expected: flipped.mae_of_expected,
        nll: flipped.nll,
        calibration_error: flipped.calibration.expected_calibration_error,
        exact_accuracy_without_flips: plain.exact_accuracy,
        mae_without_flips: plain.mae,
        ceiling_half_sigma: ceiling(0),
        ceiling_one_sigma: ceiling(1),
        ceiling_two_sigmas: ceiling(2),
        evaluated_samples: flipped.samples,
    };
    folder.write_json("report.json", results)?;
    write_pictures(folder, config, flipped)?;
    write_montage(folder, &outcome.model, held_out, device)?;
    folder.write_json("summary.json", &summary)?;
    Ok(summary)
}

fn write_pictures(folder: &RunFolder, config: &CountConfig, report: &CountReport) -> Result<()> {
    let preset = &config.fine_tune.preset;
    let names: Vec<String> =
        (report.min_count..).take(report.confusion.len()).map(|count| count.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let title = format!("{preset}: true and predicted number of clusters");
    confusion(&title, &names, &report.confusion)?.save_png(&folder.file("confusion.png"))?;

    let lines = MetricsLog::read(&folder.file("metrics.jsonl"))?;
    write_training_curve(folder, &lines, "loss", "loss", "loss.png")?;
    write_training_curve(
        folder,
        &lines,
        "exact_accuracy",
        "share of right counts",
        "accuracy.png",
    )?;

    let per_count: Vec<(f64, f64)> = (report.min_count..)
        .zip(&report.accuracy_per_count)
        .filter_map(|(count, accuracy)| Some((count as f64, (*accuracy)?)))
        .collect();
    let curve = [Curve { name: "held-out samples", points: &per_count }];
    let picture = curves("Share of right counts by true count", "clusters", "share", &curve)?;
    picture.save_png(&folder.file("accuracy_per_count.png"))?;

    let bins: Vec<(f64, f64)> =
        report.calibration.bins.iter().map(|bin| (bin.confidence, bin.accuracy)).collect();
    let ideal = [(0.0, 0.0), (1.0, 1.0)];
    let both = [
        Curve { name: "held-out samples", points: &bins },
        Curve { name: "calibrated", points: &ideal },
    ];
    let picture = curves(
        "Calibration",
        "probability of the most probable count",
        "share that is right",
        &both,
    )?;
    Ok(picture.save_png(&folder.file("calibration.png"))?)
}

/// Writes `montage.png`: some held-out samples with their true and their most probable count.
fn write_montage(
    folder: &RunFolder,
    task: &Count<Backbone>,
    held_out: &HeldOut<'_>,
    device: &Device,
) -> Result<()> {
    let few = HeldOut { samples: held_out.samples.min(16), ..*held_out };
    let predictions = predict_counts(task, device, &few, false, |_| ())?;
    let samples: Vec<_> = (0..few.samples).map(|index| few.sample(index)).collect();
    let seen = samples.iter().map(|sample| few.image.scaled(&sample.heatmap)).collect::<Vec<_>>();
    let answers = predictions.truth().into_iter().zip(predictions.mode());
    let labels: Vec<String> =
        answers.map(|(truth, mode)| format!("{truth} clusters, said {mode}")).collect();
    let tiles: Vec<Tile<'_>> =
        labels.iter().zip(&seen).map(|(label, heatmap)| Tile { label, heatmap }).collect();
    let title = format!("{}: held-out samples, as the network sees them", few.source.name());
    Ok(montage(&title, &tiles, 4)?.save_png(&folder.file("montage.png"))?)
}
