//! Click heatmaps of display banners: everything that needs no neural network.
//!
//! The data flow like this: a [`table`] of clicks or a [`synth`] generator gives clicks,
//! [`binning`] counts them on a [`Grid`], [`Upsampling`] smooths sparse [`Heatmap`]s, `analysis`
//! (feature, on by default) examines feature vectors and heatmaps, and `plot` (feature) draws all
//! of it. Nothing here depends on Burn.
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
//!
//! Which banners are broken, and why, from heatmaps in memory (`ClickLogConfig::read` takes files):
//!
//! ```
//! # #[cfg(feature = "analysis")] {
//! use std::ops::ControlFlow;
//!
//! use heatmap_core::BannerSize;
//! use heatmap_core::detect::{BannerFacts, LogDetectionConfig};
//! use heatmap_core::table::{BannerKey, ClickLog, ClickLogConfig};
//! # use heatmap_core::synth::{Layout, Population};
//! # let (population, layout) = (Population::default(), Layout::draw(1, 0));
//! # let heatmap = |at| population.banner(&layout, 1, at, 400).heatmap;
//! let banner = |at: u64| {
//!     let key = BannerKey { domain: format!("site{at}.example"), grid_id: "grid".to_owned() };
//!     (key, BannerSize { width_px: 300, height_px: 250 }, heatmap(at))
//! };
//! let log = ClickLog::from_heatmaps(&ClickLogConfig::default(), (0..120).map(banner))?;
//! let go_on = &mut |_| ControlFlow::Continue(());
//! let detection = LogDetectionConfig::default().run(&log, &BannerFacts::default(), go_on)?;
//! let flagged = &detection.ranking()[..detection.flagged()];
//! for (at, explained) in detection.explain(&log, flagged)? {
//!     println!("{}: {}", log.entry_at(at).banner.domain, explained.explanation.reason);
//! }
//! # assert!(!flagged.is_empty());
//! # }
//! # Ok::<(), heatmap_core::Error>(())
//! ```
// The documentation says which items need which feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "analysis")]
pub mod analysis;
mod atomic_file;
pub mod augment;
mod axis;
#[cfg(feature = "analysis")]
pub mod benchmark;
pub mod binning;
mod click;
mod date;
pub mod defect;
#[cfg(feature = "analysis")]
pub mod detect;
mod error;
mod gaussian;
mod geometry;
mod heatmap;
mod names;
#[cfg(feature = "plot")]
pub mod plot;
mod random;
#[cfg(feature = "report")]
pub mod report;
mod run_folder;
mod stable_hash;
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
pub use names::one_of;
pub use random::{SampleRng, sample_rng};
pub use run_folder::RunFolder;
pub use upsample::Upsampling;
