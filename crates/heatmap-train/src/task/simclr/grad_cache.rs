//! GradCache: the gradient of a whole batch with the autodiff graph of only one chunk in memory at
//! a time (Gao et al. 2021).
//!
//! A contrastive loss compares every image with every other, so it is not the mean of the losses of
//! parts of a batch, and summing the gradients of parts would be wrong. But it depends on the
//! images only through their projections. Therefore:
//!
//! 1. embed all chunks without a graph;
//! 2. compute the loss of all projections and its gradient with respect to them;
//! 3. embed each chunk again with a graph, and back-propagate that gradient through it.
//!
//! By the chain rule, the sum over the chunks is the gradient of the batch. In training mode, batch
//! normalisation uses the statistics of each chunk, the same in both passes. A network with random
//! layers (dropout, drop path) would draw different numbers in the second pass, which would make
//! the gradient wrong; it is rejected when the projections of the first chunk differ between the
//! passes.

use std::ops::Range;
use std::sync::atomic::Ordering;

use burn::module::{Module, ModuleDisplay, ModuleMapper, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use heatmap_models::Encoder;
use heatmap_models::ops::keep_running_statistics;

use super::SimClr;
use super::projection_exchange::Part;
use crate::data::PairBatch;

/// The projections of a batch, and what is needed to back-propagate a gradient through them.
pub(super) struct Cached {
    chunks: Vec<Chunk>,
    /// The projections, without gradient.
    pub(super) part: Part,
}

/// Turns off the gradients of all parameters while the network stays in training mode, so that no
/// graph is built. A graph would stay in memory until the next backward pass, with all activations.
struct Untracked;

impl ModuleMapper for Untracked {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        Param::initialized(id, param.val().detach().set_require_grad(false))
    }
}

struct Chunk {
    pairs: Range<usize>,
    /// The images to embed again, or the projections with their graph.
    source: Source,
}

enum Source {
    Images(Tensor<4>),
    Projections(Tensor<2>),
}

impl Cached {
    /// Embeds a batch in chunks of `chunk` pairs.
    pub(super) fn embed<E: Encoder + ModuleDisplay>(
        task: &SimClr<E>,
        batch: PairBatch,
        chunk: usize,
    ) -> Self {
        let of_each = batch.images_per_pair();
        let PairBatch { images, labels, .. } = batch;
        let pairs = labels.len();
        let ranges: Vec<Range<usize>> =
            (0..pairs).step_by(chunk).map(|at| at..(at + chunk).min(pairs)).collect();
        let detached = (ranges.len() > 1).then(|| task.clone().map(&mut Untracked));
        let mut chunks = Vec::new();
        let mut views = vec![Vec::new(); of_each];
        for range in &ranges {
            let view =
                |view: usize| images.clone().narrow(0, view * pairs + range.start, range.len());
            let (embedded, source) = match &detached {
                // A single chunk is embedded only once; its graph is kept for the backward pass.
                None => {
                    let projections = task.embed(images.clone());
                    (projections.clone().inner(), Source::Projections(projections))
                }
                Some(detached) => {
                    let part = Tensor::cat((0..of_each).map(view).collect(), 0);
                    (
                        keep_running_statistics(|| detached.embed(part.clone()).inner()),
                        Source::Images(part),
                    )
                }
            };
            for (at, view) in views.iter_mut().enumerate() {
                view.push(embedded.clone().narrow(0, at * range.len(), range.len()));
            }
            chunks.push(Chunk { pairs: range.clone(), source });
        }
        let views = views.into_iter().map(|parts| Tensor::cat(parts, 0)).collect();
        Self { chunks, part: Part { views, labels } }
    }

    /// Back-propagates the gradient with respect to the projections to the parameters.
    ///
    /// # Shapes
    /// - `at_views`: the gradient for each view, `[pairs, dim]`, without a graph
    ///
    /// # Panics
    /// Panics when the network gives different projections than in the first pass, as one with
    /// dropout or drop path does.
    pub(super) fn backward<E: Encoder + ModuleDisplay>(
        self,
        task: &SimClr<E>,
        at_views: &[Tensor<2>],
    ) -> GradientsParams {
        let mut sum = GradientsAccumulator::new();
        for (at, Chunk { pairs, source }) in self.chunks.into_iter().enumerate() {
            let projections = match source {
                Source::Images(images) => {
                    let projections = task.embed(images);
                    // One check is enough, and each waits for the device.
                    if at == 0 && !task.repeats.swap(true, Ordering::Relaxed) {
                        let first = self
                            .part
                            .views
                            .iter()
                            .map(|view| view.clone().narrow(0, 0, pairs.len()))
                            .collect();
                        assert_repeats(&projections.clone().inner(), &Tensor::cat(first, 0));
                    }
                    projections
                }
                Source::Projections(projections) => projections,
            };
            let of = |at: &Tensor<2>| at.clone().narrow(0, pairs.start, pairs.len());
            let gradient = Tensor::from_inner(Tensor::cat(at_views.iter().map(of).collect(), 0));
            // A scalar whose gradient with respect to the projections is the given gradient.
            let surrogate = (projections * gradient).sum();
            sum.accumulate(task, GradientsParams::from_grads(surrogate.backward(), task));
        }
        sum.grads()
    }
}

/// Checks that both passes give the same projections, up to the rounding that depends on the order
/// of summation on a device.
fn assert_repeats(second: &Tensor<2>, first: &Tensor<2>) {
    let largest = |tensor: Tensor<2>| tensor.abs().max().into_scalar::<f64>();
    let (off, of) = (largest(second.clone() - first.clone()), largest(first.clone()));
    assert!(
        off <= 1e-2 * of,
        "the network gives other projections for the same images (off by {off:.1e} of {of:.1e}): \
         dropout and drop path cannot \
         be trained in chunks"
    );
}
