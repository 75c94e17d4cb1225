//! NT-Xent as one operation of Burn's graph.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::super::cpu::{self, Contrast};
use super::layout::{contiguous, laid, owned, shaped, slice, vector};
use super::record::{SavedForBackward, record};

/// Computes the loss of `[2 * pairs, dim]` and the top-1 accuracy: the share of rows whose most
/// similar other row is the other view of the same sample. Both are `[1]`.
pub(in super::super) fn nt_xent(rows: Tensor<2>, temperature: f64) -> (Tensor<1>, Tensor<1>) {
    let (loss, top1) = <Dispatch as Contrastive>::nt_xent_rows(rows.into_dispatch(), temperature);
    (Tensor::from_dispatch(loss), Tensor::from_dispatch(top1))
}

#[backend_extension(Flex, Autodiff)]
trait Contrastive: Backend {
    fn nt_xent_rows(
        rows: FloatTensor<Self>,
        temperature: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl Contrastive for Flex {
    fn nt_xent_rows(rows: FlexTensor, temperature: f64) -> (FlexTensor, FlexTensor) {
        let Contrast { loss, top1, .. } = contrast(rows, temperature).0;
        (vector(vec![loss]), vector(vec![top1]))
    }
}

impl<C: CheckpointStrategy> Contrastive for Autodiff<Flex, C> {
    fn nt_xent_rows(
        rows: FloatTensor<Self>,
        temperature: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [rows.node()];
        let (Contrast { loss, top1, gradient }, dims) =
            contrast(rows.into_primitive(), temperature);
        let loss = record::<C, 1, _>(parents, vector(vec![loss]), Gradient(laid(dims, gradient)));
        (loss, Self::from_inner(vector(vec![top1])))
    }
}

fn contrast(rows: FlexTensor, temperature: f64) -> (Contrast, [usize; 2]) {
    let dims: [usize; 2] = rows.layout().shape().dims();
    (cpu::nt_xent(slice(&contiguous(rows)), dims[1], temperature as f32), dims)
}

/// The gradient with respect to the rows, computed together with the loss. The backward pass only
/// scales it by the incoming gradient.
#[derive(Debug, Clone)]
struct Gradient(FlexTensor);

impl SavedForBackward<1> for Gradient {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let shape = self.0.layout().shape().clone();
        let factor = slice(&contiguous(gradient))[0];
        let mut values = owned(self.0);
        values.iter_mut().for_each(|value| *value *= factor);
        [Some(shaped(shape, values))]
    }
}
