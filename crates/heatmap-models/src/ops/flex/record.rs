//! Records an operation on Flex in Burn's autodiff graph; its backward pass runs on the thread
//! pool.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::{cpu, record};

/// A Flex tensor with autodiff.
pub(super) type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// The state that an operation with N parents saves for its backward pass.
pub(super) trait SavedForBackward<const N: usize>:
    Clone + Debug + Send + Sync + 'static
{
    /// Computes the gradient with respect to each parent from that with respect to the output.
    /// Gradients that are not `needed` may be left out.
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N];
}

#[derive(Debug, Clone)]
struct OnThePool<K>(K);

impl<const N: usize, K: SavedForBackward<N>> record::SavedForBackward<Flex, N> for OnThePool<K> {
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N] {
        cpu::on_the_pool(|| self.0.gradients(gradient, needed))
    }
}

/// Adds the output of an operation to the graph, with the state `kept` for its backward pass.
pub(super) fn record<C: CheckpointStrategy, const N: usize, K: SavedForBackward<N>>(
    parents: [NodeGuard; N],
    output: FlexTensor,
    kept: K,
) -> Tracked<C> {
    record::record::<Flex, C, N, _>(parents, output, OnThePool(kept))
}
