//! [`SetNetwork`]: a small convolutional network that holds a banner against other banners of its
//! grid and says how probably it is broken.
//!
//! It sees square roots of smoothed shares, never counts ([`BannerMaps`]): those of the banner, the
//! median and the spread of the banners that it is compared with, and the difference in units of
//! the spread ([`network_input`]). It was trained on generated layouts
//! ([`crate::synth::ReferenceSets`]), which it compares with whatever reference it is given; of the
//! layouts of a log it knows nothing. Training is in `heatmap-train`; here it is plain arithmetic
//! on a few planes of 25 x 30 points.

mod banner_maps;
mod convolution;
mod embedded;
mod file;
mod input;
mod network;
mod occlusion;
mod set_score;
mod sort_lanes;

pub use banner_maps::BannerMaps;
pub use convolution::Convolution;
pub use input::{CHANNELS, MAX_REFERENCES, NetworkReference, network_input};
pub use network::{ResidualBlock, SetNetwork};
pub use occlusion::NinthsOfBanner;
pub use set_score::{SetScore, nearest_references};
