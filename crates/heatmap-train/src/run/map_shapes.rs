//! [`MapShapes`]: the cell sizes and channels of an encoder's maps.

use heatmap_models::Encoder;

/// The shapes of an encoder's maps, from fine to coarse: `strides` are the sides of their cells in
/// px of the image, `channels` their numbers of channels.
#[derive(Debug, Clone)]
pub(super) struct MapShapes {
    /// Name of the encoder, for error messages.
    pub(super) name: String,
    pub(super) strides: Vec<usize>,
    pub(super) channels: Vec<usize>,
}

impl MapShapes {
    /// Returns the shapes of the maps of a network.
    pub(super) fn of(encoder: &impl Encoder) -> Self {
        let (strides, channels) = (encoder.map_strides(), encoder.map_channels());
        Self { name: "the encoder".to_owned(), strides, channels }
    }
}
