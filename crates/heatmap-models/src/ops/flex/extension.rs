//! The backend extension: what Burn dispatches, on Flex and with gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
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
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 4> for Step {
            type State = Kept;

            fn backward(self, ops: Ops<Kept, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = grads.consume::<Flex>(&ops.node);
                let [x, weight, ..] = &ops.parents;
                let found = passes::backward(&ops.state, gradient, x.is_some(), weight.is_some(), false);
                for (node, gradient) in ops.parents.iter().zip(found) {
                    if let (Some(node), Some(gradient)) = (node, gradient) {
                        grads.register::<Flex>(node.id, gradient);
                    }
                }
            }
        }

        let parents = [x.node(), weight.node(), gamma.node(), beta.node()];
        let [x, weight, gamma, beta] = [x, weight, gamma, beta].map(|tensor| tensor.into_primitive());
        let (output, kept) = passes::train(x, weight, gamma, beta, None, layer);
        let (mean, variance) = (kept.statistics.mean.clone(), kept.statistics.variance.clone());
        let output = match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(kept, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (output, Self::from_inner(vector(mean)), Self::from_inner(vector(variance)))
    }

    fn conv_norm_train_residual(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Step;

        impl Backward<Flex, 5> for Step {
            type State = Kept;

            fn backward(self, ops: Ops<Kept, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = grads.consume::<Flex>(&ops.node);
                let [x, weight, ..] = &ops.parents;
                let found = passes::backward(&ops.state, gradient, x.is_some(), weight.is_some(), true);
                for (node, gradient) in ops.parents.iter().zip(found) {
                    if let (Some(node), Some(gradient)) = (node, gradient) {
                        grads.register::<Flex>(node.id, gradient);
                    }
                }
            }
        }

        let parents = [x.node(), weight.node(), gamma.node(), beta.node(), residual.node()];
        let [x, weight, gamma, beta, residual] =
            [x, weight, gamma, beta, residual].map(|tensor| tensor.into_primitive());
        let (output, kept) = passes::train(x, weight, gamma, beta, Some(residual), layer);
        let (mean, variance) = (kept.statistics.mean.clone(), kept.statistics.variance.clone());
        let output = match Step.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(kept, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        (output, Self::from_inner(vector(mean)), Self::from_inner(vector(variance)))
    }
}
