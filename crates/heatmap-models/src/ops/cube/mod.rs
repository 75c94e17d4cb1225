//! Operations with kernels of their own on GPUs, through CubeCL: one source for every kind of them.
//!
//! Burn composes batch normalisation from some twenty kernels, each of which reads and writes all
//! activations. Here it is three, with the residual sum and ReLU in the last, and three for the
//! backward pass. A call goes through a function of this module, `extension` (Burn's dispatch and
//! autodiff), `norm` (over the tensors of a GPU) and `kernels`.

mod extension;
mod kernels;
mod norm;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{FloatDType, Tensor};

use extension::FusedNorm;
use norm::Settings;

/// Returns whether a tensor is one in f32 on a device that these operations are for.
pub(super) fn supports<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device().inner();
    matches!(device.as_dispatch(), DispatchDevice::Cube(_)) && x.dtype() == FloatDType::F32.into()
}

/// Normalises by the batch; then adds the residual, if there is one, and applies ReLU if `relu`.
/// Returns the output and the mean and biased variance of the batch.
///
/// # Shapes
/// - `x`, residual and output: `[batch, channels, ...]`; `gamma`, `beta`, mean, variance:
///   `[channels]`
pub(super) fn norm_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    residual: Option<Tensor<D>>,
    relu: bool,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let settings = Settings { relu, epsilon: epsilon as f32 };
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let (output, mean, variance) = match residual {
        None => <Dispatch as FusedNorm>::norm_train(x, gamma, beta, settings),
        Some(residual) => {
            let residual = residual.into_dispatch();
            <Dispatch as FusedNorm>::norm_train_residual(x, gamma, beta, residual, settings)
        }
    };
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, DeviceKind, DeviceType, TensorData, activation, module};

    use super::super::testing::{assert_same, ramp};
    use super::*;

    /// Batch, channels and places of an image, and whether a residual and ReLU follow.
    const LAYERS: [([usize; 3], bool, bool); 6] = [
        ([2, 64, 7], false, true),
        ([3, 256, 100], true, true),
        ([1, 8, 5000], false, false),
        // Channels that no vector divides, more lines than a cube is wide, few rows.
        ([4, 5, 9], true, true),
        ([2, 300, 3], false, true),
        ([5, 1, 1], false, false),
    ];

    #[test]
    fn values_statistics_and_gradients_are_those_of_burns_own_operations() {
        let found = std::panic::catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec());
        if found.map_or(true, |found| found.is_empty()) {
            println!("skipped: no adapter found on this machine");
            return;
        }
        let [gpu, cpu] = [Device::wgpu(DeviceKind::DefaultDevice), Device::flex()];
        for ([batch, channels, places], with_residual, relu) in LAYERS {
            let shape = [batch, channels, places, 1];
            let run = |device: &Device, ours: bool| {
                let device = device.clone().autodiff();
                // A mean that is large beside the deviation. Squares, because few numbers of the
                // ramp are a line, of which the gradient, along another line, cancels.
                let x = (ramp(shape, 1, &device).powi_scalar(2) * 4.0 + 9.0).detach();
                let x = x.require_grad();
                let gamma = (ramp([channels], 2, &device) + 1.5).detach().require_grad();
                let beta = ramp([channels], 3, &device).detach().require_grad();
                let residual = ramp(shape, 4, &device).detach().require_grad();
                let (gamma_, beta_) = (gamma.clone(), beta.clone());
                let (output, mean, variance) = if ours {
                    assert!(supports(&x));
                    let residual = with_residual.then(|| residual.clone());
                    norm_train(x.clone(), gamma_, beta_, residual, relu, 1e-5)
                } else {
                    let normed = module::batch_norm_train(x.clone(), gamma_, beta_, 1e-5);
                    let mut output = normed.output;
                    if with_residual {
                        output = output + residual.clone();
                    }
                    if relu {
                        output = activation::relu(output);
                    }
                    (output, normed.mean, normed.variance)
                };
                let along = (output.clone() * ramp(shape, 5, &device)).sum().backward();
                let of = |data: Option<TensorData>| data.expect("a gradient");
                let mut results = vec![
                    output.inner().into_data(),
                    mean.into_data(),
                    variance.into_data(),
                    of(x.grad(&along).map(Tensor::into_data)),
                    of(gamma.grad(&along).map(Tensor::into_data)),
                    of(beta.grad(&along).map(Tensor::into_data)),
                ];
                if with_residual {
                    results.push(of(residual.grad(&along).map(Tensor::into_data)));
                }
                results
            };
            assert_same(&run(&gpu, true), &run(&cpu, false), 1e-4);
        }
    }
}
