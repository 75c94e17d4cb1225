//! [`Encoder`]: what a task needs to know of a network.

use burn::module::Module;
use burn::tensor::Tensor;

/// A network from images to feature vectors.
pub trait Encoder: Module {
    /// Images to features.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim]`
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2>;

    /// Images to features at every place, for heads that ask where something is: a map for each resolution that the network
    /// has, from fine to coarse.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output, for every resolution: `[batch, channels, rows, columns]`; the configuration of the network knows the channels
    fn forward_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>>;

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Channels of the images.
    fn in_channels(&self) -> usize;
}
