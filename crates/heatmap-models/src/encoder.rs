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

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Channels of the images.
    fn in_channels(&self) -> usize;
}
