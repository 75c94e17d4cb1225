//! An operation of ours as a node of Burn's graph.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::cpu;

/// A tensor on Flex with gradients.
pub(super) type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// What an operation with N parents keeps of its forward pass.
pub(super) trait Kept<const N: usize>: Clone + Debug + Send + Sync + 'static {
    /// The gradients of the parents from that of the output; those that nobody needs may be left out.
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N];
}

struct Step<K>(PhantomData<K>);

impl<K> Debug for Step<K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(std::any::type_name::<K>())
    }
}

impl<const N: usize, K: Kept<N>> Backward<Flex, N> for Step<K> {
    type State = K;

    fn backward(self, ops: Ops<K, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let Ops { parents, state, .. } = ops;
        let needed = std::array::from_fn(|at| parents[at].is_some());
        let gradients = cpu::on_the_pool(|| state.gradients(gradient, needed));
        for (node, gradient) in parents.iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

/// The output of an operation as a node of the graph.
pub(super) fn record<C: CheckpointStrategy, const N: usize, K: Kept<N>>(
    parents: [NodeGuard; N],
    output: FlexTensor,
    kept: K,
) -> Tracked<C> {
    match Step::<K>(PhantomData).prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}
