//! From heatmaps to tensors, and nowhere else.

mod class_source;
mod frame;
mod image;
mod pair_loader;
mod pairs;
mod protocol;
mod resize;
mod samples;
mod set_loader;
mod split;

pub use class_source::{ClassSource, LAYOUTS, class_source};
pub use frame::ImageFrame;
pub use image::ImageConfig;
pub use pair_loader::{PairBatch, PairLoader, Share};
pub use pairs::{Pair, PairSampler, Views};
pub use protocol::{IMAGENET, PretrainedProtocol};
pub use samples::{SampleBatch, SampleLoader};
pub use set_loader::{Comparison, SetBatch, SetLoader, planes_of};
pub use split::Split;
