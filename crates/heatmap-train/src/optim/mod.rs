//! Optimisers and schedules: Burn's, but for what we can make faster or what needs putting together.

mod adam;
mod schedule;

pub use adam::{Adam, AdamConfig};
pub use schedule::warmup_cosine;
