//! Comparison of encoders trained by different methods: how well their features perform on the same
//! held-out samples.

mod measure;
mod methods;
mod output;

pub use measure::{Measured, measure};
pub use methods::{CompareConfig, TrainingMethod};
pub use output::{table, write_picture, write_rows};
