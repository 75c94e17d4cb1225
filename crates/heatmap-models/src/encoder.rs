//! [`Encoder`]: what a task needs to know of a network.

use burn::module::Module;
use burn::tensor::Tensor;

/// What an encoder knows of images: on the whole, and at every place.
#[derive(Debug, Clone)]
pub struct FeaturesAndMaps {
    /// `[batch, feature_dim]`, as from [`Encoder::forward_features`]
    pub features: Tensor<2>,
    /// For each resolution that the network has, from fine to coarse:
    /// `[batch, channels, rows, columns]`, the channels as in [`Encoder::map_channels`].
    pub maps: Vec<Tensor<4>>,
}

/// A network from images to feature vectors.
///
/// It computes in the type of its images: cast to f16 or bf16, on a device that has it, activations
/// take half the memory. Parameters, statistics of normalisation and features stay f32.
pub trait Encoder: Module + 'static {
    /// Images to features.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim]`
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2>;

    /// Images to features, and to features at every place, for heads that ask where something is.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps;

    /// The maps of [`Encoder::forward_with_maps`] alone.
    fn forward_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        self.forward_with_maps(images).maps
    }

    /// Images to features, and to the tokens that they are taken from, for a network that has
    /// tokens.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim]` and `[batch, tokens, feature_dim]`
    fn forward_with_tokens(&self, images: Tensor<4>) -> (Tensor<2>, Option<Tensor<3>>) {
        (self.forward_features(images), None)
    }

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Channels of the images.
    fn in_channels(&self) -> usize;

    /// Channels of each map of [`Encoder::forward_with_maps`], from fine to coarse.
    fn map_channels(&self) -> Vec<usize>;

    /// Side of a cell of each of these maps in px of the image.
    fn map_strides(&self) -> Vec<usize>;
}
