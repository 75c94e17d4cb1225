//! Conversions between Flex tensors, slices and buffers.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::super::cpu::{Buffer, ConvShape};

/// Makes a tensor of the output of a layer, `[batch, out_height, out_width, out_channels]`.
pub(super) fn image(values: Buffer, shape: &ConvShape) -> FlexTensor {
    laid([shape.batch, shape.out_height(), shape.out_width(), shape.out_channels], values)
}

/// Makes a contiguous tensor.
pub(super) fn laid<const D: usize>(dims: [usize; D], values: Buffer) -> FlexTensor {
    shaped(Shape::new(dims), values)
}

/// Makes a contiguous tensor of a shape whose rank is known only at run time.
pub(super) fn shaped(shape: Shape, values: Buffer) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values.into_vec()), Layout::contiguous(shape), DType::F32)
}

/// Makes a tensor with one dimension.
pub(super) fn vector(values: Vec<f32>) -> FlexTensor {
    laid([values.len()], Buffer::from_vec(values))
}

/// Returns the tensor itself if it is contiguous, or a contiguous copy.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// Returns the values of a contiguous tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}

/// Returns the memory of a tensor to the buffer pool, unless somebody else holds it too.
pub(super) fn recycle(tensor: FlexTensor) {
    if tensor.is_unique() {
        drop(memory_of(tensor));
    }
}

/// Returns the values of a tensor for overwriting: its own memory if nobody else holds it, a copy
/// otherwise.
pub(super) fn owned(tensor: FlexTensor) -> Buffer {
    let tensor = contiguous(tensor);
    if tensor.is_unique() && tensor.bytes().len() == size_of_val(slice(&tensor)) {
        return memory_of(tensor).unwrap_or_else(|tensor| Buffer::copy_of(slice(&tensor)));
    }
    Buffer::copy_of(slice(&tensor))
}

/// Takes the memory out of a tensor, or returns the tensor if its memory is not a vector of f32.
fn memory_of(tensor: FlexTensor) -> Result<Buffer, FlexTensor> {
    let (layout, dtype) = (tensor.layout().clone(), tensor.dtype());
    let (bytes, _, _) = tensor.into_data().into_parts();
    bytes
        .try_into_vec()
        .map(Buffer::from_vec)
        .map_err(|bytes| FlexTensor::new(bytes, layout, dtype))
}
