//! Benchmark of every score for broken banners and of their fusions, on synthetic logs at several
//! click budgets and on a user's own labelled tables.
//!
//! A [`BenchmarkConfig`] draws grids to learn from and other grids to score; [`compare`] runs every
//! [`Method`] on them; [`table`] and [`write_rows`] present the results. Scores from outside the
//! crate, such as those of neural networks, take part through [`LearnedScores`]. A
//! [`TableBenchmark`] scores a table without using its labels and then evaluates the scores with
//! them.

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
