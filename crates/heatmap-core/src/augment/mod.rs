//! Seeded augmentations of click heatmaps, for views of contrastive learning.
//!
//! All augmentations act on clicks: those of a heatmap are put at random places within their bins,
//! and counted again afterwards. So an augmented heatmap is what the banner's clicks could have
//! been, never a resampled picture. [`Augmentation::keeps`] tells which augmentation keeps the
//! class of which family, which is tested on the generators.

mod config;
mod kinds;

pub use config::AugmentConfig;
pub use kinds::Augmentation;

#[cfg(test)]
mod tests;
