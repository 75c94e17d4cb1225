//! How tensors lie in memory.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::super::cpu::ConvShape;

/// The output of a layer, `[batch, out_height, out_width, out_channels]`.
pub(super) fn image(values: Vec<f32>, shape: &ConvShape) -> FlexTensor {
    laid([shape.batch, shape.out_height(), shape.out_width(), shape.out_channels], values)
}

/// A contiguous tensor.
pub(super) fn laid<const D: usize>(dims: [usize; D], values: Vec<f32>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::new(dims)), DType::F32)
}

pub(super) fn vector(values: Vec<f32>) -> FlexTensor {
    laid([values.len()], values)
}

pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}
