//! Linear layers, optionally with GELU, and layer normalisation: one fused operation each on Flex,
//! Burn's operations on other devices.

use burn::nn::Linear;
use burn::tensor::{Tensor, module};

use super::{flex, gelu, half, in_f32, is_half};

/// Applies a linear layer, with or without a bias.
///
/// # Shapes
/// - `x`: `[..., inputs]`; output: `[..., outputs]`
pub(crate) fn linear<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    if flex::supports(&x) { on_flex(layer, x, false) } else { by_burn(layer, x) }
}

/// Applies a linear layer, then GELU; the shapes are those of [`linear`].
pub(crate) fn linear_gelu<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    if flex::supports(&x) { on_flex(layer, x, true) } else { in_f32(by_burn(layer, x), gelu) }
}

/// Computes `x * weight + bias` for tensors that are not those of a Burn layer.
///
/// # Shapes
/// - `x`: `[rows, inputs]`, `weight`: `[inputs, outputs]`, `bias`: `[outputs]`
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    if is_half(&x) { half::linear(x, weight, bias) } else { x.matmul(weight) + bias.unsqueeze() }
}

/// Runs Burn's linear layer, or `half::linear` for half precision.
fn by_burn<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    if is_half(&x) { half::linear(x, layer.weight.val(), bias(layer)) } else { layer.forward(x) }
}

fn on_flex<const D: usize>(layer: &Linear, x: Tensor<D>, gelu: bool) -> Tensor<D> {
    flex::linear(x, layer.weight.val(), bias(layer), gelu)
}

/// Returns the bias of a layer, or zeros if it has none.
fn bias(layer: &Linear) -> Tensor<1> {
    match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([layer.weight.dims()[1]], &layer.weight.device()),
    }
}

/// Applies layer normalisation over the last dimension.
///
/// # Shapes
/// - `x` and output: `[batch, tokens, width]`; `gamma`, `beta`: `[width]`
pub(crate) fn layer_norm(
    x: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> Tensor<3> {
    if flex::supports(&x) {
        flex::layer_norm(x, gamma, beta, epsilon)
    } else {
        in_f32(x, |x| module::layer_norm(x, gamma, Some(beta), epsilon))
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    use super::super::testing::{assert_same, ramp};
    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_burns_own_operations() {
        let device = Device::flex().autodiff();
        let cases = [
            ([2, 5, 48], 33, true),
            ([3, 197, 64], 160, true),
            ([1, 1, 1024], 8, true),
            ([1, 16, 96], 260, false),
        ];
        for ([batch, tokens, inputs], outputs, with_bias) in cases {
            let mut layer = LinearConfig::new(inputs, outputs).with_bias(with_bias).init(&device);
            let shifted =
                |bias: Tensor<1>| (bias + ramp([outputs], 7, &device)).detach().require_grad();
            layer.bias = layer.bias.map(|bias| bias.map(shifted));
            let x = ramp([batch, tokens, inputs], 1, &device).require_grad();
            for with_gelu in [false, true] {
                let results = |ours: bool| {
                    let y = match (ours, with_gelu) {
                        (true, true) => linear_gelu(&layer, x.clone()),
                        (true, false) => linear(&layer, x.clone()),
                        (false, true) => gelu(layer.forward(x.clone())),
                        (false, false) => layer.forward(x.clone()),
                    };
                    let gradients =
                        (y.clone() * ramp([batch, tokens, outputs], 2, &device)).sum().backward();
                    let mut all = vec![
                        y.inner().into_data(),
                        x.grad(&gradients).expect("of x").into_data(),
                        layer.weight.val().grad(&gradients).expect("of the weight").into_data(),
                    ];
                    all.extend(
                        layer.bias.as_ref().map(|bias| {
                            bias.val().grad(&gradients).expect("of the bias").into_data()
                        }),
                    );
                    all
                };
                assert_same(&results(true), &results(false), 1e-5);
            }
            let layer = burn::module::Module::valid(&layer);
            let plain = x.clone().inner();
            let expected = gelu(layer.forward(plain.clone())).into_data();
            assert_same(&[linear_gelu(&layer, plain).into_data()], &[expected], 1e-5);
        }
    }

    #[test]
    fn normalisation_is_that_of_burn() {
        let device = Device::flex().autodiff();
        for shape @ [.., width] in [[2, 3, 16], [2, 70, 100], [1, 1, 7]] {
            let x = (ramp(shape, 1, &device) + 3.0).detach().require_grad();
            let gamma = (ramp([width], 2, &device) + 1.0).detach().require_grad();
            let beta = ramp([width], 3, &device).require_grad();
            let results = |ours: bool| {
                let (gamma_, beta_) = (gamma.clone(), beta.clone());
                let y = if ours {
                    layer_norm(x.clone(), gamma_, beta_, 1e-6)
                } else {
                    module::layer_norm(x.clone(), gamma_, Some(beta_), 1e-6)
                };
                let gradients = (y.clone() * ramp(shape, 4, &device)).sum().backward();
                [
                    y.inner().into_data(),
                    x.grad(&gradients).expect("of x").into_data(),
                    gamma.grad(&gradients).expect("of gamma").into_data(),
                    beta.grad(&gradients).expect("of beta").into_data(),
                ]
            };
            assert_same(&results(true), &results(false), 1e-5);
        }
    }
}
