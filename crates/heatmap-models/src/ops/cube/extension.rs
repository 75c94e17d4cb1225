//! The backend extension for GPUs: what Burn dispatches to, with and without autodiff.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Cube, backend_extension};
use burn_cubecl::tensor::CubeTensor;

use super::super::record::{SavedForBackward, record};
use super::norm::{self, Normed, Settings};

/// A tensor on a GPU with autodiff.
type Tracked<C> = FloatTensor<Autodiff<Cube, C>>;

/// Batch normalisation in training mode, with what follows it; the functions in `super` describe
/// it.
#[backend_extension(Cube, Autodiff)]
pub(super) trait FusedNorm: Backend {
    fn norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: Settings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn norm_train_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        settings: Settings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl FusedNorm for Cube {
    fn norm_train(
        x: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        settings: Settings,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let (output, normed) = norm::train(x, gamma, beta, None, settings);
        (output, normed.mean, normed.variance)
    }

    fn norm_train_residual(
        x: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        residual: CubeTensor,
        settings: Settings,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let (output, normed) = norm::train(x, gamma, beta, Some(residual), settings);
        (output, normed.mean, normed.variance)
    }
}

impl<C: CheckpointStrategy> FusedNorm for Autodiff<Cube, C> {
    fn norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        settings: Settings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), gamma.node(), beta.node()];
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.into_primitive());
        record_layer::<C, 3>(parents, norm::train(x, gamma, beta, None, settings))
    }

    fn norm_train_residual(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        settings: Settings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), gamma.node(), beta.node(), residual.node()];
        let [x, gamma, beta, residual] =
            [x, gamma, beta, residual].map(|tensor| tensor.into_primitive());
        record_layer::<C, 4>(parents, norm::train(x, gamma, beta, Some(residual), settings))
    }
}

/// Records a layer in the autodiff graph, and returns its output and the mean and variance of its
/// batch.
fn record_layer<C: CheckpointStrategy, const N: usize>(
    parents: [NodeGuard; N],
    (output, normed): (CubeTensor, Normed),
) -> (Tracked<C>, Tracked<C>, Tracked<C>)
where
    Normed: SavedForBackward<Cube, N>,
{
    let [mean, variance] = [&normed.mean, &normed.variance]
        .map(|statistic| Autodiff::<Cube, C>::from_inner(statistic.clone()));
    (record::<Cube, C, N, _>(parents, output, normed), mean, variance)
}

impl SavedForBackward<Cube, 3> for Normed {
    fn gradients(self, gradient: CubeTensor, _: [bool; 3]) -> [Option<CubeTensor>; 3] {
        let found = Normed::gradients(self, gradient, false);
        [Some(found.x), Some(found.gamma), Some(found.beta)]
    }
}

impl SavedForBackward<Cube, 4> for Normed {
    fn gradients(self, gradient: CubeTensor, _: [bool; 4]) -> [Option<CubeTensor>; 4] {
        let found = Normed::gradients(self, gradient, true);
        [Some(found.x), Some(found.gamma), Some(found.beta), found.residual]
    }
}
