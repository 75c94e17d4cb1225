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

    /// Images to features at every place, for heads that ask where something is.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim, rows, columns]`: as many rows and columns as the last stage or the patches have
    fn forward_map(&self, images: Tensor<4>) -> Tensor<4>;

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Channels of the images.
    fn in_channels(&self) -> usize;
}
