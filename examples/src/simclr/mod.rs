//! What the `simclr` example is made of: its arguments, one run from the first step to the last picture, and a grid of runs.

mod arguments;
mod report;
mod run;
mod sweep;

pub use arguments::SimClrArguments;
pub use report::{
    Evaluated, Summary, loss_chance, write_evaluation_curves, write_loss_curve, write_montage, write_pca,
};
pub use run::{evaluate_encoder, run_simclr};
pub use sweep::{SweepAxis, sweep_simclr};
