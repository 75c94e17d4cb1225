//! The operations of `cpu` behind Burn's tensors on Flex, with their gradients: a backend extension.
//!
//! Tensors are `[batch, channels, height, width]` as everywhere; in memory the channels of an output lie last, which its
//! strides say. An input that lies so is read where it is, any other is copied once.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Bytes, DType, Shape, Tensor};

use super::cpu::{self, ConvShape, Statistics};

/// What a layer is, beside its tensors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Whether ReLU follows; behind a residual sum it does.
    pub(super) relu: bool,
    /// Added to the variance.
    pub(super) epsilon: f64,
}

/// A square window that moves over an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) size: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

#[backend_extension(Flex, Autodiff)]
trait ConvNorm: Backend {
    fn max_pool_last(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    fn conv_norm_train(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn conv_norm_train_residual(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Max pooling.
pub(super) fn max_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as ConvNorm>::max_pool_last(x.into_dispatch(), window))
}

/// As `conv_norm_train` of a tensor.
pub(super) fn train(
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

/// The same with a tensor that is added before the ReLU.
pub(super) fn train_residual(
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

/// Evaluation: the same layer with a fixed scale and shift for each channel. Not differentiable.
pub(super) fn evaluate(x: Tensor<4>, weight: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, layer: Layer) -> Tensor<4> {
    from_flex(evaluate_flex(to_flex(x), to_flex(weight), to_flex(scale), to_flex(shift), None, layer))
}

/// The same with a tensor that is added before the ReLU.
pub(super) fn evaluate_residual(
    x: Tensor<4>,
    weight: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Tensor<4>,
    layer: Layer,
) -> Tensor<4> {
    let residual = Some(to_flex(residual));
    from_flex(evaluate_flex(to_flex(x), to_flex(weight), to_flex(scale), to_flex(shift), residual, layer))
}

fn to_flex<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("the caller looked at the device")
}

fn from_flex<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(tensor)
}

fn evaluate_flex(
    x: FlexTensor,
    weight: FlexTensor,
    scale: FlexTensor,
    shift: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> FlexTensor {
    let shape = conv_shape(&x, &weight, layer);
    let (x, residual) = (channels_last(x), residual.map(channels_last));
    let values = cpu::forward(slice(&x), slice(&contiguous(weight)), &shape);
    let (scale, shift) = (contiguous(scale), contiguous(shift));
    let output = cpu::scale_shift(&values, (slice(&scale), slice(&shift)), residual.as_ref().map(slice), layer.relu);
    image(output, &shape)
}

impl ConvNorm for Flex {
    fn max_pool_last(x: FlexTensor, window: Window) -> FlexTensor {
        let shape = window_shape(&x, window);
        image(cpu::max_pool(slice(&channels_last(x)), &shape).0, &shape)
    }

    fn conv_norm_train(
        x: FlexTensor,
        weight: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (output, kept) = train_flex(x, weight, gamma, beta, None, layer);
        (output, vector(kept.statistics.mean), vector(kept.statistics.variance))
    }

    fn conv_norm_train_residual(
        x: FlexTensor,
        weight: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        residual: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (output, kept) = train_flex(x, weight, gamma, beta, Some(residual), layer);
        (output, vector(kept.statistics.mean), vector(kept.statistics.variance))
    }
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
struct Kept {
    /// Channels last.
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    /// The convolution's values, `[pixels, out_channels]`.
    values: FlexTensor,
    /// What came out, channels last, for where the ReLU was open.
    output: Option<FlexTensor>,
    statistics: Statistics,
    shape: ConvShape,
    layer: Layer,
}

fn train_flex(
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> (FlexTensor, Kept) {
    let shape = conv_shape(&x, &weight, layer);
    let (x, residual) = (channels_last(x), residual.map(channels_last));
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
    let kept_output = layer.relu.then(|| channels_last(output.clone()));
    let values = vector(values);
    (output, Kept { x, weight, gamma, values, output: kept_output, statistics, shape, layer })
}

/// Gradients of x, weight, gamma, beta and the residual.
fn backward_flex(
    kept: &Kept,
    gradient: FlexTensor,
    x_needed: bool,
    weight_needed: bool,
    with_residual: bool,
) -> [Option<FlexTensor>; 5] {
    let Kept { x, weight, gamma, values, output, statistics, shape, layer } = kept;
    let gradient = channels_last(gradient);
    let (gamma, epsilon) = (slice(gamma), layer.epsilon as f32);
    let output = output.as_ref().map(slice);
    let norm = cpu::backward(slice(values), output, slice(&gradient), statistics, gamma, epsilon, with_residual);
    let x_gradient = x_needed.then(|| {
        let values = cpu::image_gradient(slice(weight), &norm.values, shape);
        laid([shape.batch, shape.in_channels, shape.height, shape.width], values)
    });
    let weight_gradient = weight_needed.then(|| {
        let values = cpu::weight_gradient(slice(x), &norm.values, shape);
        FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(weight.layout().shape().clone()), DType::F32)
    });
    let cpu::NormGradients { gamma, beta, residual, .. } = norm;
    [x_gradient, weight_gradient, Some(vector(gamma)), Some(vector(beta)), residual.map(|values| image(values, shape))]
}

impl<C: CheckpointStrategy> ConvNorm for Autodiff<Flex, C> {
    fn max_pool_last(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 1> for Step {
            type State = (Vec<u8>, ConvShape);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = channels_last(grads.consume::<Flex>(&ops.node));
                let (places, shape) = &ops.state;
                if let [Some(node)] = &ops.parents {
                    let values = cpu::max_pool_backward(slice(&gradient), places, shape);
                    let dims = [shape.batch, shape.in_channels, shape.height, shape.width];
                    grads.register::<Flex>(node.id, laid(dims, values));
                }
            }
        }

        let parents = [x.node()];
        let x = x.into_primitive();
        let shape = window_shape(&x, window);
        let (largest, places) = cpu::max_pool(slice(&channels_last(x)), &shape);
        let output = image(largest, &shape);
        match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((places, shape), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn conv_norm_train(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 4> for Step {
            type State = Kept;

            fn backward(self, ops: Ops<Kept, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = grads.consume::<Flex>(&ops.node);
                let [x, weight, ..] = &ops.parents;
                let found = backward_flex(&ops.state, gradient, x.is_some(), weight.is_some(), false);
                for (node, gradient) in ops.parents.iter().zip(found) {
                    if let (Some(node), Some(gradient)) = (node, gradient) {
                        grads.register::<Flex>(node.id, gradient);
                    }
                }
            }
        }

        let parents = [x.node(), weight.node(), gamma.node(), beta.node()];
        let [x, weight, gamma, beta] = [x, weight, gamma, beta].map(|tensor| tensor.into_primitive());
        let (output, kept) = train_flex(x, weight, gamma, beta, None, layer);
        let (mean, variance) = (kept.statistics.mean.clone(), kept.statistics.variance.clone());
        let output = match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(kept, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (output, Self::from_inner(vector(mean)), Self::from_inner(vector(variance)))
    }

    fn conv_norm_train_residual(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 5> for Step {
            type State = Kept;

            fn backward(self, ops: Ops<Kept, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = grads.consume::<Flex>(&ops.node);
                let [x, weight, ..] = &ops.parents;
                let found = backward_flex(&ops.state, gradient, x.is_some(), weight.is_some(), true);
                for (node, gradient) in ops.parents.iter().zip(found) {
                    if let (Some(node), Some(gradient)) = (node, gradient) {
                        grads.register::<Flex>(node.id, gradient);
                    }
                }
            }
        }

        let parents = [x.node(), weight.node(), gamma.node(), beta.node(), residual.node()];
        let [x, weight, gamma, beta, residual] =
            [x, weight, gamma, beta, residual].map(|tensor| tensor.into_primitive());
        let (output, kept) = train_flex(x, weight, gamma, beta, Some(residual), layer);
        let (mean, variance) = (kept.statistics.mean.clone(), kept.statistics.variance.clone());
        let output = match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(kept, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (output, Self::from_inner(vector(mean)), Self::from_inner(vector(variance)))
    }
}

fn conv_shape(x: &FlexTensor, weight: &FlexTensor, layer: Layer) -> ConvShape {
    let [batch, in_channels, height, width] = x.layout().shape().dims();
    let [out_channels, kernel_channels, kernel_size, kernel_width] = weight.layout().shape().dims();
    assert_eq!((kernel_channels, kernel_width), (in_channels, kernel_size), "a kernel for {in_channels} channels");
    let Layer { stride, padding, .. } = layer;
    ConvShape { batch, in_channels, height, width, out_channels, kernel_size, stride, padding }
}

fn window_shape(x: &FlexTensor, Window { size, stride, padding }: Window) -> ConvShape {
    let [batch, in_channels, height, width] = x.layout().shape().dims();
    ConvShape { batch, in_channels, height, width, out_channels: in_channels, kernel_size: size, stride, padding }
}

/// The output of a layer.
fn image(values: Vec<f32>, shape: &ConvShape) -> FlexTensor {
    laid([shape.batch, shape.out_channels, shape.out_height(), shape.out_width()], values)
}

/// Values that lie channels last, as `[batch, channels, height, width]`.
fn laid([batch, channels, height, width]: [usize; 4], values: Vec<f32>) -> FlexTensor {
    let strides = [height * width * channels, 1, width * channels, channels].map(|stride| stride as isize);
    let layout = Layout::new(Shape::new([batch, channels, height, width]), strides.to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

fn vector(values: Vec<f32>) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new([values.len()]));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// `[batch, height, width, channels]`, contiguous; a copy only where the tensor does not lie so.
fn channels_last(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout().permute(&[0, 2, 3, 1]);
    contiguous(tensor.with_layout(layout))
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}
