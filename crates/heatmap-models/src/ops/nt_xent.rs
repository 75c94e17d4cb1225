//! NT-Xent as one operation, where there is a fast one.

use burn::tensor::Tensor;

use super::flex;

/// The loss NT-Xent (Chen et al. 2020, equation 1; the mean over all rows) and the share of rows
/// whose nearest other row is their other view, without a gradient. `None` where only Burn's
/// operations are at hand.
///
/// # Shapes
/// - `rows`: `[2 * pairs, dim]`, not normalised; row i and row i + pairs are views of one sample
/// - outputs: `[1]`
pub fn nt_xent(rows: &Tensor<2>, temperature: f64) -> Option<(Tensor<1>, Tensor<1>)> {
    flex::supports(rows).then(|| flex::nt_xent(rows.clone(), temperature))
}
