//! Parameters: their initial values, as in timm and transformers, and their names in PyTorch.

use burn::module::Param;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

/// Makes a linear layer with weights from [`NORMAL`] and biases of zero.
pub(super) fn fresh_linear(from: usize, to: usize, device: &Device) -> Linear {
    let mut linear = LinearConfig::new(from, to).with_initializer(NORMAL).init(device);
    linear.bias = linear.bias.map(|_| Initializer::Zeros.init([to], device));
    linear
}

/// The normal distribution with standard deviation 0.02. timm and transformers truncate it at a
/// hundred standard deviations, which has no effect.
pub(super) const NORMAL: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

/// Makes one or more learned tokens.
pub(super) fn token(shape: [usize; 3], device: &Device) -> Param<Tensor<3>> {
    NORMAL.init(shape, device)
}

/// Translates Burn's name of a normalisation's tensor into PyTorch's.
pub(super) fn weight_or_bias(leaf: &str) -> &str {
    match leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    }
}
