//! What the contrastive losses share: rows of length 1, and checks.

use burn::tensor::Tensor;

/// Rows scaled to length 1; a row of zeros stays.
pub(super) fn normalized(z: Tensor<2>) -> Tensor<2> {
    let squared = z.clone().powi_scalar(2).sum_dim(1);
    // Below the root, so that the gradient of a row of zeros is 0 and not NaN.
    z / squared.clamp_min(1e-24).sqrt()
}

/// Checks a pair of views and returns the number of pairs.
pub(super) fn check_views(z0: &Tensor<2>, z1: &Tensor<2>) -> usize {
    assert_eq!(z0.dims(), z1.dims(), "both views need the same shape [pairs, dim]");
    z0.dims()[0]
}

/// Checks a temperature.
pub(super) fn check_temperature(temperature: f64) {
    assert!(
        temperature.is_finite() && temperature > 0.0,
        "temperature must be positive, got {temperature}"
    );
}
