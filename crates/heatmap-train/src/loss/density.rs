//! [`poisson_nll`]: how well a density explains where the clusters are.

use burn::tensor::Tensor;

/// Negative logarithm of the probability of `counts` if each cell holds a Poisson number of
/// clusters with its rate, less the part that no rate changes: rate - count x ln rate, summed over
/// the cells, a mean over the batch. It is least where the rate of each cell is the number that is
/// to be expected there, whoever else is.
///
/// # Shapes
/// - `log_rates`, `counts`: `[batch, rows, columns]`
/// - output: `[1]`
///
/// # Panics
/// When the shapes do not fit.
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
