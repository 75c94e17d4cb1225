//! How tensors lie in memory.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::super::cpu::ConvShape;

/// The output of a layer.
pub(super) fn image(values: Vec<f32>, shape: &ConvShape) -> FlexTensor {
    laid([shape.batch, shape.out_channels, shape.out_height(), shape.out_width()], values)
}

/// Values that lie channels last, as `[batch, channels, height, width]`.
pub(super) fn laid([batch, channels, height, width]: [usize; 4], values: Vec<f32>) -> FlexTensor {
    let strides = [height * width * channels, 1, width * channels, channels].map(|stride| stride as isize);
    let layout = Layout::new(Shape::new([batch, channels, height, width]), strides.to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

pub(super) fn vector(values: Vec<f32>) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new([values.len()]));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// `[batch, height, width, channels]`, contiguous; a copy only where the tensor does not lie so.
pub(super) fn channels_last(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout().permute(&[0, 2, 3, 1]);
    contiguous(tensor.with_layout(layout))
}

pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}
