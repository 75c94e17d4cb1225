//! [`Activations`]: the image-shaped tensors that pass between the layers of a residual network, in
//! the memory layout that suits their device.

use burn::tensor::{Device, Tensor};

use super::{flex, to_f32};

/// Images or activations in one of two memory layouts. On Flex they are channels last,
/// `[batch, height, width, channels]` in row-major order: the operations in `cpu` vectorise over
/// the channels, and where gradients meet, Burn adds contiguous tensors much faster than permuted
/// ones. On other devices they are `[batch, channels, height, width]`, the layout of Burn's own
/// kernels.
#[derive(Debug, Clone)]
pub(crate) struct Activations {
    tensor: Tensor<4>,
    channels_last: bool,
}

impl Activations {
    /// Wraps a `[batch, channels, height, width]` tensor.
    pub(crate) fn new(tensor: Tensor<4>) -> Self {
        let channels_last = flex::supports(&tensor);
        let tensor = if channels_last { tensor.permute([0, 2, 3, 1]) } else { tensor };
        Self { tensor, channels_last }
    }

    /// Wraps a `[batch, height, width, channels]` tensor, the result of an operation on Flex.
    pub(super) fn from_channels_last(tensor: Tensor<4>) -> Self {
        Self { tensor, channels_last: true }
    }

    /// Returns the tensor as `[batch, channels, height, width]`.
    pub(crate) fn into_tensor(self) -> Tensor<4> {
        if self.channels_last { self.tensor.permute([0, 3, 1, 2]) } else { self.tensor }
    }

    /// Returns whether the tensor is `[batch, height, width, channels]`.
    pub(super) fn is_channels_last(&self) -> bool {
        self.channels_last
    }

    /// Returns the tensor as `[batch, height, width, channels]`, for operations on Flex.
    ///
    /// # Panics
    /// When the tensor is not channels last.
    pub(super) fn into_channels_last(self) -> Tensor<4> {
        assert!(self.channels_last, "images on one device have one layout");
        self.tensor
    }

    /// Returns the device of the tensor.
    pub(super) fn device(&self) -> Device {
        self.tensor.device()
    }

    /// Runs `evaluate` on the device below autodiff, so that nothing is recorded for the backward
    /// pass.
    pub(crate) fn without_trace(self, evaluate: impl FnOnce(Self) -> Self) -> Self {
        let Self { tensor, channels_last } = evaluate(Self { tensor: self.tensor.inner(), ..self });
        Self { tensor: Tensor::from_inner(tensor), channels_last }
    }

    /// Upsamples by a factor of two, repeating each pixel four times, and crops to `rows` and
    /// `columns`.
    pub(crate) fn doubled(self, [rows, columns]: [usize; 2]) -> Self {
        self.by_pixels(|tensor, [batch, height, width, channels]| {
            let tensor = tensor.reshape([batch, height, 1, width, 1, channels]);
            let tensor = tensor.expand([batch, height, 2, width, 2, channels]);
            let tensor = tensor.reshape([batch, 2 * height, 2 * width, channels]);
            if [rows, columns] == [2 * height, 2 * width] {
                return tensor;
            }
            tensor.slice([0..batch, 0..rows, 0..columns, 0..channels])
        })
    }

    /// Doubles the rows and columns and quarters the channels: four groups of channels become a
    /// square of 2 x 2 pixels ("depth to space"; Shi et al. 2016).
    pub(crate) fn unfolded(self) -> Self {
        self.by_pixels(|tensor, [batch, height, width, channels]| {
            let tensor = tensor.reshape([batch, height, width, 2, 2, channels / 4]);
            tensor.permute([0, 1, 3, 2, 4, 5]).reshape([batch, 2 * height, 2 * width, channels / 4])
        })
    }

    /// Returns the numbers of rows and columns.
    pub(crate) fn size(&self) -> [usize; 2] {
        let dims = self.tensor.dims();
        if self.channels_last { [dims[1], dims[2]] } else { [dims[2], dims[3]] }
    }

    /// Applies an operation that expects `[batch, height, width, channels]` to a tensor in either
    /// layout.
    fn by_pixels(self, apply: impl FnOnce(Tensor<4>, [usize; 4]) -> Tensor<4>) -> Self {
        let Self { tensor, channels_last } = self;
        let tensor = if channels_last { tensor } else { tensor.permute([0, 2, 3, 1]) };
        let dims = tensor.dims();
        let tensor = apply(tensor, dims);
        Self {
            tensor: if channels_last { tensor } else { tensor.permute([0, 3, 1, 2]) },
            channels_last,
        }
    }

    /// Computes the mean over each image, as f32.
    ///
    /// # Shapes
    /// - output: `[batch, channels]`
    pub(crate) fn mean(self) -> Tensor<2> {
        let Self { tensor, channels_last } = self;
        let (dims, tensor) = (tensor.dims(), to_f32(tensor));
        if channels_last {
            let [batch, height, width, channels] = dims;
            tensor.reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels])
        } else {
            let [batch, channels, height, width] = dims;
            tensor.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
        }
    }
}
