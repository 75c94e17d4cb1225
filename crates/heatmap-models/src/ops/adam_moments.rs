//! [`AdamMoments`]: what Adam remembers of a parameter.

use burn::tensor::Tensor;

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
