//! [`PatchEmbed`]: turns an image into a sequence of tokens, one for each patch.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use super::parameters::NORMAL;
use crate::ops::product;

/// The patch embedding: a convolution whose stride is its kernel size (paper, section 3.1),
/// computed as one matrix product over the patches.
#[derive(Module, Debug)]
pub(super) struct PatchEmbed {
    /// The weight, `[embed_dim, in_channels, patch_size, patch_size]`, as in every published file.
    weight: Param<Tensor<4>>,
    /// The bias, `[embed_dim]`.
    bias: Param<Tensor<1>>,
}

impl PatchEmbed {
    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        let shape = [config.embed_dim, config.in_channels, config.patch_size, config.patch_size];
        Self {
            weight: NORMAL.init(shape, device),
            bias: Initializer::Zeros.init([config.embed_dim], device),
        }
    }

    /// Computes the tokens of an image.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, rows * columns, embed_dim]`, the patches row by row
    pub(super) fn forward(&self, images: Tensor<4>) -> Tensor<3> {
        let weight = self.weight.val();
        let [embed_dim, in_channels, patch_size, _] = weight.dims();
        let [batch, _, height, width] = images.dims();
        let (rows, columns) = (height / patch_size, width / patch_size);
        let pixels = in_channels * patch_size * patch_size;
        let patches = images
            .reshape([batch, in_channels, rows, patch_size, columns, patch_size])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch * rows * columns, pixels]);
        let tokens =
            product(patches, weight.reshape([embed_dim, pixels]).transpose(), self.bias.val());
        tokens.reshape([batch, rows * columns, embed_dim])
    }

    /// Returns the height and width of a patch in px.
    pub(super) fn patch_size(&self) -> usize {
        self.weight.dims()[2]
    }
}
