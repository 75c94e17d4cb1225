//! Times maximum variance unfolding on a table of numbers and says how good the result is, as one
//! line of JSON.
//!
//! ```text
//! cargo run --release --bin mvu -- points.f64 --columns 3 --flatten
//! ```
//!
//! The file has f64 numbers, little-endian, by rows, and nothing else
//! (`array.astype("<f8").tofile(path)` in NumPy). Reading it is outside of the timer, the search
//! for neighbours inside. `python benches/mvu_race.py` races it.

use std::path::PathBuf;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use heatmap_core::analysis::MvuConfig;
use heatmap_core::analysis::faer::MatRef;

/// Time maximum variance unfolding
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Rows of f64 numbers, little-endian
    points: PathBuf,

    /// Numbers in a row
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    columns: u32,

    /// Neighbours whose distances are kept
    #[arg(long, value_name = "N", default_value_t = MvuConfig::default().neighbors)]
    neighbors: usize,

    /// Dimensions of the embedding
    #[arg(long, value_name = "N", default_value_t = MvuConfig::default().components)]
    components: usize,

    /// Largest relative error of a distance
    #[arg(long, value_name = "SHARE", default_value_t = MvuConfig::default().tolerance)]
    tolerance: f64,

    /// Stretch the embedding once more in its own dimensions
    #[arg(long)]
    flatten: bool,

    /// Write the embedding here, in the format of the points
    #[arg(long, value_name = "FILE")]
    embedding: Option<PathBuf>,
}

fn main() {
    let arguments = Arguments::parse();
    if let Err(reason) = run(&arguments) {
        Arguments::command().error(ErrorKind::ValueValidation, reason).exit();
    }
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn run(arguments: &Arguments) -> Result<(), String> {
    let at = |error: std::io::Error| format!("{}: {error}", arguments.points.display());
    let bytes = std::fs::read(&arguments.points).map_err(at)?;
    let columns = arguments.columns as usize;
    if !bytes.len().is_multiple_of(8 * columns) {
        return Err(format!(
            "{}: {} bytes are no rows of {columns} numbers",
            arguments.points.display(),
            bytes.len()
        ));
    }
    let numbers: Vec<f64> =
        bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
    let points = MatRef::from_row_major_slice(&numbers, numbers.len() / columns, columns);
    let config = MvuConfig {
        neighbors: arguments.neighbors,
        components: arguments.components,
        tolerance: arguments.tolerance,
        flatten: arguments.flatten,
        ..MvuConfig::default()
    };
    let start = Instant::now();
    let mvu = config.fit(points).map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &arguments.embedding {
        let rows = mvu.embedding();
        let numbers = (0..rows.nrows()).flat_map(|i| (0..rows.ncols()).map(move |c| rows[(i, c)]));
        let bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds, "report": mvu.report(), "variances": mvu.variances(),
        })
    );
    Ok(())
}
