//! Trains the set network of `detect` on generated layouts, and shows what it is worth on others.
//!
//! ```text
//! cargo run --release --example detector
//! ```
//!
//! The network sees a banner beside others of its grid, most of which work, and says how probably
//! it is broken. It leaves `set_network.bin`, which `heatmap-core` reads, `config.json`,
//! `metrics.jsonl` and `events/` (for TensorBoard), `summary.json`, pictures and checkpoints in
//! `--out`. Ctrl-C stops after the batch; `--resume` goes on.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::detect::SetNetwork;
use heatmap_core::synth::ReferenceSets;
use heatmap_examples::start::RunArguments;
use heatmap_examples::{Ending, SharedArguments, Terminal, TrainingArguments, end, plain_bar, say};
use heatmap_train::run::{
    RunConfig, RunObserver, SetDetectorConfig, Started, TrainingOptions, train_set_detector,
};
use heatmap_train::study::{BUDGETS, measure_detector, write_detector};

/// Train the network that tells broken banners from good ones, and show how well it does
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without options: the network that `detect` has built in: 2,400 batches of eight \
                  generated grids, AdamW at 0.003 with a warm-up of 0.05 and a weight decay of \
                  0.01; ten checkpoints."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    training: TrainingArguments,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let Arguments { shared, run, training } = arguments;
    let device = shared.open_device()?;
    let fresh = if shared.output.smoke { smoke() } else { SetDetectorConfig::default() };
    let overlay = |mut config: SetDetectorConfig| {
        training.overlay(shared.output.seed, &mut config.training);
        Ok(config)
    };
    let Started { folder, config, resume, .. } =
        run.start(&shared.output.out("detector"), fresh, overlay)?;
    let options = TrainingOptions { shows_progress: true, ..config.training_options(resume) };
    let terminal = Terminal::handle_ctrl_c()?;
    terminal.training_begins(&options.interrupter);
    let outcome = train_set_detector(&config, &folder, &device, &options)?;
    if outcome.interrupted {
        say(&format!("Stopped after batch {}; go on with --resume.", outcome.stats.steps));
        return Ok(Ending::Interrupted);
    }
    terminal.training_ends();
    // Measured is what is written: half precision.
    let network = SetNetwork::from_bytes(&outcome.model.network()?.to_bytes())?;
    let sets = if shared.output.smoke { 6 } else { 400 };
    let bar = plain_bar(((BUDGETS.len() + 1) * sets) as u64, "sets measured");
    let measured = measure_detector(&network, &config, sets, || bar.inc(1))?;
    bar.finish_and_clear();
    let summary = write_detector(
        &folder,
        &config,
        &network,
        (outcome.stats, outcome.chosen_step),
        &measured,
    )?;
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}

/// The smallest run that takes the whole path.
fn smoke() -> SetDetectorConfig {
    let sets = ReferenceSets { queries: 8, ..Default::default() };
    let mut config =
        SetDetectorConfig { sets, sets_per_batch: 2, valid_batches: 1, ..Default::default() };
    config.training.batches = 4;
    config
}
