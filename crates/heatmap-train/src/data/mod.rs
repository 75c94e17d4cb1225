//! Data sets, samplers and Burn data loaders: the one place where heatmaps become tensors.

mod class_source;
mod cluster_data;
mod frame;
mod image;
mod log_banners;
mod own_log;
mod own_samples;
mod pair_loader;
mod pairs;
mod protocol;
mod resize;
mod sample_source;
mod samples;
mod set_loader;
mod split;

pub use class_source::{ClassSource, LAYOUTS, class_source};
pub use cluster_data::ClusterData;
pub use frame::ImageFrame;
pub use image::ImageConfig;
pub use log_banners::LogBanners;
pub use own_log::OwnLog;
pub use own_samples::OwnSamples;
pub use pair_loader::{PairBatch, PairLoader, Share};
pub use pairs::{Pair, PairSampler, Views};
pub use protocol::{IMAGENET, PretrainedProtocol};
pub use sample_source::SampleSource;
pub use samples::{SampleBatch, SampleLoader};
pub use set_loader::{Comparison, SetBatch, SetLoader, planes_of};
pub use split::Split;
