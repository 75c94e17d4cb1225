//! Pictures as PNG: heatmaps, labelled montages with and without marked centres, curves, scatters,
//! confusions and other matrices.
//!
//! Every function gives a [`Picture`] in memory; [`Picture::save_png`] writes it, complete or not
//! at all. The font is part of the program, so pictures look the same on a machine without fonts.

mod confusion;
mod curve;
mod heatmap;
mod marked_montage;
mod matrix;
mod montage;
mod picture;
mod scatter;
mod style;

pub use confusion::confusion;
pub use curve::{Curve, curves};
pub use heatmap::heatmap;
pub use marked_montage::{MarkedTile, marked_montage};
pub use matrix::{Matrix, matrices};
pub use montage::{Tile, montage};
pub use picture::Picture;
pub use scatter::{Scatter, scatters};
