//! Half precision, for devices that are short of memory: a network stores its activations in the
//! element type of its images.
//!
//! Activations are stored as f16 or bf16 between the forward and the backward pass, but arithmetic
//! is f32: each operation widens its inputs and rounds its output. Sums are therefore accurate
//! whatever a device's kernels accumulate in, and a device only has to be able to store the type.
//! Parameters, their gradients, and the features that leave the network are f32 (Micikevicius et
//! al. 2018, Mixed Precision Training, section 3.1 and 3.3). `extension` connects these operations
//! to Burn's tensors and autodiff.

mod extension;

use burn::backend::Dispatch;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor};

use extension::HalfOps;

/// Returns whether a tensor is f16 or bf16.
pub(crate) fn is_half<const D: usize>(x: &Tensor<D>) -> bool {
    // Not "anything but f32": a network in f64 is computed in f64.
    [FloatDType::F16, FloatDType::BF16].iter().any(|half| x.dtype() == (*half).into())
}

/// Casts a tensor to the element type of `x`.
pub(crate) fn cast_like<const D: usize, const E: usize>(
    tensor: Tensor<D>,
    x: &Tensor<E>,
) -> Tensor<D> {
    if tensor.dtype() == x.dtype() { tensor } else { tensor.cast(FloatDType::from(x.dtype())) }
}

/// Casts a half-precision tensor to f32; tensors of other types stay as they are.
pub(crate) fn to_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_half(&x) { x.cast(FloatDType::F32) } else { x }
}

/// Runs `apply` on a half-precision tensor as f32, and casts the result back; other tensors are
/// passed as they are.
pub(crate) fn in_f32<const D: usize>(
    x: Tensor<D>,
    apply: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    if is_half(&x) {
        let dtype = FloatDType::from(x.dtype());
        apply(to_f32(x)).cast(dtype)
    } else {
        apply(x)
    }
}

/// Convolves half-precision activations with an f32 weight. The output has the type of the
/// activations.
pub(super) fn conv2d(x: Tensor<4>, weight: Tensor<4>, options: ConvOptions<2>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as HalfOps>::half_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        options,
    ))
}

