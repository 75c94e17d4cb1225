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
use heatmap_examples::{Ending, SharedArguments, Terminal, end, plain_bar, say};
use heatmap_train::run::{
    RunObserver, Selection, SetDetectorConfig, Started, TrainingOptions, train_set_detector,
};
use heatmap_train::study::{BUDGETS, measure_detector, write_detector};

/// Train the network that tells broken banners from good ones, and show how well it does
#[derive(Debug, Parser)]
#[command(version, after_help = "Without options: the network that `detect` has built in.")]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    run: RunArguments,

    /// Batches to train on, each of eight generated grids: the training budget [default: 2400]
    #[arg(long, value_name = "N")]
    batches: Option<usize>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let Arguments { shared, run, batches } = arguments;
    let device = shared.device.open()?;
    let fresh = if shared.smoke { smoke() } else { SetDetectorConfig::default() };
    let overlay = |config: SetDetectorConfig| {
        let (seed, batches) =
            (shared.seed.unwrap_or(config.seed), batches.unwrap_or(config.batches));
        Ok(SetDetectorConfig { seed, batches, ..config })
    };
    let Started { folder, config, resume } = run.start(&shared.out("detector"), fresh, overlay)?;
    let options = TrainingOptions {
        steps: config.batches,
        checkpoint_every: config.checkpoint_every(),
        images_per_step: config.images_per_batch(),
        resume,
        selection: Selection::Best { patience: None },
        interrupter: Default::default(),
    };
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
    let sets = if shared.smoke { 6 } else { 400 };
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
    SetDetectorConfig {
        sets,
        sets_per_batch: 2,
        batches: 4,
        valid_batches: 1,
        ..Default::default()
    }
}
