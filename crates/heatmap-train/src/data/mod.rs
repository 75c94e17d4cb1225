//! From heatmaps to tensors, and nowhere else.

mod image;
mod pairs;
mod protocol;
mod resize;
mod split;

pub use image::ImageConfig;
pub use pairs::{PairBatch, PairLoader, PairSampler};
pub use protocol::{IMAGENET, PretrainedProtocol};
pub use split::Split;
