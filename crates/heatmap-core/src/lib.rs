//! Click heatmaps of display banners, without a network in sight.
//!
//! The way of the data: a [`table`] of clicks or a [`synth`] layout gives clicks,
//! [`binning`] counts them on a [`Grid`], [`Upsampling`] smooths sparse [`Heatmap`]s, `analysis`
//! (feature, on by default) measures feature vectors, and `plot` (feature) draws all of it. Nothing
//! here depends on Burn.
//!
//! ```
//! use heatmap_core::synth::Preset;
//!
//! let preset = Preset::named("simclr-report")?;
//! let sample = preset.sample(7, 0); // seed 7, sample 0: the same on every machine
//! assert_eq!(sample.heatmap.rows(), 50);
//! assert_eq!(sample.centres.len(), sample.class + 1); // class 0 has one cluster
//! # Ok::<(), heatmap_core::Error>(())
//! ```

#[cfg(feature = "analysis")]
pub mod analysis;
mod atomic_file;
pub mod augment;
mod axis;
#[cfg(feature = "analysis")]
pub mod benchmark;
pub mod binning;
mod click;
#[cfg(feature = "analysis")]
pub mod detect;
mod error;
mod gaussian;
mod geometry;
mod heatmap;
#[cfg(feature = "plot")]
pub mod plot;
mod random;
#[cfg(feature = "report")]
pub mod report;
pub mod synth;
pub mod table;
mod upsample;

pub use atomic_file::{
    UNFINISHED, UnfinishedFile, crash_point, sweep_unfinished, write_atomically,
};
pub use click::Click;
pub use error::{Error, Result};
pub use geometry::{BannerSize, Grid, Point, Rect};
pub use heatmap::{Heatmap, Normalization};
pub use random::{SampleRng, sample_rng};
pub use upsample::Upsampling;
