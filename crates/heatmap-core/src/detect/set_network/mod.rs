//! [`SetNetwork`]: a small convolutional network that compares a banner with other banners of its
//! grid and gives its log odds of being broken.
//!
//! It sees square roots of smoothed shares, never counts ([`BannerMaps`]): those of the banner, the
//! median and the spread of the references that it is compared with, and the difference in units of
//! the spread ([`network_input`]). It was trained on generated layouts
//! ([`crate::synth::ReferenceSets`]) to compare with whatever references it is given, so it has
//! learned nothing of the layouts of a log. Training is in `heatmap-train`; this module only
//! computes the forward pass, on a few planes of 25 x 30 points.

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
