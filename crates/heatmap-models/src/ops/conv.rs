//! Convolution as one matrix product over the whole batch.
//!
//! Flex convolves image by image. In the late stages of a residual network an image has a handful of pixels, so the
//! products have a handful of rows and run at a fraction of the processor's speed. Gathering the patches of all images as
//! the columns of one matrix (im2col, Chellapilla et al. 2006) gives the same result from one large product; its backward
//! pass follows from Burn's products, also large. Other backends have kernels of their own and keep them.

//!
//! The product comes with the channels first, [channels, batch, height, width]. Batch normalisation works on it as it lies;
//! only the view that goes out is [batch, channels, height, width], and the next convolution undoes the view for free.

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::batch_norm;

/// Applies `conv`, a convolution with odd square kernels, padding of half the kernel, and neither groups, dilation nor bias,
/// and `norm` behind it.
///
/// # Shapes
/// - `x`: `[batch, in_channels, height, width]`
/// - output: `[batch, out_channels, ceil(height / stride), ceil(width / stride)]`
pub(crate) fn conv_norm(conv: &Conv2d, norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    if x.device().inner() != Device::flex() {
        return batch_norm(norm, conv.forward(x));
    }
    let [kernel_size, _] = conv.kernel_size;
    let [stride, _] = conv.stride;
    let [out_channels, ..] = conv.weight.dims();
    let [batch, in_channels, height, width] = x.dims();
    let (out_height, out_width) = (height.div_ceil(stride), width.div_ceil(stride));
    let x = pad(x, kernel_size / 2);
    // One plane a place in the kernel: the pixels that it meets, [in_channels, batch * out_height * out_width].
    let plane = |at: usize| {
        let (top, left) = (at / kernel_size, at % kernel_size);
        x.clone()
            .slice(burn::tensor::s![
                ..,
                ..,
                top..top + (out_height - 1) * stride + 1;stride as isize,
                left..left + (out_width - 1) * stride + 1;stride as isize
            ])
            .swap_dims(0, 1)
            .reshape([in_channels, batch * out_height * out_width])
    };
    let columns = Tensor::cat((0..kernel_size * kernel_size).map(plane).collect(), 0);
    let weight =
        conv.weight.val().permute([0, 2, 3, 1]).reshape([out_channels, kernel_size * kernel_size * in_channels]);
    let rows: Tensor<3> = weight.matmul(columns).unsqueeze();
    batch_norm(norm, rows).reshape([out_channels, batch, out_height, out_width]).swap_dims(0, 1)
}

/// Zeros all around.
fn pad(x: Tensor<4>, by: usize) -> Tensor<4> {
    if by == 0 { x } else { x.pad((by, by, by, by), 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::{BatchNormConfig, PaddingConfig2d};
    use burn::tensor::{Distribution, Tolerance};

    #[test]
    fn values_gradients_and_statistics_are_those_of_burns_own_convolution() {
        let device = Device::flex().autodiff();
        device.seed(2);
        for (kernel_size, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)] {
            for (height, width) in [(8, 8), (7, 10), (1, 3)] {
                let padding = kernel_size / 2;
                let conv = Conv2dConfig::new([3, 5], [kernel_size; 2])
                    .with_stride([stride; 2])
                    .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
                    .with_bias(false)
                    .init(&device);
                let input = Tensor::<4>::random([2, 3, height, width], Distribution::Normal(0.0, 1.0), &device);
                // A loss in which every output counts differently.
                let weigh = |y: Tensor<4>| {
                    let n = y.shape().num_elements();
                    let ramp = Tensor::<1, burn::tensor::Int>::arange(0..n as i64, &device).float() / n as f32;
                    (y.clone() * ramp.reshape(y.dims())).sum()
                };
                let run = |ours: bool| {
                    let norm = BatchNormConfig::new(5).init(&device);
                    let x = input.clone().require_grad();
                    let y = if ours {
                        conv_norm(&conv, &norm, x.clone())
                    } else {
                        batch_norm(&norm, conv.forward(x.clone()))
                    };
                    let gradients = weigh(y.clone()).backward();
                    let weight = conv.weight.val().grad(&gradients).expect("a gradient");
                    let evaluated = conv_norm(&conv.valid(), &norm.valid(), input.clone().inner());
                    [
                        y.inner().into_data(),
                        x.grad(&gradients).expect("a gradient").into_data(),
                        weight.into_data(),
                        norm.running_mean.value_sync().into_data(),
                        norm.running_var.value_sync().into_data(),
                        evaluated.into_data(),
                    ]
                };
                for (ours, theirs) in run(true).iter().zip(run(false)) {
                    ours.assert_approx_eq::<f32>(&theirs, Tolerance::absolute(2e-4).set_relative(1e-4));
                }
            }
        }
    }
}
