//! One SimCLR run: from the untrained encoder to the last picture.

use std::error::Error;

use heatmap_models::burn::tensor::Device;
use heatmap_models::{Backbone, Encoder};
use heatmap_train::data::{ClassSource, Split};
use heatmap_train::evaluation::{AnchorTask, evaluate_representation};
use heatmap_train::run::{
    Checkpoint, RunFolder, Selection, SimClrConfig, TrainingOptions, train_simclr,
    untrained_encoder,
};

use super::report::{
    BrokenBanners, Evaluated, Summary, write_evaluation_curves, write_loss_curve, write_montage,
    write_pca,
};
use crate::fine_tune::save_encoder;
use crate::start::CtrlC;
use crate::{extract_with_bar, image_bar};

/// Trains in `folder`, measures and draws. `None` when the user stopped it: then there is a
/// checkpoint to go on from.
///
/// # Errors
/// When a setting cannot be used, a file cannot be written or read, or the loss is not finite.
pub fn run_simclr(
    folder: &RunFolder,
    config: &SimClrConfig,
    (device_name, devices): (&str, &[Device]),
    resume: Option<Checkpoint>,
    ctrl_c: &CtrlC,
) -> Result<Option<Summary>, Box<dyn Error>> {
    let preset = config.check()?;
    write_montage(folder, config, &preset)?;

    let per_class = config.evaluation.final_samples.div_ceil(preset.num_classes());
    let data = (&*preset, config);
    let untrained = evaluate_encoder(
        "untrained encoder",
        &untrained_encoder(config, &devices[0]),
        &devices[0],
        data,
        per_class,
    )?;

    let options = TrainingOptions {
        steps: config.batches,
        checkpoint_every: config.checkpoint_every,
        images_per_step: config.images_per_batch(),
        resume,
        selection: Selection::Last,
        interrupter: Default::default(),
    };
    ctrl_c.stops(&options);
    let outcome = train_simclr(config, folder, devices, &options);
    ctrl_c.exits();
    let outcome = outcome?;
    if outcome.interrupted {
        return Ok(None);
    }
    let encoder = outcome.model.encoder();
    save_encoder(folder, encoder)?;
    let trained = evaluate_encoder("trained encoder", encoder, &devices[0], data, per_class)?;
    let lines = write_loss_curve(folder, config)?;
    write_evaluation_curves(folder, &lines)?;
    write_pca(folder, &*preset, &untrained, &trained)?;
    let before = untrained_encoder(config, &devices[0]);
    let broken_banners = match preset.negatives(0, 0, 0..0) {
        Some(_) => find_broken([&before, encoder], &devices[0], config)?,
        None => Vec::new(),
    };
    let classes = preset.num_classes();
    let reports = [&untrained.report, &trained.report];
    let summary =
        Summary::new(config, device_name, classes, outcome.stats, &lines, reports, broken_banners);
    folder.write_json("summary.json", &summary)?;
    Ok(Some(summary))
}

/// How well the features of two encoders, untrained and trained, find broken banners.
fn find_broken(
    [untrained, trained]: [&Backbone; 2],
    device: &Device,
    config: &SimClrConfig,
) -> Result<Vec<BrokenBanners>, Box<dyn Error>> {
    let layouts = if config.evaluation.final_samples < 1_000 { 4 } else { 100 };
    let task =
        |clicks| AnchorTask { clicks, layouts, ..AnchorTask::new(Split::Test.seed(config.seed)) };
    let bar = image_bar(2 * CLICKS.len() * task(0).heatmaps(), "broken banners");
    let of = |clicks: u32| -> heatmap_train::Result<BrokenBanners> {
        let auroc = |encoder: &Backbone| {
            task(clicks).auroc(encoder, device, &config.image, |done| bar.inc(done as u64))
        };
        Ok(BrokenBanners { clicks, auroc: auroc(trained)?, auroc_untrained: auroc(untrained)? })
    };
    let all = CLICKS.into_iter().map(of).collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    Ok(all)
}

/// Clicks at which broken banners are looked for.
const CLICKS: [u32; 4] = [25, 50, 200, 1_000];

/// What the features of an encoder are worth: neighbours and probe are fitted on one part of the
/// data set, which is of `preset` and of the seed of the run, and scored on another.
///
/// # Errors
/// When features are not finite.
fn evaluate_encoder(
    what: &'static str,
    encoder: &impl Encoder,
    device: &Device,
    (preset, config): (&dyn ClassSource, &SimClrConfig),
    per_class: usize,
) -> Result<Evaluated, Box<dyn Error>> {
    let features = |split: Split| {
        let data = (preset, split.seed(config.seed));
        extract_with_bar(what, encoder, device, data, &config.image, per_class)
    };
    let (fit, test) = (features(Split::Fit)?, features(Split::Test)?);
    let report =
        evaluate_representation(&fit, &test, preset.num_classes(), &config.evaluation.fits())?;
    Ok(Evaluated { test, report })
}
