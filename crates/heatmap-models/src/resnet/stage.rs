//! [`Stage`]: a sequence of residual blocks of the same width. The first block halves height and
//! width, except in the first stage.

use burn::module::Module;
use burn::tensor::Device;

use super::block::Block;
use super::config::ResNetConfig;
use crate::ops::Activations;

/// Residual blocks, in order.
#[derive(Module, Debug)]
pub(super) struct Stage {
    pub(super) blocks: Vec<Block>,
}

impl Stage {
    /// Makes stage `at` of four, which is twice as wide as the one before: 64, 128, 256 and 512
    /// channels in the published networks.
    pub(super) fn init(
        config: &ResNetConfig,
        at: usize,
        in_channels: usize,
        device: &Device,
    ) -> Self {
        let width = config.base_width << at;
        let out_channels = width * config.block.expansion();
        let block = |j| {
            let (from, stride) = match j {
                0 => (in_channels, if at == 0 { 1 } else { 2 }),
                _ => (out_channels, 1),
            };
            Block::init(config.block, from, width, stride, config.zero_init_residual, device)
        };
        Self { blocks: (0..config.depths[at]).map(block).collect() }
    }

    pub(super) fn forward(&self, x: Activations) -> Activations {
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }
}
