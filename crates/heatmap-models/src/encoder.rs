//! [`Encoder`]: the interface between a network and the tasks that use its features.

use burn::module::Module;
use burn::tensor::Tensor;

/// The features of a batch of images: one vector per image, and feature maps that keep the
/// position.
#[derive(Debug, Clone)]
pub struct FeaturesAndMaps {
    /// Feature vectors `[batch, feature_dim]`, as [`Encoder::forward_features`] returns them.
    pub features: Tensor<2>,
    /// Feature maps `[batch, channels, rows, columns]`, one for each resolution of the network,
    /// from fine to coarse. [`Encoder::map_channels`] gives the number of channels of each.
    pub maps: Vec<Tensor<4>>,
}

/// A network that maps images to feature vectors.
///
/// The network computes in the float type of its images. On a device that supports f16 or bf16,
/// images cast to that type halve the memory of the activations. Parameters, normalisation
/// statistics and feature vectors stay f32.
pub trait Encoder: Module + 'static {
    /// Computes the feature vectors of images.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim]`
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2>;

    /// Computes the feature vectors and the feature maps of images. Heads that predict positions
    /// use the maps.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: see [`FeaturesAndMaps`]
    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps;

    /// Computes only the maps of [`Encoder::forward_with_maps`].
    fn forward_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        self.forward_with_maps(images).maps
    }

    /// Computes the feature vectors of images, and the tokens that they are pooled from. The tokens
    /// are `None` for a network without tokens.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, feature_dim]` and `[batch, tokens, feature_dim]`
    fn forward_with_tokens(&self, images: Tensor<4>) -> (Tensor<2>, Option<Tensor<3>>) {
        (self.forward_features(images), None)
    }

    /// Returns the length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Returns the number of channels of the images.
    fn in_channels(&self) -> usize;

    /// Returns the number of channels of each map of [`Encoder::forward_with_maps`], from fine to
    /// coarse.
    fn map_channels(&self) -> Vec<usize>;

    /// Returns the stride of each map of [`Encoder::forward_with_maps`], from fine to coarse: the
    /// number of image px that one cell spans along each axis.
    fn map_strides(&self) -> Vec<usize>;
}
