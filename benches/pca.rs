//! Our side of the race against scikit-learn's PCA: reads raw features, fits once, and prints one
//! JSON line.
//!
//! ```text
//! cargo run --release --bin pca -- --data /tmp/tokens.f32 \
//!     --samples 1700 --features 151296 --components 50
//! ```
//!
//! The file holds f32, little endian, [samples, features], row after row. Reading it is outside the
//! timer. `python benches/pca_race.py` runs the whole race.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use heatmap_core::analysis::faer::MatRef;
use heatmap_core::analysis::{PcaConfig, PcaSolver};

/// Time our PCA of raw features
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Raw f32 features, little endian, row after row
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// Rows of the file
    #[arg(long, value_name = "N")]
    samples: usize,

    /// Columns of the file
    #[arg(long, value_name = "N")]
    features: usize,

    /// Directions to keep
    #[arg(long, value_name = "N", default_value_t = 50)]
    components: usize,

    /// Powers of the randomised solver [default: its own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    power_iterations: Option<u32>,

    /// How the directions are found
    #[arg(long, value_enum, default_value = "randomized")]
    solver: Solver,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Solver {
    Auto,
    Exact,
    Randomized,
}

fn main() {
    let arguments = Arguments::parse();
    let data = match read(&arguments) {
        Ok(data) => data,
        Err(reason) => Arguments::command().error(ErrorKind::ValueValidation, reason).exit(),
    };
    let data = MatRef::from_row_major_slice(&data, arguments.samples, arguments.features);
    let solver = match (arguments.solver, arguments.power_iterations, PcaSolver::randomized()) {
        (Solver::Auto, ..) => PcaSolver::Auto,
        (Solver::Exact, ..) => PcaSolver::Exact,
        (_, Some(powers), PcaSolver::Randomized { oversamples, seed, .. }) => {
            PcaSolver::Randomized { oversamples, power_iterations: powers as usize, seed }
        }
        (.., default) => default,
    };
    let start = Instant::now();
    let pca = match (PcaConfig { components: arguments.components, solver }).fit(data) {
        Ok(pca) => pca,
        Err(error) => Arguments::command().error(ErrorKind::ValueValidation, error).exit(),
    };
    let seconds = start.elapsed().as_secs_f64();
    let line = serde_json::json!({
        "seconds": seconds,
        "explained_variance": pca.explained_variance(),
        "explained_variance_ratio": pca.explained_variance_ratio(),
        "peak_memory_mib": heatmap_benches::peak_memory_mib(),
    });
    #[allow(clippy::print_stdout, reason = "this is what the program is for")]
    {
        println!("{line}");
    }
}

/// A piece at a time, so that the data are in memory once.
fn read(arguments: &Arguments) -> Result<Vec<f32>, String> {
    let (path, samples, features) =
        (arguments.data.display(), arguments.samples, arguments.features);
    let trouble = |error: std::io::Error| format!("{path}: {error}");
    let mut file = File::open(&arguments.data).map_err(trouble)?;
    let bytes = file.metadata().map_err(trouble)?.len();
    let count = samples.checked_mul(features).filter(|&count| count as u64 * 4 == bytes);
    let count = count.ok_or_else(|| {
        format!("{path} has {bytes} bytes, which is not {samples} x {features} f32")
    })?;
    let (mut numbers, mut piece) = (Vec::with_capacity(count), vec![0; 1 << 20]);
    while numbers.len() < count {
        let piece = &mut piece[..(4 * (count - numbers.len())).min(1 << 20)];
        file.read_exact(piece).map_err(trouble)?;
        numbers.extend(piece.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)));
    }
    Ok(numbers)
}
