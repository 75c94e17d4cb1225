//! Pictures as PNG: heatmaps, labelled montages, curves and scatters.
//!
//! Every function gives a [`Picture`] in memory; [`Picture::save_png`] writes it, complete or not at all. The font is
//! part of the program, so pictures look the same on a machine without fonts.

mod curve;
mod heatmap;
mod montage;
mod picture;
mod scatter;
mod style;

pub use curve::{Curve, curves};
pub use heatmap::heatmap;
pub use montage::{Tile, montage};
pub use picture::Picture;
pub use scatter::{Scatter, scatters};
