//! What the `simclr` example is made of: its arguments, one run from the first step to the last
//! picture, and a grid of runs.

mod arguments;
mod report;
mod run;
mod sweep;

pub use arguments::SimClrArguments;
pub use report::Summary;
pub use run::run_simclr;
pub use sweep::{SweepAxis, sweep_simclr};
