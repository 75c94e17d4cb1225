//! Our side of the race against PyTorch and ONNX Runtime: one piece of work, a round at a time.
//!
//! ```text
//! cargo run --release --bin race -- --work resnet50-train-64 --rounds 5
//! cargo run --release --bin race -- --work product-1576x768x2304 --rounds 5
//! ```
//!
//! A round is one training step or one forward pass on the same random images, or a product of two
//! matrices, rows x inner x columns, as often as makes 10 GFLOP; data and two rounds to warm up are
//! outside the timer, and a round ends when its result is there. Each line has the peak of the
//! processor just before the round, in the precision of the round, which other programs and its own
//! clock change from one second to the next.
//!
//! With `--serve` the program waits for a line on its standard input, `peak` or `round`, and
//! answers each with a line of JSON: so `python benches/race.py` runs sides in turn.

use std::io::BufRead;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use heatmap_benches::contest::{Contest, Engine, Round};
use heatmap_benches::launches::launches_of;
use heatmap_benches::work::Place;
use heatmap_benches::{peak, peak_memory_mib};
use heatmap_models::ops::{MatmulPrecision, matrix_kernel, set_matmul_precision};
use heatmap_train::DeviceName;
use heatmap_train::task::Precision;

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

    /// On a CPU, what networks and products multiply in: bf16 needs a processor with AMX or
    /// AVX512_BF16. On a device, what the activations are stored in: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    precision: Precision,

    /// Where networks run: cpu, or wgpu in a build with the cargo feature wgpu
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: DeviceName,

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

/// Returns the GFLOP/s of the processor at this moment.
fn peak_of(precision: Precision) -> Option<f64> {
    match precision {
        Precision::Bf16 if matrix_kernel().contains("amx") => peak::amx_gflops(),
        Precision::Bf16 => peak::bf16_gflops(),
        _ => Some(peak::gflops()),
    }
}

/// Opens the place where networks run.
///
/// # Errors
/// Returns what the build, the machine or the processor does not have.
fn place(arguments: &Arguments) -> Result<Place, String> {
    let Arguments { device: name, precision, .. } = *arguments;
    let device = name.open().map_err(|error| error.to_string())?;
    if name != DeviceName::Cpu {
        precision.check_for(&device).map_err(|error| error.to_string())?;
        return Ok(Place { device, precision });
    }
    let of_products = match precision {
        Precision::F32 => MatmulPrecision::F32,
        Precision::Bf16 => MatmulPrecision::Bf16,
        other => return Err(format!("--precision {other}: a CPU multiplies in f32 or bf16")),
    };
    if !set_matmul_precision(of_products) {
        return Err("--precision bf16: this processor has neither AMX nor AVX512_BF16".to_owned());
    }
    Ok(Place { device, precision: Precision::F32 })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let batch = arguments.batch.map(|batch| batch as usize);
    let prepared =
        place(&arguments).and_then(|place| arguments.work.prepare(arguments.engine, batch, &place));
    let Round { run: mut round, warm_up } = match prepared {
        Ok(round) => round,
        Err(reason) => return fail(&reason),
    };
    let images = arguments.work.images(batch);
    let on_cpu = arguments.device == DeviceName::Cpu;
    // A round more on a device, for those before it have tried kernels.
    let launches = if on_cpu { None } else { launches_of(&mut || _ = round()) };
    if arguments.serve {
        let ready = serde_json::json!({
            "images": images, "kernel": matrix_kernel(), "launches": launches, "warm_up": warm_up,
        });
        say(&ready.to_string());
        return serve(arguments.precision, round.as_mut());
    }
    if let Some(launches) = launches {
        say(&format!("{}: {launches} kernels are started in a round", arguments.device));
    }
    for _ in 0..arguments.rounds {
        if !on_cpu {
            let (seconds, result) = time(round.as_mut());
            say(&format!("{:.1} a second, result {result:.5}", images as f64 / seconds));
            continue;
        }
        let peak = peak_of(arguments.precision);
        let (seconds, _) = time(round.as_mut());
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

/// Returns the seconds of a round, and a number of its result.
fn time(round: &mut dyn FnMut() -> f64) -> (f64, f64) {
    let start = Instant::now();
    let result = round();
    (start.elapsed().as_secs_f64(), result)
}

fn serve(precision: Precision, round: &mut dyn FnMut() -> f64) -> ExitCode {
    for line in std::io::stdin().lock().lines() {
        let answer = match line.as_deref() {
            Ok("peak") => serde_json::json!({ "gflops": peak_of(precision) }),
            Ok("round") => {
                let (seconds, result) = time(round);
                let memory = peak_memory_mib();
                serde_json::json!({
                    "seconds": seconds, "peak_memory_mib": memory, "result": result,
                })
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
