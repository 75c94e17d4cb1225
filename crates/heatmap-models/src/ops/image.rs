//! [`Image`]: what goes from layer to layer of a residual network, lying as its device likes it.

use burn::tensor::{Device, Tensor};

use super::flex;

/// Images or activations. On Flex their channels lie last, `[batch, height, width, channels]` row by row: the operations of
/// `cpu` run along them, and where gradients meet, Burn adds tensors that lie straight much faster than turned ones. On other
/// devices they are `[batch, channels, height, width]`, for Burn's own kernels.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    tensor: Tensor<4>,
    channels_last: bool,
}

impl Image {
    /// From `[batch, channels, height, width]`.
    pub(crate) fn new(tensor: Tensor<4>) -> Self {
        let channels_last = flex::takes(&tensor);
        let tensor = if channels_last { tensor.permute([0, 2, 3, 1]) } else { tensor };
        Self { tensor, channels_last }
    }

    /// The result of an operation on Flex.
    pub(super) fn lying_last(tensor: Tensor<4>) -> Self {
        Self { tensor, channels_last: true }
    }

    /// `[batch, channels, height, width]`
    pub(crate) fn into_tensor(self) -> Tensor<4> {
        if self.channels_last { self.tensor.permute([0, 3, 1, 2]) } else { self.tensor }
    }

    pub(super) fn is_channels_last(&self) -> bool {
        self.channels_last
    }

    /// `[batch, height, width, channels]`, for operations on Flex.
    ///
    /// # Panics
    /// When the channels do not lie last.
    pub(super) fn into_channels_last(self) -> Tensor<4> {
        assert!(self.channels_last, "images lie alike on a device");
        self.tensor
    }

    /// The device of the tensor.
    pub(super) fn device(&self) -> Device {
        self.tensor.device()
    }

    /// The mean over each image.
    ///
    /// # Shapes
    /// - output: `[batch, channels]`
    pub(crate) fn mean(self) -> Tensor<2> {
        let dims = self.tensor.dims();
        if self.channels_last {
            let [batch, height, width, channels] = dims;
            self.tensor.reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels])
        } else {
            let [batch, channels, height, width] = dims;
            self.tensor.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
        }
    }
}
