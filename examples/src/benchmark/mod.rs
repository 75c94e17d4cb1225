//! The `benchmark` example: every score and their fusions on synthetic logs, over budgets of
//! clicks.

mod evaluate;
mod learned;
mod methods;
mod output;
mod own_table;
mod world;

pub use evaluate::{Comparison, DefectRow, Row, compare};
pub use learned::{EncoderScores, LearnedScores, NoLearned};
pub use methods::{Method, Regime};
pub use output::{summary, table, write_curves, write_defects, write_rows};
pub use own_table::{TableBenchmark, TableRow, table_summary, table_text, write_table_rows};
pub use world::{BenchmarkConfig, World};
