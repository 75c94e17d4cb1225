//! [`AdamMoments`]: the state that Adam keeps for each parameter.

use burn::tensor::Tensor;

/// Adam's two running means for one parameter.
///
/// # Shapes
/// - both: the shape of the parameter
#[derive(Debug, Clone)]
pub struct AdamMoments<const D: usize> {
    /// The running mean of the gradient (the first moment).
    pub mean: Tensor<D>,
    /// The running mean of the squared gradient (the second moment).
    pub square: Tensor<D>,
}