/// Multiplies half-precision activations with an f32 weight and adds an f32 bias. The output has
/// the type of the activations.
///
/// # Shapes
/// - `x`: `[..., inputs]`, `weight`: `[inputs, outputs]`, `bias`: `[outputs]`
pub(super) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as HalfOps>::half_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Applies batch normalisation in training mode to half-precision activations. Returns the output
/// in their type, and the mean and biased variance of the batch in f32.
///
/// # Shapes
/// - `x` and output: `[batch, channels, ...]`; `gamma`, `beta`, mean, variance: `[channels]`
pub(super) fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (output, mean, variance) = <Dispatch as HalfOps>::half_norm_train(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    );
    (Tensor::from_dispatch(output), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_same, ramp};
    use super::*;
    use burn::tensor::{Device, TensorData, module};

    #[test]
    fn normalisation_has_the_statistics_and_gradients_of_f32() {
        let device = Device::flex().autodiff();
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            // What half precision holds exactly, so that only the output is rounded.
            let exact = |x: Tensor<4>| x.cast(dtype).cast(FloatDType::F32).detach();
            let x = exact(ramp([3, 4, 5, 6], 1, &device) * 3.0 + 20.0).require_grad();
            let gamma = (ramp([4], 2, &device) + 1.5).detach().require_grad();
            let beta = ramp([4], 3, &device).detach().require_grad();
            let gradient = exact(ramp([3, 4, 5, 6], 4, &device));
            let results = |half: bool| {
                let (output, mean, variance) = if half {
                    let (output, mean, variance) =
                        batch_norm_train(x.clone().cast(dtype), gamma.clone(), beta.clone(), 1e-5);
                    assert_eq!(output.dtype(), dtype.into());
                    (output.cast(FloatDType::F32), mean, variance)
                } else {
                    let batch =
                        module::batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5);
                    (batch.output, batch.mean, batch.variance)
                };
                let gradients = (output.clone() * gradient.clone()).sum().backward();
                let of = |data: Option<burn::tensor::TensorData>| data.expect("a gradient");
                let exact = [
                    mean.into_data(),
                    variance.into_data(),
                    of(gamma.grad(&gradients).map(Tensor::into_data)),
                    of(beta.grad(&gradients).map(Tensor::into_data)),
                ];
                let rounded =
                    [output.inner().into_data(), of(x.grad(&gradients).map(Tensor::into_data))];
                (exact, rounded)
            };
            let ((exact, rounded), (exact_f32, rounded_f32)) = (results(true), results(false));
            assert_same(&exact, &exact_f32, 1e-6);
            assert_same(&rounded, &rounded_f32, if dtype == FloatDType::F16 { 1e-3 } else { 8e-3 });
        }
    }

    /// Output and gradients of activations, weight and bias: of an operation in half precision and
    /// of Burn's in f32, for activations that half precision holds exactly.
    fn compare<const D: usize, const W: usize>(
        dtype: FloatDType,
        [x, weight]: [Tensor<D>; 2],
        shape: [usize; W],
        apply: impl Fn(Tensor<D>, Tensor<W>, Tensor<1>) -> Tensor<D>,
    ) {
        let exact = |x: Tensor<D>| x.cast(dtype).cast(FloatDType::F32).detach();
        let device = x.device();
        let x = exact(x).require_grad();
        let weight = weight.reshape(shape).detach().require_grad();
        let bias = ramp([33], 3, &device).detach().require_grad();
        let results = |half: bool| {
            let y = apply(
                if half { x.clone().cast(dtype) } else { x.clone() },
                weight.clone(),
                bias.clone(),
            );
            assert_eq!(is_half(&y), half);
            let y = to_f32(y);
            let gradients = (y.clone() * exact(ramp(y.dims(), 4, &device))).sum().backward();
            let of = |data: Option<TensorData>| data.expect("a gradient");
            let rounded = [y.inner().into_data(), of(x.grad(&gradients).map(Tensor::into_data))];
            (rounded, [of(weight.grad(&gradients).map(Tensor::into_data))])
        };
        let ((rounded, exact), (rounded_f32, exact_f32)) = (results(true), results(false));
        assert_same(&rounded, &rounded_f32, if dtype == FloatDType::F16 { 1e-3 } else { 8e-3 });
        // Parameters are f32, and so are the sums over the batch.
        assert_same(&exact, &exact_f32, 1e-5);
    }

    #[test]
    fn convolution_and_product_are_those_of_f32_but_for_the_last_rounding() {
        let device = Device::flex().autodiff();
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
                let images = ramp([4, 5, 12, 9], 1, &device);
                let weight = ramp([33, 5, kernel, kernel], 2, &device);
                let options = || ConvOptions::new([stride; 2], [kernel / 2; 2], [1; 2], 1);
                compare(dtype, [images, weight], [33, 5, kernel, kernel], |x, weight, _| {
                    if is_half(&x) {
                        conv2d(x, weight, options())
                    } else {
                        module::conv2d(x, weight, None, options())
                    }
                });
            }
            let tokens = ramp([3, 50, 20], 1, &device);
            let weight = ramp([1, 20, 33], 2, &device);
            compare(dtype, [tokens, weight], [20, 33], |x, weight, bias| {
                if is_half(&x) {
                    linear(x, weight, bias)
                } else {
                    module::linear(x, weight, Some(bias))
                }
            });
        }
    }

    #[test]
    fn only_what_is_of_another_type_is_cast() {
        let device = Device::flex();
        let (wide, half) =
            (ramp([2, 3], 1, &device), ramp([2, 3], 2, &device).cast(FloatDType::F16));
        assert!(is_half(&half) && !is_half(&wide));
        assert!(is_half(&cast_like(wide.clone(), &half)) && !is_half(&to_f32(half.clone())));
        let seen = in_f32(half, |x| {
            assert!(!is_half(&x));
            x + 1.0
        });
        assert!(is_half(&seen));
        assert!(!is_half(&in_f32(wide, |x| x)));
    }
}
