//! An operation of ours as a node of Burn's graph.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

/// What an operation with N parents keeps of its forward pass.
pub(super) trait SavedForBackward<B: Backend, const N: usize>:
    Clone + Debug + Send + Sync + 'static
{
    /// The gradients of the parents from that of the output; those that nobody needs may be left
    /// out.
    fn gradients(self, gradient: FloatTensor<B>, needed: [bool; N]) -> [Option<FloatTensor<B>>; N];
}

struct Step<K>(PhantomData<K>);

impl<K> Debug for Step<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::any::type_name::<K>())
    }
}

impl<B: Backend, const N: usize, K: SavedForBackward<B, N>> Backward<B, N> for Step<K> {
    type State = K;

    fn backward(self, ops: Ops<K, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let Ops { parents, state, .. } = ops;
        let needed = std::array::from_fn(|at| parents[at].is_some());
        for (node, gradient) in parents.iter().zip(state.gradients(gradient, needed)) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// The output of an operation as a node of the graph.
pub(super) fn record<
    B: Backend,
    C: CheckpointStrategy,
    const N: usize,
    K: SavedForBackward<B, N>,
>(
    parents: [NodeGuard; N],
    output: FloatTensor<B>,
    kept: K,
) -> FloatTensor<Autodiff<B, C>> {
    match Step::<K>(PhantomData).prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}
