//! Seeded augmentations of click heatmaps, for views of contrastive learning.
//!
//! All of them act on clicks: those of a heatmap are laid at random places within their bins, and
//! counted again afterwards. So an augmented heatmap is what the banner's clicks could have been,
//! never a resampled picture. Which augmentation keeps the class of which family is told by
//! [`Augmentation::keeps`], and tested on the generators.

mod config;
mod kinds;

pub use config::AugmentConfig;
pub use kinds::Augmentation;

#[cfg(test)]
mod tests;
