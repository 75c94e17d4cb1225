//! The backend extension: what Burn dispatches, on Flex and with gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, backend_extension};

use super::super::cpu::{self, ConvShape};
use super::layout::{contiguous, image, laid, slice, vector};
use super::passes::{self, Kept, window_shape};
use super::{Layer, Window};

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
        image(cpu::max_pool(slice(&contiguous(x)), &shape).0, &shape)
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
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 1> for Step {
            type State = (Vec<u8>, ConvShape);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = contiguous(grads.consume::<Flex>(&ops.node));
                let (places, shape) = &ops.state;
                if let [Some(node)] = &ops.parents {
                    let values = cpu::max_pool_backward(slice(&gradient), places, shape);
                    let dims = [shape.batch, shape.height, shape.width, shape.in_channels];
                    grads.register::<Flex>(node.id, laid(dims, values));
                }
            }
        }

        let parents = [x.node()];
        let x = x.into_primitive();
        let shape = window_shape(&x, window);
        let (largest, places) = cpu::max_pool(slice(&contiguous(x)), &shape);
        let output = image(largest, &shape);
        match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((places, shape), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn conv_norm_train(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), weight.node(), gamma.node(), beta.node()];
        let [x, weight, gamma, beta] = [x, weight, gamma, beta].map(|tensor| tensor.into_primitive());
        record::<C, 4>(parents, passes::train(x, weight, gamma, beta, None, layer))
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
        record::<C, 5>(parents, passes::train(x, weight, gamma, beta, Some(residual), layer))
    }
}

/// A tensor on Flex with gradients.
type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// The backward pass of a layer with N parents: x, weight, gamma, beta and, if there is one, the residual.
#[derive(Debug)]
struct LayerStep;

impl<const N: usize> Backward<Flex, N> for LayerStep {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let found = passes::backward(ops.state, gradient, ops.parents[0].is_some(), ops.parents[1].is_some());
        for (node, gradient) in ops.parents.iter().zip(found) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The output of a layer as a node of the graph, with the mean and variance of its batch.
fn record<C: CheckpointStrategy, const N: usize>(
    parents: [NodeGuard; N],
    (output, kept): (FlexTensor, Kept),
) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
    let [mean, variance] = [&kept.statistics.mean, &kept.statistics.variance]
        .map(|statistic| Autodiff::<Flex, C>::from_inner(vector(statistic.clone())));
    let output = match LayerStep.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    (output, mean, variance)
}
