//! [`Stem`]: the first layers, from the channels of an image to those of the first stage.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::Device;

use crate::layers::ConvNorm;
use crate::ops::{Activations, Epilogue, max_pool};
use crate::stem_kind::StemKind;

/// A convolution with normalisation, and in the standard stem max pooling.
#[derive(Module, Debug)]
pub(super) struct Stem {
    pub(super) layer: ConvNorm,
    pub(super) pool: Option<MaxPool2d>,
}

impl Stem {
    /// Makes a stem from `channels[0]` to `channels[1]` channels.
    pub(super) fn init(kind: StemKind, channels: [usize; 2], device: &Device) -> Self {
        match kind {
            StemKind::Standard => {
                let pool = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]);
                let pool = pool.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init();
                Self { layer: ConvNorm::init(channels, 7, 2, device), pool: Some(pool) }
            }
            StemKind::SmallImage => {
                Self { layer: ConvNorm::init(channels, 3, 1, device), pool: None }
            }
            StemKind::HalfImage => {
                Self { layer: ConvNorm::init(channels, 5, 2, device), pool: None }
            }
        }
    }

    pub(super) fn forward(&self, x: Activations) -> Activations {
        let x = self.layer.forward(x, Epilogue::Relu);
        match &self.pool {
            Some(pool) => max_pool(pool, x),
            None => x,
        }
    }
}
