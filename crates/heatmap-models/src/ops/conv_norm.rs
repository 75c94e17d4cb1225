//! A convolution, the batch normalisation after it, the residual sum and ReLU: the unit that
//! residual networks are built from.
//!
//! On Flex the unit is one operation with its own backward pass (`flex`): a single matrix product
//! over the whole batch, then one pass for the statistics and one for the normalisation. On a GPU
//! Burn convolves, and in training the rest is one operation (`cube`). Other backends run Burn's
//! operations one after another.

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::ops::ConvOptions;

#[cfg(feature = "wgpu")]
use super::cube;
use super::{Activations, batch_norm, flex, half, is_half};

/// What is applied after the normalisation.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "it lives for one call")]
pub(crate) enum Epilogue {
    /// No further operation.
    Nothing,
    /// ReLU.
    Relu,
    /// The sum with this tensor (the residual), then ReLU.
    SumRelu(Activations),
}

/// Applies `conv`, then `norm`, then the epilogue `after`. The convolution has square kernels, the
/// same padding on all sides, and no groups, dilation or bias. In training, that is when the input
/// is on an autodiff device and the normalisation is not frozen, the running statistics are
/// updated.
pub(crate) fn conv_norm(
    conv: &Conv2d,
    norm: &BatchNorm,
    x: Activations,
    after: Epilogue,
) -> Activations {
    let device = x.device();
    let training = device.is_autodiff() && norm.training.is_enabled();
    // Burn's operations handle other devices, and frozen normalisation on an autodiff device.
    if x.is_channels_last() && (training || !device.is_autodiff()) {
        // `x` is moved, not borrowed: the last owner of an image lets others reuse its memory.
        let x = x.into_channels_last();
        return if training { train(conv, norm, x, after) } else { evaluate(conv, norm, x, after) };
    }
    let y = convolve(conv, x.into_tensor());
    #[cfg(feature = "wgpu")]
    if training && cube::supports(&y) {
        let relu = !matches!(after, Epilogue::Nothing);
        let residual = match after {
            Epilogue::SumRelu(other) => Some(other.into_tensor()),
            _ => None,
        };
        return Activations::new(batch_norm::train_on_gpu(norm, y, residual, relu));
    }
    let y = batch_norm(norm, y);
    Activations::new(match after {
        Epilogue::Nothing => y,
        Epilogue::Relu => relu(y),
        Epilogue::SumRelu(other) => relu(y + other.into_tensor()),
    })
}

/// Runs Burn's convolution, or `half::conv2d` for half precision.
fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    if !is_half(&x) {
        return conv.forward(x);
    }
    let weight = conv.weight.val();
    let [_, _, kernel_size, _] = weight.dims();
    half::conv2d(
        x,
        weight,
        ConvOptions::new(conv.stride, [kernel_size / 2; 2], conv.dilation, conv.groups),
    )
}

fn train(conv: &Conv2d, norm: &BatchNorm, x: Tensor<4>, after: Epilogue) -> Activations {
    let layer = layer(conv, norm, &after);
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let (output, mean, variance) = match after {
        Epilogue::SumRelu(other) => {
            let other = other.into_channels_last();
            flex::conv_norm_train_residual(x, conv.weight.val(), gamma, beta, other, layer)
        }
        _ => flex::conv_norm_train(x, conv.weight.val(), gamma, beta, layer),
    };
    let [batch, out_height, out_width, _] = output.dims();
    batch_norm::update_running_stats(norm, mean, variance, batch * out_height * out_width);
    Activations::from_channels_last(output)
}

/// With running statistics, normalisation is a scale and a shift for each channel, which are
/// applied to each block of the product while it is in the cache.
fn evaluate(conv: &Conv2d, norm: &BatchNorm, x: Tensor<4>, after: Epilogue) -> Activations {
    let layer = layer(conv, norm, &after);
    let residual = match after {
        Epilogue::SumRelu(other) => Some(other.into_channels_last()),
        _ => None,
    };
    let norm = flex::Norm {
        gamma: norm.gamma.val(),
        beta: norm.beta.val(),
        mean: norm.running_mean.value_sync(),
        variance: norm.running_var.value_sync(),
    };
    Activations::from_channels_last(flex::conv_norm_eval(
        x,
        conv.weight.val(),
        norm,
        residual,
        layer,
    ))
}

