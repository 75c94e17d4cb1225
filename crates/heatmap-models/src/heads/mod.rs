//! Heads: small networks on top of an encoder's features.

mod projection;

pub use projection::{ProjectionHead, ProjectionHeadConfig};
