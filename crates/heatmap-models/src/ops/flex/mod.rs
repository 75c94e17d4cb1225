//! Connects the operations of `cpu` to Burn's tensors on Flex and to autodiff, as a backend
//! extension.
//!
//! Images are `[batch, height, width, channels]` here (see [`Activations`](super::Activations)). A
//! call goes through a function of this module, `extension` (Burn's dispatch and autodiff),
//! `passes` (over Flex tensors) and `cpu` (over slices).

mod contrastive;
mod extension;
mod layout;
mod passes;
mod prepared;
mod record;
mod transformer;

pub(super) use contrastive::nt_xent;
pub(super) use prepared::forget_all;
pub(super) use transformer::{attention, layer_norm, linear};

use burn::backend::flex::FlexTensor;
use burn::backend::{Dispatch, Flex};
use burn::tensor::{Device, FloatDType, Tensor};

use super::adam_moments::AdamMoments;
use super::cpu::AdamFactors;
use extension::ConvNorm;

/// The settings of a convolution with normalisation, beside its tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Whether ReLU follows; after a residual sum it always does.
    pub(super) relu: bool,
    /// The number that is added to the variance.
    pub(super) epsilon: f64,
}

/// The square window of a pooling operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) size: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

/// Applies max pooling to `x`, `[batch, height, width, channels]`.
pub(super) fn max_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as ConvNorm>::max_pool_last(x.into_dispatch(), window))
}

/// Runs convolution and batch normalisation in training mode. Returns the output and the mean and
/// biased variance of the batch, `[channels]` each.
pub(super) fn conv_norm_train(
    x: Tensor<4>,
    weight: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    layer: Layer,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) = <Dispatch as ConvNorm>::conv_norm_train(
        x.into_dispatch(),
        weight.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        layer,
    );
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// Computes the same as [`conv_norm_train`], with a residual that is added before the ReLU.
pub(super) fn conv_norm_train_residual(
    x: Tensor<4>,
    weight: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    residual: Tensor<4>,
    layer: Layer,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) = <Dispatch as ConvNorm>::conv_norm_train_residual(
        x.into_dispatch(),
        weight.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        residual.into_dispatch(),
        layer,
    );
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// The tensors of a normalisation by running statistics, `[channels]` each.
#[derive(Debug)]
pub(super) struct Norm<T> {
    pub(super) gamma: T,
    pub(super) beta: T,
    pub(super) mean: T,
    pub(super) variance: T,
}

/// Runs convolution, normalisation by running statistics and the epilogue. The result is not
/// differentiable.
pub(super) fn conv_norm_eval(
    x: Tensor<4>,
    weight: Tensor<4>,
    norm: Norm<Tensor<1>>,
    residual: Option<Tensor<4>>,
    layer: Layer,
) -> Tensor<4> {
    let Norm { gamma, beta, mean, variance } = norm;
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(to_flex);
    let norm = Norm { gamma, beta, mean, variance };
    from_flex(passes::evaluate(to_flex(x), to_flex(weight), norm, residual.map(to_flex), layer))
}

/// Runs one step of Adam, and returns the parameter and the moments after it.
pub(super) fn adam<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: AdamMoments<D>,
    factors: AdamFactors,
) -> (Tensor<D>, AdamMoments<D>) {
    let [mean, square] = [moments.mean, moments.square].map(to_flex);
    let [parameter, mean, square] =
        passes::adam(to_flex(parameter), to_flex(gradient), [mean, square], factors);
    (from_flex(parameter), AdamMoments { mean: from_flex(mean), square: from_flex(square) })
}

/// Returns whether the operations of this module can be used with a tensor: it is f32 on Flex, with
/// or without autodiff.
pub(super) fn supports<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().inner() == Device::flex() && tensor.dtype() == FloatDType::F32.into()
}

fn to_flex<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("the caller looked at the device")
}

fn from_flex<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(tensor)
}
