//! NT-Xent as one fused operation, on the devices that have one.

use burn::tensor::Tensor;

use super::flex;

/// Computes the NT-Xent loss (Chen et al. 2020, equation 1; the mean over all rows), and the top-1
/// accuracy: the share of rows whose most similar other row is the other view of the same sample.
/// Only the loss has a gradient. Returns `None` on devices that have only Burn's operations.
///
/// # Shapes
/// - `rows`: `[2 * pairs, dim]`, not normalised; row i and row i + pairs are the two views of a
///   sample
/// - outputs: `[1]`
pub fn nt_xent(rows: &Tensor<2>, temperature: f64) -> Option<(Tensor<1>, Tensor<1>)> {
    flex::supports(rows).then(|| flex::nt_xent(rows.clone(), temperature))
}
