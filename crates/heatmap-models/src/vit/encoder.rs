//! [`Vit`] as an [`Encoder`]: its features, its tokens and its map.

use burn::tensor::Tensor;

use super::network::Vit;
use crate::{Encoder, FeaturesAndMaps};

impl Encoder for Vit {
    /// Computes the class token or the mean of the patch tokens, after the last normalisation.
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        self.pool(self.forward_tokens(images))
    }

    fn forward_with_tokens(&self, images: Tensor<4>) -> (Tensor<2>, Option<Tensor<3>>) {
        let tokens = self.forward_tokens(images);
        (self.pool(tokens.clone()), Some(tokens))
    }

    /// Computes the features of [`Vit::pool`], and one map with the patch tokens at their places in
    /// the image.
    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps {
        let [_, _, height, width] = images.dims();
        let patch = self.patch_embed.patch_size();
        let tokens = self.forward_tokens(images);
        let [batch, _, embed_dim] = tokens.dims();
        let patches = self.patch_tokens(tokens.clone()).swap_dims(1, 2);
        let map = patches.reshape([batch, embed_dim, height / patch, width / patch]);
        FeaturesAndMaps { features: self.pool(tokens), maps: vec![map] }
    }

    fn feature_dim(&self) -> usize {
        self.class_token.lazy_shape()[2]
    }

    fn map_channels(&self) -> Vec<usize> {
        vec![self.feature_dim()]
    }

    fn map_strides(&self) -> Vec<usize> {
        vec![self.patch_embed.patch_size()]
    }

    fn in_channels(&self) -> usize {
        self.in_channels
    }
}
