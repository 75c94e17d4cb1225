//! [`run_location`]: a whole location study, from the first training step to the last picture.

use burn::tensor::Device;
use heatmap_core::synth::Sample;

use super::location::{LocationResults, LocationSummary, write_location, write_location_montage};
use crate::Result;
use crate::data::Split;
use crate::evaluation::{HeldOut, LocationBaseline, ProposedMap, Thresholds, propose_centres};
use crate::metric::LocationReport;
use crate::run::{
    Checkpoint, FineTuneStart, LocationConfig, RunConfig, RunFolder, RunObserver, TrainingOptions,
    save_data, save_encoder, train_location,
};

/// Largest number of samples on which the baselines are fitted.
const BASELINE_SAMPLES: usize = 500;

/// Trains a network in `folder` that locates clusters, and evaluates it and some baselines without
/// a network on held-out samples. It writes the encoder, `summary.json`, `report.json` and pictures
/// to `folder`.
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
pub fn run_location(
    folder: &RunFolder,
    (config, start): (&LocationConfig, &FineTuneStart),
    (device_name, device): (&str, &Device),
    resume: Option<Checkpoint>,
    observer: &dyn RunObserver,
) -> Result<Option<LocationSummary>> {
    let shows_progress = observer.shows_progress();
    let options = TrainingOptions { shows_progress, ..config.training_options(resume) };
    observer.training_begins(&options.interrupter);
    let outcome = train_location(config, start, folder, device, &options);
    observer.training_ends();
    let outcome = outcome?;
    if outcome.interrupted {
        return Ok(None);
    }
    save_encoder(folder, outcome.model.encoder())?;
    save_data(folder, &**start.source())?;

    let (source, evaluation) = (&**start.source(), config.fine_tune.evaluation);
    let (seed, image) = (config.training().seed, config.fine_tune.image);
    let held_out = |split: Split, samples| HeldOut::new(source, split.seed(seed), samples, image);
    let grid = source.grid();
    // Thresholds and baselines are fitted on other samples than those that are scored.
    let fit = held_out(Split::Fit, evaluation.samples);
    let test = held_out(Split::Test, evaluation.final_samples);
    let propose = |data: &HeldOut<'_>| -> Result<Vec<ProposedMap>> {
        observer.begin("locating", data.samples);
        let maps = propose_centres(&outcome.model, device, data, |done| observer.advance(done))?;
        observer.finish();
        Ok(maps)
    };
    let thresholds = Thresholds::fit(&propose(&fit)?, grid)?;
    let located = thresholds.locate_all(&propose(&test)?);
    let network = LocationReport::new(&located, grid)?;

    let samples = |data: &HeldOut<'_>| {
        (0..data.samples).map(|index| data.sample(index)).collect::<Vec<Sample>>()
    };
    let few = samples(&HeldOut { samples: fit.samples.min(BASELINE_SAMPLES), ..fit });
    let all = samples(&test);
    let mut baselines = Vec::new();
    for baseline in LocationBaseline::fit_all(&few, grid, config.num_centres)? {
        let maps = baseline.locate_all(&all, config.num_centres)?;
        baselines.push((baseline, LocationReport::new(&maps, grid)?));
    }
    let results = LocationResults { network, thresholds, baselines };
    let run = (outcome.stats, outcome.chosen_step);
    let summary = write_location(folder, config, run, &results, device_name)?;
    write_location_montage(folder, config, &all, &located)?;
    Ok(Some(summary))
}
