//! Training of click-heatmap encoders: data sets, losses, tasks, runs and their evaluation, in
//! Burn.
//!
//! [`data`] turns synthetic samples into tensors, [`loss`] compares, a
//! [`task`] is a network with its loss as Burn's `TrainStep`, [`run`] carries a task through many
//! steps with progress, logs and checkpoints, [`evaluation`] tells what the features are worth, and
//! [`features`] writes those of a whole data set to disk.

pub mod data;
mod device;
mod error;
pub mod evaluation;
pub mod features;
pub mod loss;
pub mod metric;
pub mod optim;
pub mod run;
#[cfg(feature = "plot")]
pub mod study;
pub mod task;

pub use device::DeviceName;
pub use error::{Error, Result};

/// The code of the README, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
