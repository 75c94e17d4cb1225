//! One SimCLR run: from the untrained encoder to the last picture.

use std::error::Error;

use heatmap_core::synth::Preset;
use heatmap_models::Encoder;
use heatmap_models::burn::tensor::Device;
use heatmap_train::data::Split;
use heatmap_train::evaluation::evaluate_representation;
use heatmap_train::run::{
    Checkpoint, RunFolder, Selection, SimClrConfig, TrainingOptions, train_simclr, untrained_encoder,
};

use super::report::{Evaluated, Summary, write_evaluation_curves, write_loss_curve, write_montage, write_pca};
use crate::extract_with_bar;
use crate::fine_tune::save_encoder;
use crate::start::CtrlC;

/// Trains in `folder`, measures and draws. `None` when the user stopped it: then there is a checkpoint to go on from.
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
    let untrained =
        evaluate_encoder("untrained encoder", &untrained_encoder(config, &devices[0]), &devices[0], data, per_class)?;

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
    write_pca(folder, &preset, &untrained, &trained)?;
    let classes = preset.num_classes();
    let summary = Summary::new(config, device_name, classes, outcome.stats, &lines, &untrained.report, &trained.report);
    folder.write_json("summary.json", &summary)?;
    Ok(Some(summary))
}

/// What the features of an encoder are worth: neighbours and probe are fitted on one part of the data set, which is of
/// `preset` and of the seed of the run, and scored on another.
///
/// # Errors
/// When features are not finite.
fn evaluate_encoder(
    what: &'static str,
    encoder: &impl Encoder,
    device: &Device,
    (preset, config): (&Preset, &SimClrConfig),
    per_class: usize,
) -> Result<Evaluated, Box<dyn Error>> {
    let features = |split: Split| {
        let data = (preset, split.seed(config.seed));
        extract_with_bar(what, encoder, device, data, &config.image, per_class)
    };
    let (fit, test) = (features(Split::Fit)?, features(Split::Test)?);
    let report = evaluate_representation(&fit, &test, preset.num_classes(), &config.evaluation.fits())?;
    Ok(Evaluated { test, report })
}
