//! What the `detector` example measures and leaves behind.

mod measure;
mod output;

pub use measure::{BUDGETS, Measured, measure};
pub use output::{DetectorSummary, NETWORK, write_all};
