//! [`MapShapes`]: the maps of an encoder.

use heatmap_models::Encoder;

/// The maps of an encoder: sides of their cells in px and channels, from fine to coarse.
#[derive(Debug, Clone)]
pub(super) struct MapShapes {
    /// Name of the encoder, for messages.
    pub(super) name: String,
    pub(super) strides: Vec<usize>,
    pub(super) channels: Vec<usize>,
}

impl MapShapes {
    /// Returns the maps of a network.
    pub(super) fn of(encoder: &impl Encoder) -> Self {
        let (strides, channels) = (encoder.map_strides(), encoder.map_channels());
        Self { name: "the encoder".to_owned(), strides, channels }
    }
}
