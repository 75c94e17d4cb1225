//! [`run_count`]: a whole count study, from the first training step to the last picture.

use burn::tensor::Device;

use super::count::{CountResults, CountSummary, write_count};
use crate::Result;
use crate::data::Split;
use crate::evaluation::{CountCeiling, CountReport, HeldOut, predict_counts};
use crate::run::{
    Checkpoint, CountConfig, FineTuneStart, RunConfig, RunFolder, RunObserver, TrainingOptions,
    save_data, save_encoder, train_count,
};

/// Number of samples from which the best possible accuracy is estimated.
const CEILING_SAMPLES: usize = 20_000;

/// Trains a network in `folder` that counts clusters, and evaluates it on held-out samples. It
/// writes the encoder, `summary.json`, `report.json` and pictures to `folder`.
///
/// `start` is what the configuration [resolves](RunConfig::resolve) to, and `device_name` the name
/// of the device for the summary. With `resume`, training continues from that checkpoint.
///
/// Returns the summary. It returns `None` when the user stopped the training; the run can then be
/// resumed from a checkpoint in the folder.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file cannot be read or written, or when
/// the loss is not finite.
pub fn run_count(
    folder: &RunFolder,
    (config, start): (&CountConfig, &FineTuneStart),
    (device_name, device): (&str, &Device),
    resume: Option<Checkpoint>,
    observer: &dyn RunObserver,
) -> Result<Option<CountSummary>> {
    let shows_progress = observer.shows_progress();
    let options = TrainingOptions { shows_progress, ..config.training_options(resume) };
    observer.training_begins(&options.interrupter);
    let outcome = train_count(config, start, folder, device, &options);
    observer.training_ends();
    let outcome = outcome?;
    if outcome.interrupted {
        return Ok(None);
    }
    save_encoder(folder, outcome.model.encoder())?;
    save_data(folder, &**start.source())?;

    let seed = config.training().seed;
    let held_out = HeldOut::new(
        &**start.source(),
        Split::Test.seed(seed),
        config.fine_tune.evaluation.final_samples,
        config.fine_tune.image,
    );
    let report = |flips: bool, what: &str| -> Result<CountReport> {
        observer.begin(what, held_out.samples);
        let predictions = predict_counts(&outcome.model, device, &held_out, flips, |done| {
            observer.advance(done);
        })?;
        observer.finish();
        Ok(CountReport::new(&predictions))
    };
    let ceilings = start.preset().map(|preset| {
        [0.5, 1.0, 2.0].map(|sigmas| {
            CountCeiling::estimate(preset, Split::Fit.seed(seed), CEILING_SAMPLES, sigmas)
        })
    });
    let results = CountResults {
        plain: report(false, "counting")?,
        flipped: report(true, "counting, mirrored too")?,
        ceilings,
    };
    write_count(folder, config, &outcome, &held_out, &results, device, device_name).map(Some)
}
