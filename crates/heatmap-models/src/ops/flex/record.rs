//! An operation on Flex as a node of Burn's graph, whose way back runs on the pool of threads.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::super::{cpu, record};

/// A tensor on Flex with gradients.
pub(super) type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// What an operation with N parents keeps of its forward pass.
pub(super) trait SavedForBackward<const N: usize>:
    Clone + Debug + Send + Sync + 'static
{
    /// The gradients of the parents from that of the output; those that nobody needs may be left
    /// out.
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N];
}

#[derive(Debug, Clone)]
struct OnThePool<K>(K);

impl<const N: usize, K: SavedForBackward<N>> record::SavedForBackward<Flex, N> for OnThePool<K> {
    fn gradients(self, gradient: FlexTensor, needed: [bool; N]) -> [Option<FlexTensor>; N] {
        cpu::on_the_pool(|| self.0.gradients(gradient, needed))
    }
}

/// The output of an operation as a node of the graph.
pub(super) fn record<C: CheckpointStrategy, const N: usize, K: SavedForBackward<N>>(
    parents: [NodeGuard; N],
    output: FlexTensor,
    kept: K,
) -> Tracked<C> {
    record::record::<Flex, C, N, _>(parents, output, OnThePool(kept))
}
