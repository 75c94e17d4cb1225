//! Heads: small networks that run on an encoder's features.

mod count;
mod density;
mod location;
mod projection;
mod pyramid;

pub use count::{CountEncoding, CountHead, CountHeadConfig};
pub use density::{Density, DensityHead, DensityHeadConfig};
pub use location::{CentrePredictions, LocationHead, LocationHeadConfig};
pub use projection::{ProjectionHead, ProjectionHeadConfig};
pub use pyramid::{FeaturePyramid, FeaturePyramidConfig};
