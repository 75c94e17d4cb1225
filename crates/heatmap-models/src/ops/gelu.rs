//! GELU with an exact gradient on every backend.
//!
//! Hendrycks and Gimpel 2016, the exact form: x times the cumulative normal distribution. Flex
//! differentiates it exactly. On other backends Burn uses the derivative of the tanh approximation
//! (`gelu_backward` of `burn-backend` 0.22), which is off by up to 4e-4 of the largest gradient in
//! a network of two blocks; there GELU is written with erf, whose derivative is exact in Burn.

use std::f64::consts::FRAC_1_SQRT_2;

use burn::tensor::{Device, Tensor, activation};

/// Applies GELU.
///
/// # Shapes
/// - `x` and output: the same shape, which may be any
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !device.is_autodiff() || device.inner() == Device::flex() {
        return activation::gelu(x);
    }
    let distribution = ((x.clone() * FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    x * distribution
}
