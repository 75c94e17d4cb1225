//! The `compare` example: what the features of different ways to learn are worth, on the same
//! held-out samples.

mod measure;
mod output;
mod ways;

pub use measure::{Measured, measure};
pub use output::{table, write_picture, write_rows};
pub use ways::{CompareConfig, Way};