fn layer(conv: &Conv2d, norm: &BatchNorm, after: &Epilogue) -> flex::Layer {
    let [out_channels, _, kernel_size, _] = conv.weight.dims();
    debug_assert_eq!(out_channels, norm.gamma.dims()[0]);
    flex::Layer {
        stride: conv.stride[0],
        padding: kernel_size / 2,
        relu: !matches!(after, Epilogue::Nothing),
        epsilon: norm.epsilon,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_same, ramp};
    use super::*;
    use burn::module::Module;
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::{BatchNormConfig, PaddingConfig2d};
    use burn::tensor::{Device, Distribution, TensorData, Tolerance};

    /// Kernel size, stride, channels in and out, batch, height, width: each way through `cpu` is
    /// taken.
    const LAYERS: [(usize, usize, [usize; 2], [usize; 3]); 14] = [
        (1, 1, [3, 5], [2, 7, 10]),
        (1, 2, [3, 5], [2, 8, 9]),
        (3, 1, [3, 5], [2, 8, 8]),
        (3, 2, [3, 5], [2, 7, 10]),
        (3, 1, [4, 6], [1, 1, 3]),
        (7, 2, [1, 4], [2, 16, 13]),
        // A thread for each sample in the gradient of the image, blocks of rows in the product.
        (3, 1, [40, 24], [5, 33, 31]),
        (3, 2, [33, 17], [4, 47, 46]),
        (7, 2, [3, 64], [3, 66, 64]),
        // A weight too large for a sum of each thread's own, pixels too many to put it first.
        (3, 1, [72, 120], [2, 13, 12]),
        (1, 1, [300, 260], [1, 18, 17]),
        // Winograd: whole tiles, tiles cut off on two sides with a panel that is half full, and few
        // of them.
        (3, 1, [32, 64], [3, 16, 20]),
        (3, 1, [48, 16], [5, 14, 13]),
        (3, 1, [64, 64], [2, 15, 12]),
    ];

    fn others(after: &str, residual: &Tensor<4>) -> Epilogue {
        match after {
            "nothing" => Epilogue::Nothing,
            "relu" => Epilogue::Relu,
            _ => Epilogue::SumRelu(Activations::new(residual.clone())),
        }
    }

    /// Output, all gradients, running statistics, and the output in evaluation.
    fn results(ours: bool, after: &str, case: usize, device: &Device) -> Vec<TensorData> {
        let (kernel_size, stride, channels, [batch, height, width]) = LAYERS[case];
        let tensor =
            |salt: usize, shape: [usize; 4]| (ramp(shape, salt, device) * 1.3 + 0.1).detach();
        let padding = kernel_size / 2;
        let mut conv = Conv2dConfig::new(channels, [kernel_size; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(false)
            .init(device);
        let fan_in = (channels[0] * kernel_size * kernel_size) as f64;
        conv.weight = conv
            .weight
            .map(|weight| (tensor(1, weight.dims()) / fan_in.sqrt()).detach().require_grad());
        let mut norm = BatchNormConfig::new(channels[1]).init(device);
        let vector = |salt, scale: f64, shift: f64| {
            (tensor(salt, [channels[1], 1, 1, 1]).reshape([channels[1]]) * scale + shift)
                .detach()
                .require_grad()
        };
        norm.gamma = norm.gamma.map(|_| vector(2, 0.3, 1.0));
        norm.beta = norm.beta.map(|_| vector(3, 0.3, 0.1));
        let x = tensor(4, [batch, channels[0], height, width]).require_grad();
        let out = [batch, channels[1], height.div_ceil(stride), width.div_ceil(stride)];
        let residual = tensor(5, out).require_grad();

        let y = if ours {
            conv_norm(&conv, &norm, Activations::new(x.clone()), others(after, &residual))
                .into_tensor()
        } else {
            let y = batch_norm(&norm, conv.forward(x.clone()));
            match after {
                "nothing" => y,
                "relu" => relu(y),
                _ => relu(y + residual.clone()),
            }
        };
        let gradients = (y.clone() * tensor(6, out)).sum().backward();
        let evaluated = if ours {
            let residual = residual.clone().inner();
            conv_norm(
                &conv.valid(),
                &norm.valid(),
                Activations::new(x.clone().inner()),
                others(after, &residual),
            )
            .into_tensor()
        } else {
            let y = norm.valid().forward(conv.valid().forward(x.clone().inner()));
            match after {
                "nothing" => y,
                "relu" => relu(y),
                _ => relu(y + residual.clone().inner()),
            }
        };
        let mut all = vec![
            y.inner().into_data(),
            x.grad(&gradients).expect("of x").into_data(),
            conv.weight.val().grad(&gradients).expect("of the weight").into_data(),
            norm.gamma.val().grad(&gradients).expect("of gamma").into_data(),
            norm.beta.val().grad(&gradients).expect("of beta").into_data(),
            norm.running_mean.value_sync().into_data(),
            norm.running_var.value_sync().into_data(),
            evaluated.into_data(),
        ];
        all.extend(
            (after == "sum")
                .then(|| residual.grad(&gradients).expect("of the residual").into_data()),
        );
        all
    }

    #[test]
    fn values_gradients_and_statistics_are_those_of_burns_own_operations() {
        let device = Device::flex().autodiff();
        for case in 0..LAYERS.len() {
            for after in ["nothing", "relu", "sum"] {
                assert_same(
                    &results(true, after, case, &device),
                    &results(false, after, case, &device),
                    3e-5,
                );
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_rounding_at_most() {
        let device = Device::flex().autodiff();
        for case in [6, 8, 9, 10, 12] {
            let [one, five] = [1, 5].map(|threads| {
                let pool =
                    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                pool.install(|| results(true, "sum", case, &device))
            });
            assert_same(&one, &five, 1e-5);
        }
    }

    #[test]
    fn a_frozen_normalisation_still_passes_gradients() {
        let device = Device::flex().autodiff();
        let conv = Conv2dConfig::new([2, 3], [1, 1]).with_bias(false).init(&device);
        let norm = BatchNormConfig::new(3).init(&device).freeze();
        let x = Tensor::<4>::random([2, 2, 4, 4], Distribution::Normal(0.0, 1.0), &device)
            .require_grad();
        let y = conv_norm(&conv, &norm, Activations::new(x.clone()), Epilogue::Relu).into_tensor();
        let gradient = x.grad(&y.sum().backward()).expect("a gradient");
        assert!(gradient.abs().max().into_scalar::<f32>() > 0.0);
        // Its statistics stay: mean 0, variance 1.
        let zero = TensorData::from([0.0_f32; 3]);
        norm.running_mean
            .value_sync()
            .into_data()
            .assert_approx_eq::<f32>(&zero, Tolerance::absolute(1e-7));
    }

    #[test]
    fn nan_does_not_end_at_a_relu() {
        let device = Device::flex();
        for device in [device.clone(), device.autodiff()] {
            let conv = Conv2dConfig::new([1, 1], [1, 1]).with_bias(false).init(&device);
            let norm = BatchNormConfig::new(1).init(&device);
            let x = Tensor::<4>::from_data(
                TensorData::new(vec![1.0, f32::NAN, 2.0, 3.0], [1, 1, 2, 2]),
                &device,
            );
            let y = conv_norm(&conv, &norm, Activations::new(x), Epilogue::Relu).into_tensor();
            assert!(y.into_data().try_to_vec::<f32>().expect("f32")[1].is_nan());
        }
    }

    #[test]
    fn no_images_are_no_results() {
        let device = Device::flex();
        for (kernel_size, stride, channels, _) in LAYERS {
            let conv = Conv2dConfig::new(channels, [kernel_size; 2])
                .with_stride([stride; 2])
                .with_bias(false);
            let padding = PaddingConfig2d::Explicit(
                kernel_size / 2,
                kernel_size / 2,
                kernel_size / 2,
                kernel_size / 2,
            );
            let conv = conv.with_padding(padding).init(&device);
            let norm = BatchNormConfig::new(channels[1]).init(&device);
            let x = Tensor::<4>::zeros([0, channels[0], 8, 8], &device);
            assert_eq!(
                conv_norm(&conv, &norm, Activations::new(x), Epilogue::Relu).into_tensor().dims()
                    [..2],
                [0, channels[1]]
            );
        }
    }
}
