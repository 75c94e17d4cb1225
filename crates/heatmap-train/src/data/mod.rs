//! From heatmaps to tensors, and nowhere else.

mod frame;
mod image;
mod pairs;
mod protocol;
mod resize;
mod samples;
mod split;

pub use frame::ImageFrame;
pub use image::ImageConfig;
pub use pairs::{PairBatch, PairLoader, PairSampler};
pub use protocol::{IMAGENET, PretrainedProtocol};
pub use samples::{SampleBatch, SampleLoader};
pub use split::Split;
