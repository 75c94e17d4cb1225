//! [`run_simclr`]: a whole SimCLR study, from the untrained encoder to the last picture.

use burn::tensor::Device;
use heatmap_models::{Backbone, Encoder};

use super::simclr_report::{
    BrokenBanners, Evaluated, SimClrSummary, write_evaluation_curves, write_loss_curve,
    write_montage, write_pca,
};
use crate::Result;
use crate::data::{ClassSource, Split};
use crate::evaluation::{AnchorTask, evaluate_representation, extract_features};
use crate::run::{
    Checkpoint, RunConfig, RunFolder, RunObserver, SimClrConfig, TrainingOptions, save_encoder,
    train_simclr, untrained_encoder,
};

/// Trains an encoder with SimCLR in `folder`, and evaluates its features before and after training.
/// It writes the encoder, `summary.json` and pictures to `folder`.
///
/// The pair `(device_name, devices)` is the name of the device for the summary, and the devices
/// that share each batch. The evaluation uses the first of them. With `resume`, training continues
/// from that checkpoint.
///
/// Returns the summary. It returns `None` when the user stopped the training; the run can then be
/// resumed from a checkpoint in the folder.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file cannot be read or written, or when
/// the loss or a feature is not finite.
pub fn run_simclr(
    folder: &RunFolder,
    config: &SimClrConfig,
    (device_name, devices): (&str, &[Device]),
    resume: Option<Checkpoint>,
    observer: &dyn RunObserver,
) -> Result<Option<SimClrSummary>> {
    let preset = config.resolve()?;
    write_montage(folder, config, &preset)?;

    let per_class = config.evaluation.final_samples.div_ceil(preset.num_classes());
    let data = (&*preset, config);
    let before = untrained_encoder(config, &devices[0]);
    let evaluate = |what: &str, encoder: &Backbone| {
        evaluate_encoder(what, encoder, &devices[0], data, per_class, observer)
    };
    let untrained = evaluate("untrained encoder", &before)?;

    let shows_progress = observer.shows_progress();
    let options = TrainingOptions { shows_progress, ..config.training_options(resume) };
    observer.training_begins(&options.interrupter);
    let outcome = train_simclr(config, folder, devices, &options);
    observer.training_ends();
    let outcome = outcome?;
    if outcome.interrupted {
        return Ok(None);
    }
    let encoder = outcome.model.encoder();
    save_encoder(folder, encoder)?;
    let trained = evaluate("trained encoder", encoder)?;
    let lines = write_loss_curve(folder, config)?;
    write_evaluation_curves(folder, &lines)?;
    write_pca(folder, &*preset, &untrained, &trained)?;
    let broken_banners = match preset.negatives(0, 0, 0..0) {
        Some(_) => find_broken([&before, encoder], &devices[0], config, observer)?,
        None => Vec::new(),
    };
    let classes = preset.num_classes();
    let reports = [&untrained.report, &trained.report];
    let summary = SimClrSummary::new(
        config,
        device_name,
        classes,
        outcome.stats,
        &lines,
        reports,
        broken_banners,
    );
    folder.write_json("summary.json", &summary)?;
    Ok(Some(summary))
}

/// Measures how well the features of the untrained and the trained encoder detect broken banners.
fn find_broken(
    [untrained, trained]: [&Backbone; 2],
    device: &Device,
    config: &SimClrConfig,
    observer: &dyn RunObserver,
) -> Result<Vec<BrokenBanners>> {
    let layouts = if config.evaluation.final_samples < 1_000 { 4 } else { 100 };
    let task = |clicks| AnchorTask {
        clicks,
        layouts,
        ..AnchorTask::new(Split::Test.seed(config.training.seed))
    };
    observer.begin("broken banners", 2 * CLICKS.len() * task(0).heatmaps());
    let of = |clicks: u32| -> Result<BrokenBanners> {
        let auroc = |encoder: &Backbone| {
            task(clicks).auroc(encoder, device, &config.image, |done| observer.advance(done))
        };
        Ok(BrokenBanners { clicks, auroc: auroc(trained)?, auroc_untrained: auroc(untrained)? })
    };
    let all = CLICKS.into_iter().map(of).collect::<Result<_>>()?;
    observer.finish();
    Ok(all)
}

/// Numbers of clicks per banner at which the detection of broken banners is measured.
const CLICKS: [u32; 4] = [25, 50, 200, 1_000];

/// Evaluates the features of an encoder. kNN and linear probe are fitted on the fit split of the
/// preset and scored on its test split, with `per_class` samples of each class in both. `what`
/// describes the encoder for the observer.
///
/// # Errors
/// Returns an error when a heatmap is larger than the image, or when a feature is not finite.
fn evaluate_encoder(
    what: &str,
    encoder: &impl Encoder,
    device: &Device,
    (preset, config): (&dyn ClassSource, &SimClrConfig),
    per_class: usize,
    observer: &dyn RunObserver,
) -> Result<Evaluated> {
    let features = |split: Split| {
        let data = (preset, split.seed(config.training.seed));
        observer.begin(what, per_class * preset.num_classes());
        let features = extract_features(encoder, device, data, &config.image, per_class, |done| {
            observer.advance(done);
        });
        observer.finish();
        features
    };
    let (fit, test) = (features(Split::Fit)?, features(Split::Test)?);
    let report =
        evaluate_representation(&fit, &test, preset.num_classes(), &config.evaluation.fits())?;
    Ok(Evaluated { test, report })
}
