//! Every score of broken banners and their fusions, on synthetic logs over budgets of clicks, and
//! on labelled tables of someone's own.
//!
//! A [`BenchmarkConfig`] draws grids to learn from and other grids to be scored; [`compare`] runs
//! every [`Method`] on them, and [`table`] or [`write_rows`] show what it came to. Scores from
//! outside, such as those of networks, join by [`LearnedScores`]. A [`TableBenchmark`] scores a
//! table without its labels and holds the scores against them.

mod evaluate;
mod learned;
mod methods;
mod output;
mod own_table;
mod parts_of_grids;
mod world;

pub use evaluate::{Comparison, DefectRow, Row, compare};
pub use learned::{LearnedScores, NoLearned};
pub use methods::{Method, Regime};
#[cfg(feature = "plot")]
pub use output::write_curves;
pub use output::{summary, table, write_defects, write_rows};
pub use own_table::{TableBenchmark, TableRow, table_summary, table_text, write_table_rows};
pub use world::{BenchmarkConfig, BenchmarkGrid, World};
