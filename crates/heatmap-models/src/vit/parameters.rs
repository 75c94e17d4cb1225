//! Fresh parameters, as timm and transformers draw them.

use burn::module::Param;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

/// A linear layer: weights from [`NORMAL`], biases zero.
pub(super) fn fresh_linear(from: usize, to: usize, device: &Device) -> Linear {
    let mut linear = LinearConfig::new(from, to).with_initializer(NORMAL).init(device);
    linear.bias = linear.bias.map(|_| Initializer::Zeros.init([to], device));
    linear
}

/// Normal with standard deviation 0.02, which the originals cut off at a hundred standard
/// deviations, that is not at all.
pub(super) const NORMAL: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

/// A learned token, or several.
pub(super) fn token(shape: [usize; 3], device: &Device) -> Param<Tensor<3>> {
    NORMAL.init(shape, device)
}
