//! What the contrastive losses share: log-probabilities of a row to pick each other row.

use burn::tensor::{Bool, Tensor, activation::log_softmax};

/// Rows scaled to length 1; a row of zeros stays.
pub(super) fn normalized(z: Tensor<2>) -> Tensor<2> {
    let squared = z.clone().powi_scalar(2).sum_dim(1);
    // Below the root, so that the gradient of a row of zeros is 0 and not NaN.
    z / squared.clamp_min(1e-24).sqrt()
}

/// True on the diagonal.
pub(super) fn diagonal(like: &Tensor<2>) -> Tensor<2, Bool> {
    Tensor::<2, Bool>::diag_mask(like.dims(), 0, &like.device()).bool_not()
}

/// Logarithm of the softmax over cosine similarity / temperature of every row to all others; a row does not see itself.
///
/// # Shapes
/// - `z`: `[n, dim]`
/// - output: `[n, n]`; the diagonal holds very negative numbers.
pub(super) fn log_probabilities(z: Tensor<2>, temperature: f64) -> Tensor<2> {
    let z = normalized(z);
    let logits = z.clone().matmul(z.transpose()) / temperature;
    let itself = diagonal(&logits);
    // Finite, because an infinity times the zero gradient behind it would be NaN; far below any 1 / temperature in use.
    log_softmax(logits.mask_fill(itself, -1e9), 1)
}

/// Checks a pair of views and returns the number of pairs.
pub(super) fn check_views(z0: &Tensor<2>, z1: &Tensor<2>) -> usize {
    assert_eq!(z0.dims(), z1.dims(), "both views need the same shape [pairs, dim]");
    z0.dims()[0]
}

/// Checks a temperature.
pub(super) fn check_temperature(temperature: f64) {
    assert!(temperature.is_finite() && temperature > 0.0, "temperature must be positive, got {temperature}");
}
