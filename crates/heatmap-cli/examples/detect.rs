//! From a table of clicks to a ranked, explained list of broken banners.
//!
//! ```text
//! cargo run --release --example detect -- --clicks clicks.csv
//! cargo run --release --example detect -- --clicks logs/ --metrics metrics.csv \
//!     --labels labels.csv --budget 50
//! cargo run --release --example detect -- --demo
//! ```
//!
//! It needs neither labels nor settings: most banners of a grid are good, or at least alike, and
//! say what a good one looks like. Landing rates and labels say it where there are some, and many
//! labels are learned from. Where two large groups differ and nothing tells which is right, it
//! asks. It leaves `scores.csv` (every banner, most broken first), `report.html` (one page for a
//! browser: the ranking, the clicks of the flagged banners and what drives their scores, the
//! anchors, what was wrong with the data), `summary.json` and `config.json` in `--out`.

use std::process::ExitCode;

fn main() -> ExitCode {
    heatmap_cli::detect::main()
}
