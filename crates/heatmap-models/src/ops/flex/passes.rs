//! Forward and backward passes over Flex tensors.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::super::cpu::{self, AdamFactors, Buffer, ConvShape, ReluMask, ScaleShift, Statistics};
use super::layout::{contiguous, image, laid, owned, recycle, shaped, slice, vector};
use super::prepared::{forget_gone, prepared};
use super::record::SavedForBackward;
use super::{Layer, Norm, Window};

/// Runs a layer with running statistics.
pub(super) fn evaluate(
    x: FlexTensor,
    weight: FlexTensor,
    norm: Norm<FlexTensor>,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> FlexTensor {
    cpu::on_the_pool(|| evaluate_here(x, weight, norm, residual, layer))
}

fn evaluate_here(
    x: FlexTensor,
    weight: FlexTensor,
    norm: Norm<FlexTensor>,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> FlexTensor {
    let shape = conv_shape(&x, &weight, layer);
    let (x, residual) = (contiguous(x), residual.map(contiguous));
    let Norm { gamma, beta, mean, variance } = norm;
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(contiguous);
    let statistics =
        Statistics { mean: slice(&mean).to_vec(), variance: slice(&variance).to_vec() };
    let affine = ScaleShift::new(&statistics, slice(&gamma), slice(&beta), layer.epsilon as f32);
    let summand = residual.as_ref().map(slice);
    let weight = contiguous(weight);
    let kernel = prepared(
        &weight,
        |kernel: &cpu::Kernel| kernel.suits(&shape, true),
        || cpu::Kernel::new(slice(&weight), &shape, true),
    );
    let (output, _) = cpu::forward(slice(&x), &kernel, &shape, |row, block| {
        let first = row * shape.out_channels;
        affine.apply(
            block,
            summand.map(|summand| &summand[first..first + block.len()]),
            layer.relu,
        );
    });
    recycle(x);
    if let Some(residual) = residual {
        recycle(residual);
    }
    image(output, &shape)
}

/// The state that a layer saves for its backward pass.
#[derive(Debug, Clone)]
pub(super) struct Layered {
    /// The input, channels last.
    x: FlexTensor,
    weight: FlexTensor,
    /// The output of the convolution, `[pixels, out_channels]`.
    values: Arc<Buffer>,
    /// The output of the layer, channels last, if there was a residual: only the output then tells
    /// where the ReLU was open.
    output: Option<FlexTensor>,
    pub(super) statistics: Statistics,
    affine: ScaleShift,
    shape: ConvShape,
    layer: Layer,
}

impl Layered {
    /// Returns the memory of the tensors to the buffer pool.
    fn recycle(self) {
        recycle(self.x);
        if let Some(output) = self.output {
            recycle(output);
        }
    }
}

/// Runs a layer that normalises by its batch. Returns the output and the state for the backward
/// pass.
pub(super) fn train(
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> (FlexTensor, Layered) {
    cpu::on_the_pool(|| train_here(x, weight, gamma, beta, residual, layer))
}

fn train_here(
    x: FlexTensor,
    weight: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    residual: Option<FlexTensor>,
    layer: Layer,
) -> (FlexTensor, Layered) {
    let shape = conv_shape(&x, &weight, layer);
    assert!(
        shape.out_pixels() > 1,
        "batch normalisation in training needs more than one value per channel"
    );
    let (x, residual) = (contiguous(x), residual.map(contiguous));
    let (weight, gamma, beta) = (contiguous(weight), contiguous(gamma), contiguous(beta));
    let channels = shape.out_channels;
    // Packed weights that evaluation cached for weights that no longer exist only take up memory.
    forget_gone();
    let kernel = cpu::Kernel::new(slice(&weight), &shape, false);
    let (values, parts) =
        cpu::forward(slice(&x), &kernel, &shape, |_, block| cpu::parts(block, channels));
    drop(kernel);
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let statistics = cpu::statistics(&parts, channels);
    let affine = ScaleShift::new(&statistics, slice(&gamma), slice(&beta), layer.epsilon as f32);
    let output = image(affine.applied(&values, residual.as_ref().map(slice), layer.relu), &shape);
    let kept_output = residual.is_some().then(|| output.clone());
    let values = Arc::new(values);
    (output, Layered { x, weight, values, output: kept_output, statistics, affine, shape, layer })
}

/// Computes the gradients with respect to x, weight, gamma, beta and the residual.
pub(super) fn backward(
    kept: Layered,
    gradient: FlexTensor,
    x_needed: bool,
    weight_needed: bool,
) -> [Option<FlexTensor>; 5] {
    let Layered { x, weight, values, output, statistics, affine, shape, layer } = &kept;
    let open = match (output, layer.relu) {
        (Some(output), _) => ReluMask::ByOutput(slice(output)),
        (None, true) => ReluMask::ByValues,
        (None, false) => ReluMask::Everywhere,
    };
    let epsilon = layer.epsilon as f32;
    let norm =
        cpu::backward(values, open, owned(gradient), statistics, affine, epsilon, output.is_some());
    let x_gradient = x_needed.then(|| {
        let values = cpu::image_gradient(slice(weight), &norm.values, shape);
        laid([shape.batch, shape.height, shape.width, shape.in_channels], values)
    });
    let weight_gradient = weight_needed.then(|| {
        let values = cpu::weight_gradient(slice(x), &norm.values, shape);
        laid(weight.layout().shape().dims::<4>(), values)
    });
    let cpu::NormGradients { gamma, beta, residual, .. } = norm;
    let residual = residual.map(|values| image(values, shape));
    kept.recycle();
    [x_gradient, weight_gradient, Some(vector(gamma)), Some(vector(beta)), residual]
}

impl<const N: usize> SavedForBackward<N> for Layered {
    /// The parents are x, weight, gamma, beta and, if there was one, the residual.
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N] {
        let mut all = backward(self, gradient, needed[0], needed[1]).into_iter();
        std::array::from_fn(|_| all.next().flatten())
    }
}

/// The state that max pooling saves: the place in its window that each output came from.
#[derive(Debug, Clone)]
pub(super) struct Pooled {
    pub(super) places: Vec<u8>,
    pub(super) shape: ConvShape,
}

impl SavedForBackward<1> for Pooled {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let shape = &self.shape;
        let values = cpu::max_pool_backward(slice(&contiguous(gradient)), &self.places, shape);
        [Some(laid([shape.batch, shape.height, shape.width, shape.in_channels], values))]
    }
}

/// Runs one step of Adam, and returns the parameter and both moments after it.
pub(super) fn adam(
    parameter: FlexTensor,
    gradient: FlexTensor,
    [mean, square]: [FlexTensor; 2],
    factors: AdamFactors,
) -> [FlexTensor; 3] {
    let shape = parameter.layout().shape().clone();
    let gradient = contiguous(gradient);
    let [mut mean, mut square] = [mean, square].map(owned);
    // If somebody else still holds the parameter, such as a trainer that keeps the previous
    // network, the result needs memory of its own.
    let (mut parameter, before) = if parameter.is_unique() {
        (owned(parameter), None)
    } else {
        (Buffer::new(shape.num_elements()), Some(contiguous(parameter)))
    };
    cpu::adam(
        &mut parameter,
        before.as_ref().map(slice),
        slice(&gradient),
        (&mut mean, &mut square),
        factors,
    );
    recycle(gradient);
    [parameter, mean, square].map(|values| shaped(shape.clone(), values))
}

/// Returns the sizes of the convolution of channels-last `x` with `weight`,
/// `[out_channels, in_channels, kernel_size, kernel_size]`.
fn conv_shape(x: &FlexTensor, weight: &FlexTensor, layer: Layer) -> ConvShape {
    let [batch, height, width, in_channels] = x.layout().shape().dims();
    let [out_channels, kernel_channels, kernel_size, kernel_width] = weight.layout().shape().dims();
    assert_eq!(
        (kernel_channels, kernel_width),
        (in_channels, kernel_size),
        "a kernel for {in_channels} channels"
    );
    let Layer { stride, padding, .. } = layer;
    ConvShape { batch, in_channels, height, width, out_channels, kernel_size, stride, padding }
}

/// Returns the sizes of pooling channels-last `x`, as those of a convolution.
pub(super) fn window_shape(x: &FlexTensor, Window { size, stride, padding }: Window) -> ConvShape {
    let [batch, height, width, in_channels] = x.layout().shape().dims();
    ConvShape {
        batch,
        in_channels,
        height,
        width,
        out_channels: in_channels,
        kernel_size: size,
        stride,
        padding,
    }
}
