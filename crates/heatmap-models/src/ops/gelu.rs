//! GELU whose gradient is that of its own values.
//!
//! Hendrycks and Gimpel 2016, the exact form: x times the normal distribution function. Flex
//! differentiates it exactly. For the other backends Burn takes the derivative of the approximation
//! by tanh (`gelu_backward` of `burn-backend` 0.22), which is off by up to 4e-4 of the largest
//! gradient in a network of two blocks; there we write it with erf, whose derivative Burn has
//! exactly.

use std::f64::consts::FRAC_1_SQRT_2;

use burn::tensor::{Device, Tensor, activation};

/// # Shapes
/// - `x` and output: any, the same
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !device.is_autodiff() || device.inner() == Device::flex() {
        return activation::gelu(x);
    }
    let distribution = ((x.clone() * FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    x * distribution
}
