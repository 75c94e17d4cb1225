//! [`PatchEmbed`]: an image becomes a row of tokens, one for every patch.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use super::parameters::NORMAL;
use crate::ops::product;

/// A convolution whose stride is its kernel size (paper, section 3.1), done as what it is: one
/// matrix product over the patches.
#[derive(Module, Debug)]
pub(super) struct PatchEmbed {
    /// `[embed_dim, in_channels, patch_size, patch_size]`, as every published file has it.
    weight: Param<Tensor<4>>,
    /// `[embed_dim]`
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

    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, rows * columns, embed_dim]`, row by row
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

    /// Height and width of a patch.
    pub(super) fn patch_size(&self) -> usize {
        self.weight.dims()[2]
    }
}
