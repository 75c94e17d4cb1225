//! Max pooling that works on channels-last activations on Flex.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::MaxPool2d;

use super::{Activations, flex};

/// Applies `pool`, which has a square window, the same padding on all sides and no dilation.
pub(crate) fn max_pool(pool: &MaxPool2d, x: Activations) -> Activations {
    match pool.padding {
        PaddingConfig2d::Explicit(padding, ..) if x.is_channels_last() => {
            let window =
                flex::Window { size: pool.kernel_size[0], stride: pool.stride[0], padding };
            Activations::from_channels_last(flex::max_pool(x.into_channels_last(), window))
        }
        _ => Activations::new(pool.forward(x.into_tensor())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::pool::MaxPool2dConfig;
    use burn::tensor::{Device, Tensor, TensorData, Tolerance};

    #[test]
    fn values_and_gradients_are_those_of_burns_own() {
        let device = Device::flex().autodiff();
        let pool = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]);
        let pool = pool.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init();
        for shape in [[3, 4, 9, 12], [1, 2, 1, 2], [2, 3, 16, 7]] {
            // Many ties, as behind a ReLU.
            let value = |at: usize| ((at * 7919 + at * at) % 31) as f32 - 20.0;
            let values: Vec<f32> =
                (0..shape.iter().product()).map(|at| value(at).max(0.0)).collect();
            let run = |ours: bool| {
                let x = Tensor::<4>::from_data(TensorData::new(values.clone(), shape), &device)
                    .require_grad();
                let y = if ours {
                    max_pool(&pool, Activations::new(x.clone())).into_tensor()
                } else {
                    pool.forward(x.clone())
                };
                let n = y.shape().num_elements();
                let ramp = Tensor::<1, burn::tensor::Int>::arange(0..n as i64, &device).float();
                let gradients = (y.clone() * ramp.reshape(y.dims())).sum().backward();
                [y.inner().into_data(), x.grad(&gradients).expect("a gradient").into_data()]
            };
            for (ours, theirs) in run(true).iter().zip(run(false)) {
                ours.assert_approx_eq::<f32>(&theirs, Tolerance::absolute(1e-6));
            }
        }
    }

    /// PyTorch's answers: NaN is larger than all, and of several that are equal, even the smallest
    /// there is, the first counts.
    #[test]
    fn nan_stays_and_every_window_has_a_largest() {
        let device = Device::flex().autodiff();
        let pool = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]);
        let pool = pool.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init();
        let mut values = [f32::NEG_INFINITY; 16];
        values[10] = f32::NAN;
        let x = Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 4, 4]), &device)
            .require_grad();
        let y = max_pool(&pool, Activations::new(x.clone())).into_tensor();
        let gradient = x.grad(&y.clone().sum().backward()).expect("a gradient").into_data();
        let y = y.into_data().try_to_vec::<f32>().expect("f32");
        assert!(y[..3].iter().all(|value| *value == f32::NEG_INFINITY) && y[3].is_nan(), "{y:?}");
        let mut expected = [0.0_f32; 16];
        [0, 1, 4, 10].into_iter().for_each(|at| expected[at] = 1.0);
        assert_eq!(gradient.try_to_vec::<f32>().expect("f32"), expected);
    }
}
