//! GradCache: the gradient of a whole batch, with the graph of one chunk at a time in memory (Gao
//! et al. 2021).
//!
//! A contrastive loss compares every image with every other, so it is not the mean of the losses of
//! parts of a batch, and summing the gradients of parts is wrong for it. But it sees images by
//! their projections alone. So: embed all chunks without a graph; take the loss of all projections
//! and its gradient at them; embed each chunk again, with a graph, and carry that gradient through.
//! The sum over the chunks is the gradient of the batch, by the chain rule; batch normalisation in
//! training mode normalises each chunk by itself, both times alike. A network that draws random
//! numbers (dropout, drop path) would draw others the second time, and the gradient would be that
//! of no loss: it is refused when the first chunk comes out otherwise.

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

/// Projections of a batch, and what it takes to send a gradient back through them.
pub(super) struct Cached {
    chunks: Vec<Chunk>,
    /// Projections without gradient.
    pub(super) part: Part,
}

/// Parameters without gradients, in a network that stays in training mode: no graph is made in the
/// first place. One that is made stays in memory until the next backward pass, with all
/// activations.
struct Untracked;

impl ModuleMapper for Untracked {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        Param::initialized(id, param.val().detach().set_require_grad(false))
    }
}

struct Chunk {
    pairs: Range<usize>,
    /// Images to embed again, or the projections with their graph.
    source: Source,
}

enum Source {
    Images(Tensor<4>),
    Projections(Tensor<2>),
}

impl Cached {
    /// Embeds a batch, in chunks of so many pairs.
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
                // Embedded once: the graph stays for the way back.
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

    /// The gradient of the parameters that made the projections, from that at the projections.
    ///
    /// # Shapes
    /// - `at_views`: `[pairs, dim]` each, without a graph
    ///
    /// # Panics
    /// When the network gives other projections than before, which one with dropout or drop path
    /// does.
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
                    // Once is enough to see it, and each look waits for the device.
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
            // Its gradient at the projections is the one that was handed in.
            let surrogate = (projections * gradient).sum();
            sum.accumulate(task, GradientsParams::from_grads(surrogate.backward(), task));
        }
        sum.grads()
    }
}

/// What is embedded twice must come out alike, but for the order in which a device sums.
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
