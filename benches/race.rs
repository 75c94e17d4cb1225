//! Our side of the race against PyTorch and ONNX Runtime: one piece of work, timed a round at a time.
//!
//! ```text
//! cargo run --release -p heatmap-benches --bin race -- --only-ours --work resnet50-train-64 --rounds 5 --json
//! ```
//!
//! A round is one training step or one forward pass on the same random images; data and warm-up are outside the timer, and
//! a step ends when its result is there.

use std::process::ExitCode;
use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor};
use clap::{Parser, ValueEnum};
use heatmap_models::{Backbone, Encoder, ModelName};
use heatmap_train::loss::NtXentConfig;

/// Time our side of the race
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Run our side alone; the peers need Python and are started by race.py
    #[arg(long, required = true)]
    only_ours: bool,

    /// What to time
    #[arg(long, value_name = "NAME")]
    work: Work,

    /// Rounds behind the warm-up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Images in a batch [default: 32, 16 or 8, as in the table of the README]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// One JSON line a round instead of words
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Forward, backward and Adam of a ResNet-50, batch 32, 64 x 64
    #[value(name = "resnet50-train-64")]
    ResNetTrain64,
    /// The same, batch 8, 224 x 224
    #[value(name = "resnet50-train-224")]
    ResNetTrain224,
    /// Forward pass of a ResNet-50 in evaluation, batch 8, 224 x 224
    #[value(name = "resnet50-infer-224")]
    ResNetInfer224,
    /// Forward pass of a ViT-B/16 in evaluation, batch 8, 224 x 224
    #[value(name = "vit-infer-224")]
    VitInfer224,
    /// Forward, backward and Adam of a ViT-B/16, batch 8, 224 x 224
    #[value(name = "vit-train-224")]
    VitTrain224,
    /// NT-Xent forward and backward, 2,048 pairs, 128 wide
    #[value(name = "nt-xent")]
    NtXent,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let name = arguments.work.to_possible_value().expect("no work is hidden").get_name().to_owned();
    let mut each = |images: usize, seconds: f64| say(&name, images as f64 / seconds, arguments.json);
    let rounds = arguments.rounds as usize;
    match arguments.work {
        Work::ResNetTrain64 => train("resnet50", arguments.batch.unwrap_or(32), 64, rounds, &mut each),
        Work::ResNetTrain224 => train("resnet50", arguments.batch.unwrap_or(8), 224, rounds, &mut each),
        Work::VitTrain224 => train("vit-b16", arguments.batch.unwrap_or(8), 224, rounds, &mut each),
        Work::ResNetInfer224 => infer("resnet50", arguments.batch.unwrap_or(8), rounds, &mut each),
        Work::VitInfer224 => infer("vit-b16", arguments.batch.unwrap_or(8), rounds, &mut each),
        Work::NtXent => nt_xent(arguments.batch.unwrap_or(2_048), rounds, &mut each),
    }
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn say(work: &str, images_per_second: f64, json: bool) {
    let peak = peak_memory_mib();
    if json {
        let line = serde_json::json!({
            "work": work, "images_per_second": images_per_second, "peak_memory_mib": peak,
        });
        println!("{line}");
    } else {
        let peak = peak.map_or("unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
        println!("{work}: {images_per_second:.1} images/s, peak memory {peak}");
    }
}

/// The most memory that this process has had, where the system tells.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Runs `work` once to warm up and then `rounds` times.
fn time(images: usize, rounds: usize, each: &mut dyn FnMut(usize, f64), mut work: impl FnMut()) {
    work();
    for _ in 0..rounds {
        let start = Instant::now();
        work();
        each(images, start.elapsed().as_secs_f64());
    }
}

fn network(name: &str, device: &Device) -> Backbone {
    device.seed(1);
    name.parse::<ModelName>().expect("a name").config().with_num_classes(Some(1000)).init(device)
}

fn train(name: &str, batch: usize, size: usize, rounds: usize, each: &mut dyn FnMut(usize, f64)) {
    let device = Device::flex().autodiff();
    let mut network = Some(network(name, &device));
    let images = Tensor::<4>::random([batch, 3, size, size], Distribution::Normal(0.0, 1.0), &device);
    let classes = Tensor::<1, Int>::arange(0..batch as i64, &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = AdamConfig::new().init();
    time(batch, rounds, each, || {
        let current = network.take().expect("put back behind every step");
        let logits = current.classify(current.forward_features(images.clone()));
        let loss = loss.forward(logits, classes.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &current);
        network = Some(optimizer.step(1e-3, current, gradients));
        assert!(loss.into_scalar::<f32>().is_finite());
    });
}

fn infer(name: &str, batch: usize, rounds: usize, each: &mut dyn FnMut(usize, f64)) {
    let device = Device::flex();
    let network = network(name, &device).materialize();
    let images = Tensor::<4>::random([batch, 3, 224, 224], Distribution::Normal(0.0, 1.0), &device);
    time(batch, rounds, each, || {
        let logits = network.classify(network.forward_features(images.clone()));
        assert!(logits.sum().into_scalar::<f32>().is_finite());
    });
}

fn nt_xent(pairs: usize, rounds: usize, each: &mut dyn FnMut(usize, f64)) {
    let device = Device::flex().autodiff();
    device.seed(1);
    let loss = NtXentConfig::new().init();
    let random = || Tensor::<2>::random([pairs, 128], Distribution::Normal(0.0, 1.0), &device);
    let (first, second) = (random(), random());
    time(2 * pairs, rounds, each, || {
        let first = first.clone().require_grad();
        let gradients = loss.forward(first.clone(), second.clone()).backward();
        assert!(first.grad(&gradients).expect("a gradient").sum().into_scalar::<f32>().is_finite());
    });
}
