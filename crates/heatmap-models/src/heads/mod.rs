//! Heads: small networks on top of an encoder's features.

mod count;
mod location;
mod projection;

pub use count::{CountEncoding, CountHead, CountHeadConfig};
pub use location::{Centres, LocationHead, LocationHeadConfig};
pub use projection::{ProjectionHead, ProjectionHeadConfig};
