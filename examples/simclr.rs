//! Trains an encoder with SimCLR on synthetic click heatmaps, and shows what it learned.
//!
//! ```text
//! cargo run --release --example simclr
//! ```
//!
//! The recipe is that of the report: ResNet-50, positives are two different heatmaps of one class, 8 classes x 2 in a
//! batch, 1,000 batches, 60 x 50 bins in a 64 x 64 image. Where it is silent we take Adam at 1e-3 with a cosine to zero,
//! temperature 0.5, and no augmentation, for two samples of a class differ enough. It leaves `config.json`,
//! `metrics.jsonl`, `summary.json`, `montage.png`, `loss.png`, `pca.png`, `encoder.safetensors` (under the names of
//! torchvision or transformers) and checkpoints in `--out`. Ctrl-C stops after the
//! batch and leaves a checkpoint; `--resume` goes on from the newest complete one.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use heatmap_core::Normalization;
use heatmap_core::synth::Preset;
use heatmap_examples::fine_tune::save_encoder;
use heatmap_examples::simclr_report::{Evaluated, Summary, loss_chance, write_loss_curve, write_montage, write_pca};
use heatmap_examples::start::{start, stop_on_ctrl_c};
use heatmap_examples::{Ending, SharedArguments, end, extract_with_bar, say};
use heatmap_models::burn::tensor::Device;
use heatmap_models::{Encoder, ModelName};
use heatmap_train::data::{ImageConfig, Split};
use heatmap_train::evaluation::{EvaluationConfig, evaluate_representation};
use heatmap_train::run::{Selection, SimClrConfig, TrainingOptions, train_simclr, untrained_encoder};

/// Train an encoder with SimCLR on synthetic click heatmaps, and show what it learned
#[derive(Debug, Parser)]
#[command(version, after_help = "Without options: the recipe of the report, about 7 minutes on two cores.")]
struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,

    /// Encoder: resnet18 to resnet152, or vit-ti8, vit-ti16, vit-s8 and so on [default: resnet50]
    #[arg(long, visible_alias = "arch", value_name = "NAME")]
    architecture: Option<ModelName>,

    /// Synthetic data set; the gallery example shows all of them [default: simclr-report]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Batches to train on [default: 1000]
    #[arg(long, value_name = "N")]
    batches: Option<usize>,

    /// Classes in a batch, each with two images [default: 8]
    #[arg(long, value_name = "N")]
    classes_per_batch: Option<usize>,

    /// Temperature of NT-Xent [default: 0.5]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,

    /// Learning rate of Adam at the start [default: 0.001]
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,

    /// Scaling of the heatmaps: max, total, log1p, sqrt, logcounts or sqrtcounts [default: log1p]
    #[arg(long, value_name = "NAME")]
    normalization: Option<Normalization>,

    /// Batches between checkpoints [default: 100]
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<usize>,

    /// Go on with the run in --out, from its newest complete checkpoint or from that of batch N, discarding later ones
    #[arg(long, value_name = "N", num_args = 0..=1)]
    resume: Option<Option<usize>>,
}

fn main() -> ExitCode {
    end(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<Ending, Box<dyn Error>> {
    let shared = &arguments.shared;
    let device = shared.device.open()?;
    let fresh = if shared.smoke { smoke() } else { SimClrConfig::report() };
    let (folder, config, resume) =
        start(&shared.out("simclr"), &arguments.resume, fresh, |config| Ok(overlay(arguments, config)))?;
    let preset = config.check()?;
    write_montage(&folder, &config, &preset)?;

    // Enough samples for a standard error of about one percent, shared among the classes.
    let per_class = if shared.smoke { 4 } else { 1_600_usize.div_ceil(preset.num_classes()) };
    let untrained =
        evaluate("untrained encoder", &untrained_encoder(&config, &device), &device, &config, &preset, per_class)?;

    let options = TrainingOptions {
        steps: config.batches,
        checkpoint_every: arguments.checkpoint_every.unwrap_or(if shared.smoke { 2 } else { 100 }),
        images_per_step: 2 * config.classes_per_batch,
        resume,
        selection: Selection::Last,
        interrupter: Default::default(),
    };
    let training_over = stop_on_ctrl_c(&options)?;
    let outcome = train_simclr(&config, &folder, &device, &options)?;
    if outcome.interrupted {
        say(&format!("Stopped after batch {}; go on with --resume.", outcome.stats.steps));
        return Ok(Ending::Interrupted);
    }

    training_over.tell();
    save_encoder(&folder, outcome.model.encoder())?;
    let trained = evaluate("trained encoder", outcome.model.encoder(), &device, &config, &preset, per_class)?;
    let lines = write_loss_curve(&folder, loss_chance(&config))?;
    write_pca(&folder, &preset, &untrained, &trained)?;
    let device = shared.device.to_string();
    let classes = preset.num_classes();
    let summary = Summary::new(&config, &device, classes, outcome.stats, &lines, &untrained.report, &trained.report);
    folder.write_json("summary.json", &summary)?;
    say(&format!("{}\nEverything is in {}.", summary.table(), folder.path().display()));
    Ok(Ending::Done)
}

/// The smallest run that takes the whole path.
fn smoke() -> SimClrConfig {
    SimClrConfig { architecture: ModelName::ResNet(18), batches: 4, classes_per_batch: 4, ..SimClrConfig::report() }
}

/// `config` with what the user said in its place.
fn overlay(arguments: &Arguments, config: SimClrConfig) -> SimClrConfig {
    SimClrConfig {
        architecture: arguments.architecture.unwrap_or(config.architecture),
        preset: arguments.preset.clone().unwrap_or(config.preset),
        seed: arguments.shared.seed.unwrap_or(config.seed),
        batches: arguments.batches.unwrap_or(config.batches),
        classes_per_batch: arguments.classes_per_batch.unwrap_or(config.classes_per_batch),
        temperature: arguments.temperature.unwrap_or(config.temperature),
        learning_rate: arguments.learning_rate.unwrap_or(config.learning_rate),
        image: ImageConfig {
            normalization: arguments.normalization.unwrap_or(config.image.normalization),
            ..config.image
        },
    }
}

fn evaluate(
    what: &'static str,
    encoder: &impl Encoder,
    device: &Device,
    config: &SimClrConfig,
    preset: &Preset,
    per_class: usize,
) -> Result<Evaluated, Box<dyn Error>> {
    let features = |split: Split| {
        extract_with_bar(what, encoder, device, (preset, split.seed(config.seed)), &config.image, per_class)
    };
    let (fit, test) = (features(Split::Fit)?, features(Split::Test)?);
    let report = evaluate_representation(&fit, &test, preset.num_classes(), &EvaluationConfig::default())?;
    Ok(Evaluated { test, report })
}
