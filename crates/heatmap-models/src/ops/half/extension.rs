//! The backend extension for half precision: what Burn dispatches to, on the devices that store it,
//! with and without autodiff.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::FloatDType;
use burn::tensor::ops::ConvOptions;

use super::super::record::{SavedForBackward, record};

/// The operations of half precision. By default each is Burn's, on inputs that are widened to f32,
/// with its output rounded to the type of `x`.
#[backend_extension(Flex, Autodiff, Cube: cfg(feature = "wgpu"))]
pub(super) trait HalfOps: Backend {
    fn half_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let dtype = x.dtype().into();
        Self::float_cast(Self::conv2d(wide::<Self>(x), weight, None, options), dtype)
    }

    fn half_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let dtype = x.dtype().into();
        Self::float_cast(Self::linear(wide::<Self>(x), weight, Some(bias)), dtype)
    }

    fn half_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let dtype = x.dtype().into();
        let normed = Self::batch_norm_train(wide::<Self>(x), gamma, beta, epsilon);
        (Self::float_cast(normed.output, dtype), normed.mean, normed.variance)
    }
}

impl HalfOps for Flex {}

#[cfg(feature = "wgpu")]
impl HalfOps for burn::backend::Cube {}

/// Casts a tensor to f32.
fn wide<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(x, FloatDType::F32)
}

impl<B: HalfOps, C: CheckpointStrategy> HalfOps for Autodiff<B, C> {
    fn half_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node()];
        let [x, weight] = [x, weight].map(|tensor| tensor.into_primitive());
        let output = B::half_conv2d(x.clone(), weight.clone(), options.clone());
        record::<B, C, 2, _>(parents, output, Convolved { x, weight, options })
    }

    fn half_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
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
        let kept = Normed { x, gamma, mean: mean.clone(), variance: variance.clone(), epsilon };
        (
            record::<B, C, 3, _>(parents, output, kept),
            Self::from_inner(mean),
            Self::from_inner(variance),
        )
    }
}

/// The state that a convolution saves. This and the other states keep activations in half
/// precision. The gradient with respect to activations has their type; those with respect to
/// parameters are f32.
#[derive(Debug, Clone)]
struct Convolved<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    options: ConvOptions<2>,
}

impl<B: Backend> SavedForBackward<B, 2> for Convolved<B> {
    fn gradients(
        self,
        gradient: FloatTensor<B>,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<FloatTensor<B>>; 2] {
        let Self { x, weight, options } = self;
        let dtype = x.dtype().into();
        let (x, gradient) = (wide::<B>(x), wide::<B>(gradient));
        let weight_gradient = of_weight.then(|| {
            B::conv2d_weight_backward(x.clone(), weight.clone(), gradient.clone(), options.clone())
        });
        let x_gradient =
            of_x.then(|| B::float_cast(B::conv2d_x_backward(x, weight, gradient, options), dtype));
        [x_gradient, weight_gradient]
    }
}

/// The state that a linear layer saves.
#[derive(Debug, Clone)]
struct Multiplied<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
}

impl<B: Backend> SavedForBackward<B, 3> for Multiplied<B> {
    fn gradients(
        self,
        gradient: FloatTensor<B>,
        [of_x, of_weight, of_bias]: [bool; 3],
    ) -> [Option<FloatTensor<B>>; 3] {
        let Self { x, weight } = self;
        let dtype = x.dtype().into();
        let gradient = wide::<B>(gradient);
        [
            of_x.then(|| B::float_cast(B::linear_x_backward(weight, gradient.clone()), dtype)),
            of_weight.then(|| B::linear_weight_backward(wide::<B>(x), gradient.clone())),
            of_bias.then(|| B::linear_bias_backward(gradient)),
        ]
    }
}

/// The state that batch normalisation saves.
#[derive(Debug, Clone)]
struct Normed<B: Backend> {
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    epsilon: f64,
}

impl<B: Backend> SavedForBackward<B, 3> for Normed<B> {
    fn gradients(self, gradient: FloatTensor<B>, _: [bool; 3]) -> [Option<FloatTensor<B>>; 3] {
        let Self { x, gamma, mean, variance, epsilon } = self;
        let dtype = x.dtype().into();
        let (x, gradient) = (wide::<B>(x), wide::<B>(gradient));
        let found = B::batch_norm_train_backward(x, gamma, mean, variance, epsilon, gradient);
        [Some(B::float_cast(found.x_grad, dtype)), Some(found.gamma_grad), Some(found.beta_grad)]
    }
}
