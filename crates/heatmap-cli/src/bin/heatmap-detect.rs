//! Finds broken banners in click logs; see `heatmap-detect --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    heatmap_cli::detect::main()
}
