//! Tasks: a network with its loss as Burn's `TrainStep` and `InferenceStep`.

mod simclr;

pub use simclr::{ContrastiveLoss, ContrastiveOutput, ContrastiveTop1, SimClr};
