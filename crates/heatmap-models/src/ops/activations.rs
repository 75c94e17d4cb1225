//! [`Activations`]: what goes from layer to layer of a residual network, lying as its device likes it.

use burn::tensor::{Device, Tensor};

use super::{flex, to_f32};

/// Images or activations. On Flex their channels lie last, `[batch, height, width, channels]` row
/// by row: the operations of `cpu` run along them, and where gradients meet, Burn adds tensors that
/// lie straight much faster than turned ones. On other devices they are `[batch, channels, height,
/// width]`, for Burn's own kernels.
#[derive(Debug, Clone)]
pub(crate) struct Activations {
    tensor: Tensor<4>,
    channels_last: bool,
}

impl Activations {
    /// From `[batch, channels, height, width]`.
    pub(crate) fn new(tensor: Tensor<4>) -> Self {
        let channels_last = flex::supports(&tensor);
        let tensor = if channels_last { tensor.permute([0, 2, 3, 1]) } else { tensor };
        Self { tensor, channels_last }
    }

    /// The result of an operation on Flex.
    pub(super) fn from_channels_last(tensor: Tensor<4>) -> Self {
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
        assert!(self.channels_last, "images lie cast_like on a device");
        self.tensor
    }

    /// The device of the tensor.
    pub(super) fn device(&self) -> Device {
        self.tensor.device()
    }

    /// What `evaluate` makes of it on the device below autodiff, without a trace to go back on.
    pub(crate) fn without_trace(self, evaluate: impl FnOnce(Self) -> Self) -> Self {
        let Self { tensor, channels_last } = evaluate(Self { tensor: self.tensor.inner(), ..self });
        Self { tensor: Tensor::from_inner(tensor), channels_last }
    }

    /// Twice as many rows and columns, each pixel four times, cut to `rows` and `columns`.
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

    /// Twice as many rows and columns of a quarter of the channels: four groups of channels become
    /// a square of pixels ("depth to space"; Shi et al. 2016).
    pub(crate) fn unfolded(self) -> Self {
        self.by_pixels(|tensor, [batch, height, width, channels]| {
            let tensor = tensor.reshape([batch, height, width, 2, 2, channels / 4]);
            tensor.permute([0, 1, 3, 2, 4, 5]).reshape([batch, 2 * height, 2 * width, channels / 4])
        })
    }

    /// Rows and columns.
    pub(crate) fn size(&self) -> [usize; 2] {
        let dims = self.tensor.dims();
        if self.channels_last { [dims[1], dims[2]] } else { [dims[2], dims[3]] }
    }

    /// An operation that is written for `[batch, height, width, channels]`, however the tensor
    /// lies.
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

    /// The mean over each image, as f32.
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
