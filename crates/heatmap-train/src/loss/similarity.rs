//! Helpers of the contrastive losses: normalisation of rows, and checks.

use burn::tensor::Tensor;

/// Scales every row to unit length; a row of zeros stays as it is.
pub(super) fn normalized(z: Tensor<2>) -> Tensor<2> {
    let squared = z.clone().powi_scalar(2).sum_dim(1);
    // Clamped before the root, so that the gradient of a row of zeros is 0 and not NaN.
    z / squared.clamp_min(1e-24).sqrt()
}

/// Checks that a temperature is finite and positive.
pub(super) fn check_temperature(temperature: f64) {
    assert!(
        temperature.is_finite() && temperature > 0.0,
        "temperature must be positive, got {temperature}"
    );
}
