//! One step of Adam: a single fused pass over memory on Flex, Burn's operations on other devices.

use burn::tensor::{Device, FloatDType, Tensor};

use super::adam_moments::AdamMoments;
pub use super::cpu::AdamFactors;
use super::flex;

/// Returns the parameter and the moments after one step of Adam (Kingma and Ba 2015, algorithm 1).
/// The step is not differentiable.
///
/// # Shapes
/// - all tensors: the same shape, which may be any
pub fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: AdamMoments<D>,
    factors: AdamFactors,
) -> (Tensor<D>, AdamMoments<D>) {
    if parameter.device() == Device::flex() && parameter.dtype() == FloatDType::F32.into() {
        return flex::adam(parameter, gradient, moments, factors);
    }
    let AdamFactors { beta_1, beta_2, rate, epsilon, keep } = factors;
    let mean = moments.mean * beta_1 + gradient.clone() * (1.0 - beta_1);
    let square = moments.square * beta_2 + gradient.square() * (1.0 - beta_2);
    let parameter = parameter * keep - mean.clone() * rate / (square.clone().sqrt() + epsilon);
    (parameter, AdamMoments { mean, square })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, TensorData};

    #[test]
    fn in_f64_a_step_is_computed_in_f64() {
        let device = Device::flex();
        let tensor = |value: f64| {
            Tensor::<1>::from_data(TensorData::new(vec![value], [1]), (&device, DType::F64))
        };
        let factors =
            AdamFactors { beta_1: 0.9, beta_2: 0.999, rate: 0.1, epsilon: 1e-8, keep: 1.0 };
        let moments = AdamMoments { mean: tensor(0.2), square: tensor(0.3) };
        let (parameter, moments) = adam_step(tensor(1.0), tensor(1.0 / 3.0), moments, factors);
        let (mean, square) = (0.18 + 0.1 / 3.0, 0.2997 + 0.001 / 9.0);
        let value = |tensor: Tensor<1>| tensor.into_scalar::<f64>();
        let (got_mean, got_square) = (value(moments.mean), value(moments.square));
        assert!((got_mean - mean).abs() < 1e-15, "{got_mean} {mean}");
        assert!((got_square - square).abs() < 1e-15, "{got_square} {square}");
        assert!((value(parameter) - (1.0 - 0.1 * mean / (square.sqrt() + 1e-8))).abs() < 1e-15);
    }
}
