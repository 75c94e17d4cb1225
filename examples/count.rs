//! Trains an encoder to count the clusters of a heatmap, from scratch or from weights, and says how
//! well it counts.
//!
//! ```text
//! cargo run --release --example count
//! ```
//!
//! The task is that of the report: 0 to 20 clusters (`--preset count-report`), softmax with
//! cross-entropy; `--loss sord`, `--loss coral` and `--loss corn` are ordinal. It differs from the
//! report in that every sample is fresh, in that a density of the clusters is learned beside the
//! count (`--density-weight 0` for the count alone), and where that is silent: AdamW with one
//! cycle, batches of 64, label smoothing 0.05. It leaves `config.json`, `metrics.jsonl` and
//! `events/` (for TensorBoard), `summary.json`, `report.json`, pictures, `encoder.safetensors` (for
//! `features` and `--weights`) and checkpoints in `--out`, of which the one with the best accuracy
//! on held-out samples is the result. Ctrl-C stops after the batch; `--resume` goes on.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_examples::fine_tune::{FineTuneArguments, smoke};
use heatmap_examples::{Ending, SharedArguments, Terminal, end, say};
use heatmap_models::CountEncoding;
use heatmap_train::Error as TrainError;
use heatmap_train::run::{CountConfig, Started};
use heatmap_train::study::run_count;

/// Train an encoder to count the clusters of a heatmap, and show how well it counts
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without options: a ResNet-50 on 1,500 batches of 64 samples of count-report, by \
                  AdamW at 0.001 with a warm-up of 0.15 and a weight decay of 0.01; ten \
                  checkpoints."
)]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    #[command(flatten)]
    fine_tune: FineTuneArguments,

    /// What the head learns from: softmax, sord (soft ordinal labels), coral or corn [default:
    /// softmax]
    #[arg(long, value_name = "NAME")]
    loss: Option<CountEncoding>,

    /// Label smoothing of softmax [default: 0.05]
    #[arg(long, value_name = "SHARE")]
    label_smoothing: Option<f64>,

    /// Weight of the density of clusters that is learned beside the count, from where they are; 0
    /// to learn from counts alone [default: 0.1]
    #[arg(long, value_name = "WEIGHT")]
    density_weight: Option<f64>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let (shared, fine_tune) = (&arguments.shared, &arguments.fine_tune);
    let device = shared.open_device()?;
    let mut fresh = CountConfig::published_recipe();
    if shared.output.smoke {
        fresh.fine_tune = smoke(fresh.fine_tune);
    }
    let overlay = |config: CountConfig| {
        let loss = arguments.loss.unwrap_or(config.loss);
        if arguments.label_smoothing.is_some() && loss != CountEncoding::Softmax {
            let reason = format!("--label-smoothing is for softmax, not for {loss}");
            return Err(TrainError::config("label_smoothing", config.label_smoothing, reason));
        }
        let fine_tune = fine_tune.overlay(shared.output.seed, config.fine_tune.clone())?;
        // The density is learned from centres, which labels may not have.
        let has_centres = match &fine_tune.own {
            Some(own) if config.fine_tune.own.is_none() => own.cluster_table()?.has_all_centres(),
            _ => true,
        };
        let density_weight = if has_centres { config.density_weight } else { 0.0 };
        Ok(CountConfig {
            fine_tune,
            loss,
            label_smoothing: arguments.label_smoothing.unwrap_or(config.label_smoothing),
            density_weight: arguments.density_weight.unwrap_or(density_weight),
        })
    };
    let Started { folder, config, resolved, resume } =
        fine_tune.run.start(&shared.output.out("count"), fresh, overlay)?;
    resolved.source().notes().iter().for_each(|note| say(note));
    let terminal = Terminal::handle_ctrl_c()?;
    let device = (&*shared.device.to_string(), &device);
    let summary = run_count(&folder, (&config, &resolved), device, resume, &terminal)?;
    let Some(summary) = summary else {
        say("Stopped after a checkpoint; go on with --resume.");
        return Ok(Ending::Interrupted);
    };
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}
