//! Our side of the race against PyTorch and ONNX Runtime: one piece of work, timed a round at a
//! time.
//!
//! ```text
//! cargo run --release --bin race -- --only-ours --work resnet50-train-64 --rounds 5 --json
//! ```
//!
//! A round is one training step or one forward pass on the same random images; data and two rounds
//! to warm up are outside the timer, and a round ends when its result is there.
//! `python benches/race.py` runs the whole race.

use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use heatmap_benches::work::Work;

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
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Images in a batch, for nt-xent pairs of rows [default: that of the table]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,

    /// One JSON line a round instead of words
    #[arg(long)]
    json: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let work = arguments.work;
    let batch = arguments.batch.map_or(work.batch(), |batch| batch as usize);
    if work == Work::SimClrTrain64 && !batch.is_multiple_of(2) {
        let reason = format!(
            "--batch {batch}: SimCLR trains on pairs, which takes an even number of images"
        );
        Arguments::command().error(ErrorKind::ValueValidation, reason).exit();
    }
    let (name, images) = (work.name(), work.images(batch));
    let mut prepared = work.prepare(batch);
    for _ in 0..arguments.rounds {
        let start = Instant::now();
        prepared.run();
        say(&name, images as f64 / start.elapsed().as_secs_f64(), arguments.json);
    }
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn say(work: &str, images_per_second: f64, json: bool) {
    let peak = heatmap_benches::peak_memory_mib();
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
