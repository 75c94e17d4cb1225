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
use heatmap_examples::fine_tune::{FineTuneArguments, smoke};
use heatmap_examples::{Ending, SharedArguments, Terminal, end, say};
use heatmap_train::run::{LocationConfig, LocationLossName, Started};
use heatmap_train::study::run_location;

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
    let device = shared.open_device()?;
    let mut fresh = LocationConfig::published_recipe();
    if shared.output.smoke {
        fresh.fine_tune = smoke(fresh.fine_tune);
    }
    let overlay = |config: LocationConfig| {
        let fine_tune = fine_tune.overlay(shared.output.seed, config.fine_tune.clone())?;
        // Another preset may have more clusters; what the settings say of this one stays.
        let same = fine_tune.preset == config.fine_tune.preset;
        Ok(LocationConfig {
            num_centres: if same { config.num_centres } else { fine_tune.most_clusters()? },
            fine_tune,
            loss: arguments.loss.unwrap_or(config.loss),
            cell_px: arguments.cell.unwrap_or(config.cell_px),
        })
    };
    let Started { folder, config, resolved, resume } =
        fine_tune.run.start(&shared.output.out("location"), fresh, overlay)?;
    resolved.source().notes().iter().for_each(|note| say(note));
    let terminal = Terminal::handle_ctrl_c()?;
    let device = (&*shared.device.to_string(), &device);
    let summary = run_location(&folder, (&config, &resolved), device, resume, &terminal)?;
    let Some(summary) = summary else {
        say("Stopped after a checkpoint; go on with --resume.");
        return Ok(Ending::Interrupted);
    };
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}
