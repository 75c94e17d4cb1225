//! [`ConvNorm`]: a convolution without bias, followed by batch normalisation.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::Device;

use crate::ops::{Activations, Epilogue, conv_norm};

/// A convolution without bias and the batch normalisation after it, the unit that every residual
/// network is built from.
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    pub(crate) conv: Conv2d,
    pub(crate) norm: BatchNorm,
}

impl ConvNorm {
    /// Makes a layer from `channels[0]` to `channels[1]` channels with a square kernel of odd size,
    /// padded so that stride 1 keeps the height and width of the image.
    pub(crate) fn init(
        channels: [usize; 2],
        kernel_size: usize,
        stride: usize,
        device: &Device,
    ) -> Self {
        let padding = kernel_size / 2;
        // Kaiming normal by fan-out for ReLU (He et al. 2015, "Delving Deep into Rectifiers",
        // equation 14).
        let initializer =
            Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true };
        let conv = Conv2dConfig::new(channels, [kernel_size; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(false)
            .with_initializer(initializer);
        Self { conv: conv.init(device), norm: BatchNormConfig::new(channels[1]).init(device) }
    }

    /// Sets the scale (gamma) of the normalisation to zero, so that the layer's output starts at
    /// zero.
    pub(crate) fn with_zero_scale(mut self, device: &Device) -> Self {
        self.norm.gamma = Initializer::Zeros.init(self.norm.gamma.dims(), device);
        self
    }

    /// Runs convolution, normalisation and the epilogue `after`, which may add a residual and apply
    /// ReLU.
    pub(crate) fn forward(&self, x: Activations, after: Epilogue) -> Activations {
        conv_norm(&self.conv, &self.norm, x, after)
    }
}
