//! The backend extension: what Burn dispatches, on the devices that have half precision, and with gradients.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::FloatDType;
use burn::tensor::ops::ConvOptions;

/// On a device without gradients each operation is what it says: Burn's, between a widening and a rounding.
#[backend_extension(Flex, Autodiff, Cube: cfg(feature = "wgpu"))]
pub(super) trait HalfOps: Backend {
    fn half_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, options: ConvOptions<2>) -> FloatTensor<Self> {
        let dtype = x.dtype().into();
        rounded::<Self>(Self::conv2d(wide::<Self>(x), weight, None, options), dtype)
    }

    fn half_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let dtype = x.dtype().into();
        rounded::<Self>(Self::linear(wide::<Self>(x), weight, Some(bias)), dtype)
    }

    fn half_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let dtype = x.dtype().into();
        let normed = Self::batch_norm_train(wide::<Self>(x), gamma, beta, epsilon);
        (rounded::<Self>(normed.output, dtype), normed.mean, normed.variance)
    }
}

impl HalfOps for Flex {}

#[cfg(feature = "wgpu")]
impl HalfOps for burn::backend::Cube {}

fn wide<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(x, FloatDType::F32)
}

fn rounded<B: Backend>(x: FloatTensor<B>, dtype: FloatDType) -> FloatTensor<B> {
    B::float_cast(x, dtype)
}

impl<B: HalfOps, C: CheckpointStrategy> HalfOps for Autodiff<B, C> {
    fn half_conv2d(x: FloatTensor<Self>, weight: FloatTensor<Self>, options: ConvOptions<2>) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node()];
        let [x, weight] = [x, weight].map(|tensor| tensor.into_primitive());
        let output = B::half_conv2d(x.clone(), weight.clone(), options.clone());
        record::<B, C, 2, _>(parents, output, Convolved { x, weight, options })
    }

    fn half_linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.into_primitive());
        let output = B::half_linear(x.clone(), weight.clone(), bias);
        record::<B, C, 3, _>(parents, output, Multiplied { x, weight })
    }

    fn half_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let parents = [x.node(), gamma.node(), beta.node()];
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.into_primitive());
        let (output, mean, variance) = B::half_norm_train(x.clone(), gamma.clone(), beta, epsilon);
        let statistics = [&mean, &variance].map(|statistic| Self::from_inner(statistic.clone()));
        let kept = Normed { x, gamma, mean, variance, epsilon };
        let [mean, variance] = statistics;
        (record::<B, C, 3, _>(parents, output, kept), mean, variance)
    }
}

/// What an operation keeps of its forward pass: activations as they lie. The first of its N parents are activations, the others
/// parameters.
trait Kept<B: Backend, const N: usize>: Clone + Debug + Send + Sync + 'static {
    /// The gradients of the parents from that of the output, all as f32; those that nobody needs may be left out.
    fn gradients(self, gradient: FloatTensor<B>, needed: [bool; N]) -> [Option<FloatTensor<B>>; N];
}

#[derive(Debug, Clone)]
struct Convolved<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    options: ConvOptions<2>,
}

impl<B: Backend> Kept<B, 2> for Convolved<B> {
    fn gradients(self, gradient: FloatTensor<B>, [of_x, of_weight]: [bool; 2]) -> [Option<FloatTensor<B>>; 2] {
        let Self { x, weight, options } = self;
        let x = wide::<B>(x);
        let weight_gradient =
            of_weight.then(|| B::conv2d_weight_backward(x.clone(), weight.clone(), gradient.clone(), options.clone()));
        [of_x.then(|| B::conv2d_x_backward(x, weight, gradient, options)), weight_gradient]
    }
}

#[derive(Debug, Clone)]
struct Multiplied<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
}

impl<B: Backend> Kept<B, 3> for Multiplied<B> {
    fn gradients(self, gradient: FloatTensor<B>, needed: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        let Self { x, weight } = self;
        let [of_x, of_weight, of_bias] = needed;
        [
            of_x.then(|| B::linear_x_backward(weight, gradient.clone())),
            of_weight.then(|| B::linear_weight_backward(wide::<B>(x), gradient.clone())),
            of_bias.then(|| B::linear_bias_backward(gradient)),
        ]
    }
}

#[derive(Debug, Clone)]
struct Normed<B: Backend> {
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    epsilon: f64,
}

impl<B: Backend> Kept<B, 3> for Normed<B> {
    fn gradients(self, gradient: FloatTensor<B>, _: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        let Self { x, gamma, mean, variance, epsilon } = self;
        let found = B::batch_norm_train_backward(wide::<B>(x), gamma, mean, variance, epsilon, gradient);
        [Some(found.x_grad), Some(found.gamma_grad), Some(found.beta_grad)]
    }
}

struct Step<K>(PhantomData<K>);

impl<K> Debug for Step<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::any::type_name::<K>())
    }
}

impl<B: Backend, const N: usize, K: Kept<B, N>> Backward<B, N> for Step<K> {
    type State = K;

    fn backward(self, ops: Ops<K, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let dtype = FloatDType::from(gradient.dtype());
        let Ops { parents, state, .. } = ops;
        let needed = std::array::from_fn(|at| parents[at].is_some());
        let gradients = state.gradients(wide::<B>(gradient), needed);
        for (at, (node, gradient)) in parents.iter().zip(gradients).enumerate() {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                // Output and activations are of one type.
                let gradient = if at == 0 { rounded::<B>(gradient, dtype) } else { gradient };
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// The output of an operation as a node of the graph.
fn record<B: Backend, C: CheckpointStrategy, const N: usize, K: Kept<B, N>>(
    parents: [NodeGuard; N],
    output: FloatTensor<B>,
    kept: K,
) -> FloatTensor<Autodiff<B, C>> {
    match Step::<K>(PhantomData).prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}
