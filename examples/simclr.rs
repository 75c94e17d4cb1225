//! Trains an encoder with SimCLR on synthetic click heatmaps, and shows what it learned.
//!
//! ```text
//! cargo run --release --example simclr
//! ```
//!
//! The recipe is that of the report: ResNet-50, positives are two different heatmaps of one class,
//! 8 classes x 2 in a batch, 1,000 batches, 60 x 50 bins in a 64 x 64 image. Where it is silent we
//! take Adam at 1e-3 with a cosine to zero, temperature 0.5, and no augmentation, for two samples
//! of a class differ enough. It leaves `config.json`, `metrics.jsonl`,
//! `summary.json`, `montage.png`, `loss.png`, `pca.png`, `encoder.safetensors` (under the names of
//! torchvision or transformers) and checkpoints in `--out`. Ctrl-C stops after the batch and leaves
//! a checkpoint; `--resume` goes on from the newest complete one.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_examples::start::RunArguments;
use heatmap_examples::{Ending, SharedArguments, SimClrArguments, Terminal, end, say};
use heatmap_models::ModelName;
use heatmap_train::data::class_source;
use heatmap_train::optim::{OptimizerConfig, Warmup};
use heatmap_train::run::{OnlineEvaluationConfig, SimClrConfig, Started, TrainingConfig};
use heatmap_train::study::{SweepAxis, run_simclr, sweep_simclr};

/// Train an encoder with SimCLR on synthetic click heatmaps, and show what it learned
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without options: the recipe of the report, 1,000 batches by Adam at 0.001 \
                  without warm-up, a checkpoint every 100; about 6 minutes on two cores.\n\
                  With --preset layouts, which banners show the same layout and work: another \
                  encoder, loss and batch by \
                  default, see docs/guide."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    simclr: SimClrArguments,

    #[command(flatten)]
    run: RunArguments,

    /// Train at every combination of these values, such as --sweep temperature=0.1,0.5 seed=0,1,2;
    /// the same command goes on where it was stopped
    #[arg(long, value_name = "KEY=A,B", num_args = 1.., conflicts_with = "resume")]
    sweep: Vec<SweepAxis>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let Arguments { shared, simclr, run, sweep } = arguments;
    let recipe = SimClrConfig::for_preset(
        simclr.preset().unwrap_or(&SimClrConfig::published_recipe().preset),
    );
    let fresh = if shared.output.smoke { smoke(recipe)? } else { recipe };
    let overlay = |config| simclr.overlay(shared.output.seed, config);
    let device_name = shared.device.to_string();
    if !sweep.is_empty() {
        let base = run.request().configure(fresh, overlay, &mut |sentence| say(sentence))?;
        shared.open_device()?;
        let devices = shared.device.open_many(base.devices)?;
        let out = shared.output.out("simclr-sweep");
        let terminal = Terminal::handle_ctrl_c()?;
        let table = sweep_simclr(&out, &base, sweep, (&device_name, &devices), &terminal)?;
        let Some(table) = table else {
            say("Stopped; the same command goes on.");
            return Ok(Ending::Interrupted);
        };
        say(&format!("{table}Everything is in {}.", out.display()));
        return Ok(Ending::Done);
    }
    // Before a folder is made: a device that is not there is no run.
    shared.open_device()?;
    let Started { folder, config, resolved, resume } =
        run.start(&shared.output.out("simclr"), fresh, overlay)?;
    resolved.notes().iter().for_each(|note| say(note));
    let devices = shared.device.open_many(config.devices)?;
    let terminal = Terminal::handle_ctrl_c()?;
    let summary = run_simclr(&folder, &config, (&device_name, &devices), resume, &terminal)?;
    let Some(summary) = summary else {
        say("Stopped after a checkpoint; go on with --resume.");
        return Ok(Ending::Interrupted);
    };
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}

/// The smallest run that takes the whole path.
fn smoke(recipe: SimClrConfig) -> heatmap_train::Result<SimClrConfig> {
    let samples = 32.max(2 * class_source(&recipe.preset)?.num_classes());
    let optimizer =
        OptimizerConfig { warmup_batches: Warmup::Batches(0), ..recipe.training.optimizer };
    Ok(SimClrConfig {
        architecture: ModelName::RESNET_18,
        training: TrainingConfig {
            batches: 4,
            optimizer,
            checkpoint_every: Some(2),
            ..recipe.training
        },
        classes_per_batch: 4,
        evaluation: OnlineEvaluationConfig {
            every: Some(2),
            samples,
            final_samples: samples,
            ..recipe.evaluation
        },
        ..recipe
    })
}
