//! How tensors lie in memory.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::super::cpu::{Buffer, ConvShape};

/// The output of a layer, `[batch, out_height, out_width, out_channels]`.
pub(super) fn image(values: Buffer, shape: &ConvShape) -> FlexTensor {
    laid([shape.batch, shape.out_height(), shape.out_width(), shape.out_channels], values)
}

/// A contiguous tensor.
pub(super) fn laid<const D: usize>(dims: [usize; D], values: Buffer) -> FlexTensor {
    shaped(Shape::new(dims), values)
}

/// The same with as many dimensions as the shape has.
pub(super) fn shaped(shape: Shape, values: Buffer) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values.into_vec()), Layout::contiguous(shape), DType::F32)
}

pub(super) fn vector(values: Vec<f32>) -> FlexTensor {
    laid([values.len()], Buffer::from_vec(values))
}

pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}

/// The memory of a tensor goes to whoever needs some next, if nobody else holds it.
pub(super) fn recycle(tensor: FlexTensor) {
    if tensor.is_unique() {
        drop(memory_of(tensor));
    }
}

/// The values of a tensor, to be written over: its own memory if nobody else holds it.
pub(super) fn owned(tensor: FlexTensor) -> Buffer {
    let tensor = contiguous(tensor);
    if tensor.is_unique() && tensor.bytes().len() == size_of_val(slice(&tensor)) {
        return memory_of(tensor).unwrap_or_else(|tensor| Buffer::copy_of(slice(&tensor)));
    }
    Buffer::copy_of(slice(&tensor))
}

/// The memory of a tensor, or the tensor itself if it was not made as a vector of f32.
fn memory_of(tensor: FlexTensor) -> Result<Buffer, FlexTensor> {
    let (layout, dtype) = (tensor.layout().clone(), tensor.dtype());
    let (bytes, _, _) = tensor.into_data().into_parts();
    bytes
        .try_into_vec()
        .map(Buffer::from_vec)
        .map_err(|bytes| FlexTensor::new(bytes, layout, dtype))
}
