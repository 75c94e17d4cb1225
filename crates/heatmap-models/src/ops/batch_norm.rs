//! Batch normalisation with running statistics as in PyTorch.
//!
//! Ioffe and Szegedy 2015. A batch is normalised by its biased variance, while the running
//! variance, which evaluation uses, follows the unbiased one (algorithm 2 of the paper, and
//! PyTorch). Burn's `BatchNorm::forward` updates it with the biased variance: with 64 values per
//! channel, as in the last stage at 64 x 64 px and batch 16, that is 1.6 % too small. So the
//! parameters live in Burn's module, but the forward pass is the one here.

use burn::nn::BatchNorm;
use burn::tensor::{Tensor, module};

use super::{half, in_f32, is_half, running_statistics};

/// Applies `norm`. In training, that is when the input is on an autodiff device and the module is
/// not frozen, it normalises by the batch and updates the running statistics; otherwise it
/// normalises by the running statistics.
///
/// # Shapes
/// - `input` and output: `[batch, channels, ...]`, with the same element type; the statistics are
///   f32
pub(crate) fn batch_norm<const D: usize>(norm: &BatchNorm, input: Tensor<D>) -> Tensor<D> {
    let device = input.device();
    if !(device.is_autodiff() && norm.training.is_enabled()) {
        return in_f32(input, |input| norm.forward(input));
    }
    #[cfg(feature = "wgpu")]
    if super::cube::supports(&input) {
        return train_on_gpu(norm, input, None, false);
    }
    let values = values_per_channel(norm, &input);
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let (output, mean, variance) = if is_half(&input) {
        half::batch_norm_train(input, gamma, beta, norm.epsilon)
    } else {
        let batch = module::batch_norm_train(input, gamma, beta, norm.epsilon);
        (batch.output, batch.mean, batch.variance)
    };
    update_running_stats(norm, mean, variance, values);
    output
}

/// Applies `norm` in training on a GPU, adds the residual, if there is one, and applies ReLU if
/// `relu`; the shapes are those of [`batch_norm`].
#[cfg(feature = "wgpu")]
pub(super) fn train_on_gpu<const D: usize>(
    norm: &BatchNorm,
    input: Tensor<D>,
    residual: Option<Tensor<D>>,
    relu: bool,
) -> Tensor<D> {
    let values = values_per_channel(norm, &input);
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let (output, mean, variance) =
        super::cube::norm_train(input, gamma, beta, residual, relu, norm.epsilon);
    update_running_stats(norm, mean, variance, values);
    output
}

/// Returns the number of values that a channel is normalised by.
fn values_per_channel<const D: usize>(norm: &BatchNorm, input: &Tensor<D>) -> usize {
    let values = input.shape().num_elements() / norm.gamma.dims()[0];
    assert!(
        values > 1,
        "batch normalisation in training needs more than one value per channel, got {values}"
    );
    values
}

/// Updates the running statistics from those of a batch with `values` values per channel, unless
/// [`keep_running_statistics`](super::keep_running_statistics) is in effect.
///
/// # Shapes
/// - `mean`, `variance` (biased): `[channels]`
pub(super) fn update_running_stats(
    norm: &BatchNorm,
    mean: Tensor<1>,
    variance: Tensor<1>,
    values: usize,
) {
    if running_statistics::are_kept() {
        return;
    }
    let unbiased = values as f64 / (values as f64 - 1.0);
    let device = mean.device();
    let update_running_stats = |running: Tensor<1>, batch: Tensor<1>| {
        (running.to_device(&device) * (1.0 - norm.momentum) + batch.detach() * norm.momentum)
            .detach()
    };
    norm.running_mean.update(update_running_stats(norm.running_mean.value_sync(), mean));
    norm.running_var
        .update(update_running_stats(norm.running_var.value_sync(), variance * unbiased));
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::nn::BatchNormConfig;
    use burn::tensor::{Device, TensorData, Tolerance};

    #[test]
    fn training_normalises_the_batch_and_follows_unbiased_statistics() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig::new(2).init(&device);
        // Channel 0: 1, 3, 5, 7: mean 4, biased variance 5, unbiased 20/3. Channel 1: constant 2.
        let input =
            Tensor::<3>::from_floats([[[1.0, 3.0], [2.0, 2.0]], [[5.0, 7.0], [2.0, 2.0]]], &device);
        let output = batch_norm(&norm, input.clone());
        let unit = |x: f32| (x - 4.0) / (5.0_f32 + 1e-5).sqrt();
        let expected = [[[unit(1.0), unit(3.0)], [0.0, 0.0]], [[unit(5.0), unit(7.0)], [0.0, 0.0]]];
        output
            .into_data()
            .assert_approx_eq::<f32>(&TensorData::from(expected), Tolerance::absolute(1e-5));
        let close = |tensor: Tensor<1>, expected: [f32; 2]| {
            tensor
                .into_data()
                .assert_approx_eq::<f32>(&TensorData::from(expected), Tolerance::absolute(1e-5));
        };
        close(norm.running_mean.value_sync(), [0.4, 0.2]);
        close(norm.running_var.value_sync(), [0.9 + 0.1 * 20.0 / 3.0, 0.9]);

        // Evaluation uses those statistics and leaves them alone.
        let frozen = norm.valid();
        let output = batch_norm(&frozen, input.inner());
        let scale = (0.9_f32 + 2.0 / 3.0 + 1e-5).sqrt();
        let first: f32 = output.slice([0..1, 0..1, 0..1]).into_scalar();
        assert!((first - 0.6 / scale).abs() < 1e-5, "{first}");
        close(frozen.running_mean.value_sync(), [0.4, 0.2]);
    }

    #[test]
    #[should_panic(expected = "more than one value per channel")]
    fn a_single_value_cannot_be_normalised() {
        let device = Device::flex().autodiff();
        batch_norm(&BatchNormConfig::new(3).init(&device), Tensor::<2>::zeros([1, 3], &device));
    }
}
