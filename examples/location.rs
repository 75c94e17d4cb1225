//! Trains an encoder to locate the clusters of a heatmap, from scratch or from weights, and
//! compares it with ways that need no network.
//!
//! ```text
//! cargo run --release --example location
//! ```
//!
//! The task is that of the report: 0 to 6 clusters in noise (`--preset location-report`).
//! `--loss set` matches clusters and candidates one to one, `--loss chamfer` is the report's
//! distance of sets. It leaves `config.json`, `metrics.jsonl` and
//! `events/` (for TensorBoard), `summary.json`, `report.json`, pictures, `encoder.safetensors` (for
//! `features` and `--weights`) and checkpoints in `--out`, of which the one with the best F1 on
//! held-out samples is the result. Ctrl-C stops after the batch; `--resume` goes on.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::synth::Sample;
use heatmap_examples::fine_tune::{FineTuneArguments, smoke};
use heatmap_examples::{Ending, SharedArguments, Terminal, end, image_bar, say};
use heatmap_train::data::Split;
use heatmap_train::evaluation::{
    HeldOut, LocationBaseline, ProposedMap, Thresholds, propose_centres,
};
use heatmap_train::metric::LocationReport;
use heatmap_train::run::{
    LocationConfig, LocationLossName, RunConfig, RunObserver, Started, TrainingOptions,
    save_encoder, train_location,
};
use heatmap_train::study::{LocationResults, write_location, write_location_montage};

/// Train an encoder to locate the clusters of a heatmap, and compare it with ways that need no
/// network
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without options: a ResNet-50 on 1,500 batches of 64 samples of location-report, \
                  by AdamW at 0.001 with a warm-up of 0.15 and a weight decay of 0.01; ten \
                  checkpoints."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    fine_tune: FineTuneArguments,

    /// What the head learns from: set, chamfer, chamfer-squared or chamfer-mean [default: set]
    #[arg(long, value_name = "NAME")]
    loss: Option<LocationLossName>,

    /// Side of the cells of the image that propose a centre each: that of a map of the encoder, or
    /// finer [default: 4]
    #[arg(long, value_name = "PX")]
    cell: Option<usize>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let (shared, fine_tune) = (&arguments.shared, &arguments.fine_tune);
    let device = shared.device.open()?;
    let mut fresh = LocationConfig::published_recipe();
    if shared.smoke {
        fresh.fine_tune = smoke(fresh.fine_tune);
    }
    let overlay = |config: LocationConfig| {
        let fine_tune = fine_tune.overlay(shared.seed, config.fine_tune.clone());
        // Another preset may have more clusters; what the settings say of this one stays.
        let same = fine_tune.preset == config.fine_tune.preset;
        Ok(LocationConfig {
            num_centres: if same { config.num_centres } else { *fine_tune.counts()?.end() },
            fine_tune,
            loss: arguments.loss.unwrap_or(config.loss),
            cell_px: arguments.cell.unwrap_or(config.cell_px),
        })
    };
    let Started { folder, config, resolved, resume } =
        fine_tune.run.start(&shared.out("location"), fresh, overlay)?;
    let preset = resolved.preset();
    let options = TrainingOptions { shows_progress: true, ..config.training_options(resume) };
    let terminal = Terminal::handle_ctrl_c()?;
    terminal.training_begins(&options.interrupter);
    let outcome = train_location(&config, &resolved, &folder, &device, &options)?;
    if outcome.interrupted {
        say(&format!("Stopped after batch {}; go on with --resume.", outcome.stats.steps));
        return Ok(Ending::Interrupted);
    }
    terminal.training_ends();
    save_encoder(&folder, outcome.model.encoder())?;

    let held_out = |split: Split, samples: usize| HeldOut {
        preset,
        seed: split.seed(config.training().seed),
        samples,
        image: config.fine_tune.image,
    };
    // Thresholds are set on other samples than those that are scored.
    let evaluation = config.fine_tune.evaluation;
    let (fit, test) =
        (held_out(Split::Fit, evaluation.samples), held_out(Split::Test, evaluation.final_samples));
    let propose = |data: &HeldOut<'_>| -> Result<Vec<ProposedMap>, Box<dyn Error>> {
        let bar = image_bar(data.samples, "locating");
        let maps = propose_centres(&outcome.model, &device, data, |done| bar.inc(done as u64))?;
        bar.finish_and_clear();
        Ok(maps)
    };
    let thresholds = Thresholds::fit(&propose(&fit)?, preset.grid)?;
    let located = thresholds.locate_all(&propose(&test)?);
    let network = LocationReport::new(&located, preset.grid)?;

    let samples = |data: &HeldOut<'_>| {
        (0..data.samples).map(|index| data.sample(index)).collect::<Vec<Sample>>()
    };
    let (few, all) = (samples(&HeldOut { samples: fit.samples.min(500), ..fit }), samples(&test));
    let mut baselines = Vec::new();
    for baseline in LocationBaseline::fit_all(&few, preset.grid, config.num_centres)? {
        let maps = baseline.locate_all(&all, config.num_centres)?;
        baselines.push((baseline, LocationReport::new(&maps, preset.grid)?));
    }
    let results = LocationResults { network, thresholds, baselines };
    let device_name = shared.device.to_string();
    let summary = write_location(
        &folder,
        &config,
        (outcome.stats, outcome.chosen_step),
        &results,
        &device_name,
    )?;
    write_location_montage(&folder, &config, &all, &located)?;
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}
