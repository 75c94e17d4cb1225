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
    FlexTensor::new(Bytes::from_elems(values.into_vec()), Layout::contiguous(Shape::new(dims)), DType::F32)
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

/// The memory of a tensor that nobody else holds, to be used again.
pub(super) fn recycled(tensor: FlexTensor) -> Option<Buffer> {
    if !tensor.is_unique() {
        return None;
    }
    tensor.into_data().into_parts().0.try_into_vec().ok().map(Buffer::from_vec)
}

/// The values of a tensor, to be written over: its own memory if nobody else holds it.
pub(super) fn owned(tensor: FlexTensor) -> Buffer {
    let tensor = contiguous(tensor);
    if tensor.is_unique() && tensor.bytes().len() == size_of_val(slice(&tensor)) {
        return recycled(tensor).expect("f32 of one owner");
    }
    let mut copy = Buffer::new(slice(&tensor).len());
    copy.copy_from_slice(slice(&tensor));
    copy
}
