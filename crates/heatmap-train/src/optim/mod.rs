//! Optimisers: Burn's, but for those that we can make faster.

mod adam;

pub use adam::{Adam, AdamConfig};
