//! The operations of a transformer: linear layers with or without GELU, layer normalisation and
//! attention.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Shape, Tensor};

use super::super::cpu::{self, AttentionShape};
use super::layout::{contiguous, laid, owned, recycle, shaped, slice, vector};
use super::prepared::prepared;
use super::record::{SavedForBackward, record};

/// Computes `x * weight + bias`, followed by GELU if `gelu`.
pub(in super::super) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    gelu: bool,
) -> Tensor<D> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Transformer>::linear_rows(x, weight, bias, gelu))
}

/// Applies layer normalisation over the last dimension.
pub(in super::super) fn layer_norm(
    x: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> Tensor<3> {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Transformer>::layer_norm_rows(x, gamma, beta, epsilon))
}

/// Computes attention from `qkv`, `[batch, tokens, 3 * width]`; the output is
/// `[batch, tokens, width]`.
pub(in super::super) fn attention(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Transformer>::attention_heads(qkv.into_dispatch(), heads))
}

#[backend_extension(Flex, Autodiff)]
trait Transformer: Backend {
    fn linear_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gelu: bool,
    ) -> FloatTensor<Self>;

    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    fn attention_heads(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self>;
}

impl Transformer for Flex {
    fn linear_rows(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, gelu: bool) -> FlexTensor {
        let shape = with_last(&x, &bias);
        let [x, weight, bias] = [x, weight, bias].map(contiguous);
        let pass = if gelu { cpu::linear::linear_gelu } else { cpu::linear::linear };
        let outputs = slice(&bias).len();
        let suits = |packed: &cpu::Packed| packed.asked() == cpu::multiplier_of_networks();
        let packed = prepared(&weight, suits, || cpu::linear::packed(slice(&weight), outputs));
        let out = shaped(shape, cpu::on_the_pool(|| pass(slice(&x), &packed, slice(&bias))));
        recycle(x);
        out
    }

    fn layer_norm_rows(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        let [x, gamma, beta] = [x, gamma, beta].map(contiguous);
        let values =
            cpu::layer_norm::layer_norm(slice(&x), slice(&gamma), slice(&beta), epsilon as f32);
        let out = shaped(x.layout().shape().clone(), values);
        recycle(x);
        out
    }

    fn attention_heads(qkv: FlexTensor, heads: usize) -> FlexTensor {
        let (shape, qkv) = (attention_shape(&qkv, heads), contiguous(qkv));
        let out = laid(dims(&shape, 1), cpu::on_the_pool(|| cpu::attention(slice(&qkv), &shape)));
        recycle(qkv);
        out
    }
}

impl<C: CheckpointStrategy> Transformer for Autodiff<Flex, C> {
    fn linear_rows(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gelu: bool,
    ) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias] = [x, weight, bias].map(|tensor| contiguous(tensor.into_primitive()));
        let shape = with_last(&x, &bias);
        let packed = cpu::linear::packed(slice(&weight), slice(&bias).len());
        let sums = cpu::on_the_pool(|| cpu::linear::linear(slice(&x), &packed, slice(&bias)));
        drop(packed);
        let (output, before) = if gelu {
            (shaped(shape.clone(), cpu::linear::gelu(&sums)), Some(shaped(shape, sums)))
        } else {
            (shaped(shape, sums), None)
        };
        record::<C, 3, _>(parents, output, LinearRows { x, weight, before })
    }

    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let parents = [x.node(), gamma.node(), beta.node()];
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| contiguous(tensor.into_primitive()));
        let output = Flex::layer_norm_rows(x.clone(), gamma.clone(), beta, epsilon);
        record::<C, 3, _>(parents, output, Normed { x, gamma, epsilon: epsilon as f32 })
    }

    fn attention_heads(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        let parents = [qkv.node()];
        let qkv = contiguous(qkv.into_primitive());
        let shape = attention_shape(&qkv, heads);
        let output = Flex::attention_heads(qkv.clone(), heads);
        record::<C, 1, _>(parents, output, Attended { qkv, shape })
    }
}

/// The state that a linear layer saves: its input and weight, and the input of the GELU if there is
/// one.
#[derive(Debug, Clone)]
struct LinearRows {
    x: FlexTensor,
    weight: FlexTensor,
    before: Option<FlexTensor>,
}

impl SavedForBackward<3> for LinearRows {
    fn gradients(self, gradient: FlexTensor, needed: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Self { x, weight, before } = self;
        let [inputs, outputs] = weight.layout().shape().dims();
        let mut gradient = owned(gradient);
        if let Some(before) = before {
            cpu::linear::gelu_backward(slice(&before), &mut gradient);
            recycle(before);
        }
        let of_x = needed[0].then(|| {
            shaped(
                x.layout().shape().clone(),
                cpu::linear::input_gradient(slice(&weight), &gradient, outputs),
            )
        });
        let of_weight = needed[1].then(|| {
            laid(
                [inputs, outputs],
                cpu::linear::weight_gradient(slice(&x), inputs, &gradient, outputs),
            )
        });
        let of_bias = needed[2].then(|| vector(cpu::linear::bias_gradient(&gradient, outputs)));
        recycle(x);
        [of_x, of_weight, of_bias]
    }
}

/// The state that layer normalisation saves.
#[derive(Debug, Clone)]
struct Normed {
    x: FlexTensor,
    gamma: FlexTensor,
    epsilon: f32,
}

impl SavedForBackward<3> for Normed {
    fn gradients(self, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Self { x, gamma, epsilon } = self;
        let shape = x.layout().shape().clone();
        let (values, of_gamma, of_beta) =
            cpu::layer_norm::backward(slice(&x), slice(&gamma), epsilon, owned(gradient));
        recycle(x);
        [Some(shaped(shape, values)), Some(vector(of_gamma)), Some(vector(of_beta))]
    }
}

/// The state that attention saves: queries, keys and values.
#[derive(Debug, Clone)]
struct Attended {
    qkv: FlexTensor,
    shape: AttentionShape,
}

impl SavedForBackward<1> for Attended {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let Self { qkv, shape } = self;
        let values = cpu::attention_backward(slice(&qkv), slice(&contiguous(gradient)), &shape);
        recycle(qkv);
        [Some(laid(dims(&shape, 3), values))]
    }
}

/// Returns the shape of `x` with the length of the vector `last` as its last dimension.
fn with_last(x: &FlexTensor, last: &FlexTensor) -> Shape {
    let mut dims = x.layout().shape().to_vec();
    dims.pop();
    dims.extend(last.layout().shape().iter());
    Shape::from(dims)
}

fn attention_shape(qkv: &FlexTensor, heads: usize) -> AttentionShape {
    let [batch, tokens, width] = qkv.layout().shape().dims();
    assert!(
        width.is_multiple_of(3 * heads),
        "{width} columns for queries, keys and values of {heads} heads"
    );
    AttentionShape { batch, tokens, heads, head_dim: width / 3 / heads }
}

fn dims(shape: &AttentionShape, which: usize) -> [usize; 3] {
    [shape.batch, shape.tokens, which * shape.heads * shape.head_dim]
}
