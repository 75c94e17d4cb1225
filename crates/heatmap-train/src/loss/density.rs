//! [`poisson_nll`]: the loss of a predicted density of clusters.

use burn::tensor::Tensor;

/// Computes the Poisson negative log-likelihood of the number of clusters in each cell, without the
/// term that does not depend on the rates: rate - count x ln rate, summed over the cells and
/// averaged over the batch. It is minimal where each rate is the expected number of clusters in its
/// cell; the cells need not be independent for this.
///
/// # Shapes
/// - `log_rates`, `counts`: `[batch, rows, columns]`
/// - output: `[1]`
///
/// # Panics
/// Panics when the shapes differ.
pub fn poisson_nll(log_rates: Tensor<3>, counts: Tensor<3>) -> Tensor<1> {
    let [batch, ..] = log_rates.dims();
    assert_eq!(log_rates.dims(), counts.dims(), "a rate for every count");
    (log_rates.clone().exp() - counts * log_rates).sum() / batch as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tolerance};

    #[test]
    fn it_is_the_formula_and_its_slope_is_rate_minus_count() {
        let device = Device::flex().autodiff();
        let logs = [[[0.3_f32, -1.0], [0.0, 2.0]], [[-0.5, 0.7], [1.1, -2.0]]];
        let counts = [[[0.0_f32, 1.0], [2.0, 7.0]], [[0.0, 0.0], [3.0, 0.0]]];
        let log_rates = Tensor::<3>::from_floats(logs, &device).require_grad();
        let loss = poisson_nll(log_rates.clone(), Tensor::from_floats(counts, &device));
        let cells =
            logs.as_flattened().as_flattened().iter().zip(counts.as_flattened().as_flattened());
        let expected: f64 =
            cells.map(|(&log, &count)| f64::from(log).exp() - f64::from(count * log)).sum::<f64>()
                / 2.0;
        assert!((loss.clone().into_scalar::<f64>() - expected).abs() < 1e-5);
        let slope = log_rates.grad(&loss.backward()).expect("a gradient");
        let expected =
            (log_rates.inner().exp() - Tensor::from_floats(counts, &Device::flex())) / 2.0;
        slope.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}
