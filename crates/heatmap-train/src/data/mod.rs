//! From synthetic samples to tensors.

mod image;
mod pairs;
mod split;

pub use image::ImageConfig;
pub use pairs::{PairBatch, PairLoader, PairSampler};
pub use split::Split;
