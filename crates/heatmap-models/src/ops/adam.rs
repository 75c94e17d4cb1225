//! A step of Adam: on Flex one pass over the memory, elsewhere Burn's operations one after another.

use burn::tensor::{Device, Tensor};

pub use super::cpu::AdamFactors;
use super::flex;

/// The two running means of Adam.
///
/// # Shapes
/// - both: as the parameter
#[derive(Debug, Clone)]
pub struct AdamMoments<const D: usize> {
    /// Of the gradient.
    pub mean: Tensor<D>,
    /// Of its square.
    pub square: Tensor<D>,
}

/// The parameter and the means behind one step: Kingma and Ba 2015, algorithm 1. Not differentiable.
///
/// # Shapes
/// - all: any, the same
pub fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: AdamMoments<D>,
    factors: AdamFactors,
) -> (Tensor<D>, AdamMoments<D>) {
    if parameter.device() == Device::flex() {
        return flex::adam(parameter, gradient, moments, factors);
    }
    let AdamFactors { beta_1, beta_2, rate, epsilon, keep } = factors;
    let mean = moments.mean * beta_1 + gradient.clone() * (1.0 - beta_1);
    let square = moments.square * beta_2 + gradient.square() * (1.0 - beta_2);
    let parameter = parameter * keep - mean.clone() * rate / (square.clone().sqrt() + epsilon);
    (parameter, AdamMoments { mean, square })
}
