//! [`ConvNorm`]: a convolution without bias and the batch normalisation behind it.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::Device;

use crate::ops::{Activations, Epilogue, conv_norm};

/// The unit that every residual network is made of.
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    pub(crate) conv: Conv2d,
    pub(crate) norm: BatchNorm,
}

impl ConvNorm {
    /// A square kernel of odd size, padded so that stride 1 keeps the size of the image.
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

    /// Starts with an output of zeros.
    pub(crate) fn with_zero_scale(mut self, device: &Device) -> Self {
        self.norm.gamma = Initializer::Zeros.init(self.norm.gamma.dims(), device);
        self
    }

    /// Convolution, normalisation and what comes after them.
    pub(crate) fn forward(&self, x: Activations, after: Epilogue) -> Activations {
        conv_norm(&self.conv, &self.norm, x, after)
    }
}
