//! Records an operation of this crate, with its own backward pass, in Burn's autodiff graph.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

/// The state that an operation with N parents saves for its backward pass.
pub(super) trait SavedForBackward<B: Backend, const N: usize>:
    Clone + Debug + Send + Sync + 'static
{
    /// Computes the gradient with respect to each parent from that with respect to the output.
    /// Gradients that are not `needed` may be left out.
    fn gradients(self, gradient: FloatTensor<B>, needed: [bool; N]) -> [Option<FloatTensor<B>>; N];
}

/// The backward step of an operation that saves a `K`.
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

/// Adds the output of an operation to the graph, with the state `kept` for its backward pass if any
/// parent needs a gradient.
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
