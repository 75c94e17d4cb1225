//! The backend extension for layers of residual networks: what Burn dispatches to, on Flex and on
//! Flex with autodiff.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, backend_extension};

use super::super::cpu;
use super::layout::{contiguous, image, recycle, slice, vector};
use super::passes::{self, Layered, Pooled, window_shape};
use super::record::{SavedForBackward, Tracked, record};
use super::{Layer, Window};

/// The operations of residual networks on channels-last tensors; the functions in `super` that call
/// them describe them.
#[backend_extension(Flex, Autodiff)]
pub(super) trait ConvNorm: Backend {
    fn max_pool_last(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    fn conv_norm_train(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn conv_norm_train_residual(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl ConvNorm for Flex {
    fn max_pool_last(x: FlexTensor, window: Window) -> FlexTensor {
        let shape = window_shape(&x, window);
        let x = contiguous(x);
        let output = image(cpu::max_pool(slice(&x), &shape), &shape);
        recycle(x);
        output
    }

    fn conv_norm_train(
        x: FlexTensor,
        weight: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (output, kept) = passes::train(x, weight, gamma, beta, None, layer);
        (output, vector(kept.statistics.mean), vector(kept.statistics.variance))
    }

    fn conv_norm_train_residual(
        x: FlexTensor,
        weight: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        residual: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (output, kept) = passes::train(x, weight, gamma, beta, Some(residual), layer);
        (output, vector(kept.statistics.mean), vector(kept.statistics.variance))
    }
}

impl<C: CheckpointStrategy> ConvNorm for Autodiff<Flex, C> {
    fn max_pool_last(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        let parents = [x.node()];
        let x = x.into_primitive();
        let shape = window_shape(&x, window);
        let (largest, places) = cpu::max_pool_with_places(slice(&contiguous(x)), &shape);
        record::<C, 1, _>(parents, image(largest, &shape), Pooled { places, shape })
    }

    fn conv_norm_train(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), weight.node(), gamma.node(), beta.node()];
        let [x, weight, gamma, beta] =
            [x, weight, gamma, beta].map(|tensor| tensor.into_primitive());
        record_layer::<C, 4>(parents, passes::train(x, weight, gamma, beta, None, layer))
    }

    fn conv_norm_train_residual(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), weight.node(), gamma.node(), beta.node(), residual.node()];
        let [x, weight, gamma, beta, residual] =
            [x, weight, gamma, beta, residual].map(|tensor| tensor.into_primitive());
        record_layer::<C, 5>(parents, passes::train(x, weight, gamma, beta, Some(residual), layer))
    }
}

/// Records a layer in the autodiff graph, and returns its output and the mean and variance of its
/// batch.
fn record_layer<C: CheckpointStrategy, const N: usize>(
    parents: [NodeGuard; N],
    (output, kept): (FlexTensor, Layered),
) -> (Tracked<C>, Tracked<C>, Tracked<C>)
where
    Layered: SavedForBackward<N>,
{
    let [mean, variance] = [&kept.statistics.mean, &kept.statistics.variance]
        .map(|statistic| Autodiff::<Flex, C>::from_inner(vector(statistic.clone())));
    (record::<C, N, _>(parents, output, kept), mean, variance)
}
