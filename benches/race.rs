//! Our side of the race against PyTorch and ONNX Runtime: one piece of work, a round at a time.
//!
//! ```text
//! cargo run --release --bin race -- --work resnet50-train-64 --rounds 5
//! cargo run --release --bin race -- --work product-1576x768x2304 --rounds 5
//! ```
//!
//! A round is one training step or one forward pass on the same random images, or a product of two
//! matrices, rows x inner x columns; data and two rounds to warm up are outside the timer, and a
//! round ends when its result is there. Each line has the peak of the processor just before the
//! round, in the precision of the round, which other programs and its own clock change from one
//! second to the next.
//!
//! With `--serve` the program waits for a line on its standard input, `peak` or `round`, and
//! answers each with a line of JSON: so `python benches/race.py` runs sides in turn.

use std::io::BufRead;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use heatmap_benches::contest::{Contest, Engine};
use heatmap_benches::{peak, peak_memory_mib};
use heatmap_models::ops::{MatmulPrecision, matrix_kernel, set_matmul_precision};

/// Time our side of the race
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What to time: a work of the table, or product-ROWSxINNERxCOLUMNS
    #[arg(long, value_name = "NAME")]
    work: Contest,

    /// Who multiplies in a plain product
    #[arg(long, value_name = "NAME", default_value = "ours")]
    engine: Engine,

    /// What networks and products multiply in: bf16 needs a processor with AMX or AVX512_BF16
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    precision: Precision,

    /// Rounds behind the warm-up
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Images in a batch, for nt-xent pairs of rows [default: that of the table]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,

    /// Answer each line `peak` or `round` on the standard input with a line of JSON
    #[arg(long, conflicts_with = "rounds")]
    serve: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Precision {
    /// Products of f32
    F32,
    /// Both sides of a product rounded to bf16, sums in f32
    Bf16,
}

impl Precision {
    fn of_products(self) -> MatmulPrecision {
        match self {
            Self::F32 => MatmulPrecision::F32,
            Self::Bf16 => MatmulPrecision::Bf16,
        }
    }

    /// Returns the GFLOP/s of the processor at this moment. Those of a matrix unit are not known.
    fn peak(self) -> Option<f64> {
        match self {
            Self::F32 => Some(peak::gflops()),
            Self::Bf16 if matrix_kernel().contains("amx") => None,
            Self::Bf16 => peak::bf16_gflops(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !set_matmul_precision(arguments.precision.of_products()) {
        return fail("--precision bf16: this processor has neither AMX nor AVX512_BF16");
    }
    let batch = arguments.batch.map(|batch| batch as usize);
    let mut round = match arguments.work.prepare(arguments.engine, batch) {
        Ok(round) => round,
        Err(reason) => return fail(&reason),
    };
    let images = arguments.work.images(batch);
    if arguments.serve {
        return serve(images, arguments.precision, round.as_mut());
    }
    for _ in 0..arguments.rounds {
        let peak = arguments.precision.peak();
        let seconds = time(round.as_mut());
        let memory = peak_memory_mib().map_or("unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
        say(&format!(
            "{:.1} a second; processor {}, kernel {}, peak memory {memory}",
            images as f64 / seconds,
            peak.map_or("of unknown speed".to_owned(), |gflops| format!("{gflops:.0} GFLOP/s")),
            matrix_kernel(),
        ));
    }
    ExitCode::SUCCESS
}

/// Returns the seconds of a round.
fn time(round: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_secs_f64()
}

fn serve(images: usize, precision: Precision, round: &mut dyn FnMut()) -> ExitCode {
    say(&serde_json::json!({ "images": images, "kernel": matrix_kernel() }).to_string());
    for line in std::io::stdin().lock().lines() {
        let answer = match line.as_deref() {
            Ok("peak") => serde_json::json!({ "gflops": precision.peak() }),
            Ok("round") => {
                let seconds = time(round);
                serde_json::json!({ "seconds": seconds, "peak_memory_mib": peak_memory_mib() })
            }
            Ok(other) => return fail(&format!("`{other}` is neither `peak` nor `round`")),
            Err(error) => return fail(&format!("the standard input: {error}")),
        };
        say(&answer.to_string());
    }
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn say(line: &str) {
    println!("{line}");
}

#[allow(clippy::print_stderr, reason = "the end of a program that failed")]
fn fail(reason: &str) -> ExitCode {
    eprintln!("race: {reason}");
    ExitCode::FAILURE
}
