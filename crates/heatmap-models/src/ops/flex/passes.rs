//! Forward and backward pass of a layer over Flex tensors.

use burn::backend::flex::FlexTensor;

use super::super::cpu::{self, ConvShape, Statistics};
use super::layout::{contiguous, image, laid, slice, vector};
use super::{Layer, Window};

/// A layer with a fixed scale and shift for each channel.
pub(super) fn evaluate(
    x: FlexTensor,
    weight: FlexTensor,
    scale: FlexTensor,
    shift: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> FlexTensor {
    let shape = conv_shape(&x, &weight, layer);
    let (x, residual) = (contiguous(x), residual.map(contiguous));
    let values = cpu::forward(slice(&x), slice(&contiguous(weight)), &shape);
    let (scale, shift) = (contiguous(scale), contiguous(shift));
    let output = cpu::scale_shift(&values, (slice(&scale), slice(&shift)), residual.as_ref().map(slice), layer.relu);
    image(output, &shape)
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// Channels last.
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    /// The convolution's values, `[pixels, out_channels]`.
    values: FlexTensor,
    /// What came out, channels last, for where the ReLU was open.
    output: Option<FlexTensor>,
    pub(super) statistics: Statistics,
    /// Whether a residual was added.
    residual: bool,
    shape: ConvShape,
    layer: Layer,
}

/// A layer that normalises by its batch: the output, and what the backward pass needs.
pub(super) fn train(
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> (FlexTensor, Kept) {
    let shape = conv_shape(&x, &weight, layer);
    let (x, residual) = (contiguous(x), residual.map(contiguous));
    let (weight, gamma, beta) = (contiguous(weight), contiguous(gamma), contiguous(beta));
    let values = cpu::forward(slice(&x), slice(&weight), &shape);
    assert!(shape.out_pixels() > 1, "batch normalisation in training needs more than one value per channel");
    let statistics = cpu::statistics(&values, shape.out_channels);
    let mut scale = Vec::with_capacity(shape.out_channels);
    let mut shift = Vec::with_capacity(shape.out_channels);
    for (at, (gamma, beta)) in slice(&gamma).iter().zip(slice(&beta)).enumerate() {
        scale.push(gamma / (statistics.variance[at] + layer.epsilon as f32).sqrt());
        shift.push(beta - statistics.mean[at] * scale[at]);
    }
    let output = cpu::scale_shift(&values, (&scale, &shift), residual.as_ref().map(slice), layer.relu);
    let output = image(output, &shape);
    let kept_output = layer.relu.then(|| output.clone());
    let values = vector(values);
    (
        output,
        Kept { x, weight, gamma, values, output: kept_output, statistics, residual: residual.is_some(), shape, layer },
    )
}

/// Gradients of x, weight, gamma, beta and the residual.
pub(super) fn backward(
    kept: &Kept,
    gradient: FlexTensor,
    x_needed: bool,
    weight_needed: bool,
) -> [Option<FlexTensor>; 5] {
    let Kept { x, weight, gamma, values, output, statistics, residual, shape, layer } = kept;
    let gradient = contiguous(gradient);
    let (gamma, epsilon) = (slice(gamma), layer.epsilon as f32);
    let output = output.as_ref().map(slice);
    let norm = cpu::backward(slice(values), output, slice(&gradient), statistics, gamma, epsilon, *residual);
    let x_gradient = x_needed.then(|| {
        let values = cpu::image_gradient(slice(weight), &norm.values, shape);
        laid([shape.batch, shape.height, shape.width, shape.in_channels], values)
    });
    let weight_gradient = weight_needed.then(|| {
        let values = cpu::weight_gradient(slice(x), &norm.values, shape);
        laid(weight.layout().shape().dims::<4>(), values)
    });
    let cpu::NormGradients { gamma, beta, residual, .. } = norm;
    [x_gradient, weight_gradient, Some(vector(gamma)), Some(vector(beta)), residual.map(|values| image(values, shape))]
}

fn conv_shape(x: &FlexTensor, weight: &FlexTensor, layer: Layer) -> ConvShape {
    let [batch, height, width, in_channels] = x.layout().shape().dims();
    let [out_channels, kernel_channels, kernel_size, kernel_width] = weight.layout().shape().dims();
    assert_eq!((kernel_channels, kernel_width), (in_channels, kernel_size), "a kernel for {in_channels} channels");
    let Layer { stride, padding, .. } = layer;
    ConvShape { batch, in_channels, height, width, out_channels, kernel_size, stride, padding }
}

pub(super) fn window_shape(x: &FlexTensor, Window { size, stride, padding }: Window) -> ConvShape {
    let [batch, height, width, in_channels] = x.layout().shape().dims();
    ConvShape { batch, in_channels, height, width, out_channels: in_channels, kernel_size: size, stride, padding }
}
