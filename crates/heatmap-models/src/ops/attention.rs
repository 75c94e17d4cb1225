//! Self-attention from the output of the fused projection to query, key and value.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module};

use super::{flex, in_f32};

/// Computes scaled dot-product attention (Vaswani et al. 2017, section 3.2), with the fused kernel
/// of `cpu` on Flex and with Burn's operation on other devices.
///
/// # Shapes
/// - `qkv`: `[batch, tokens, 3 * width]`, the queries of all heads, then their keys, then their
///   values; `num_heads` divides the width
/// - output: `[batch, tokens, width]`
pub(crate) fn attention(qkv: Tensor<3>, num_heads: usize) -> Tensor<3> {
    if flex::supports(&qkv) {
        return flex::attention(qkv, num_heads);
    }
    let [batch, tokens, width] = qkv.dims();
    in_f32(qkv, |qkv| {
        let [query, key, value] = split_heads(qkv, num_heads);
        let heads =
            module::attention(query, key, value, None, None, AttentionModuleOptions::default());
        heads.swap_dims(1, 2).reshape([batch, tokens, width / 3])
    })
}

/// Splits `qkv`, `[batch, tokens, 3 * width]`, into query, key and value, each
/// `[batch, num_heads, tokens, head_dim]`.
pub(crate) fn split_heads(qkv: Tensor<3>, num_heads: usize) -> [Tensor<4>; 3] {
    let [batch, tokens, width] = qkv.dims();
    let together =
        qkv.reshape([batch, tokens, 3, num_heads, width / 3 / num_heads]).permute([2, 0, 3, 1, 4]);
    [0, 1, 2].map(|at| together.clone().narrow(0, at, 1).squeeze_dim(0))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use burn::tensor::activation::softmax;

    use super::super::testing::{assert_same, ramp};
    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_product_softmax_product() {
        let device = Device::flex().autodiff();
        for ([batch, tokens], heads, head_dim) in
            [([2, 5], 3, 4), ([1, 197], 2, 64), ([3, 50], 4, 33), ([1, 1], 1, 8)]
        {
            let width = heads * head_dim;
            let qkv = (ramp([batch, tokens, 3 * width], 1, &device) * 2.0).detach().require_grad();
            let results = |ours: bool| {
                let y = if ours {
                    attention(qkv.clone(), heads)
                } else {
                    let [query, key, value] = split_heads(qkv.clone(), heads);
                    let map = softmax(query.matmul(key.transpose()) / (head_dim as f64).sqrt(), 3);
                    map.matmul(value).swap_dims(1, 2).reshape([batch, tokens, width])
                };
                let gradients =
                    (y.clone() * ramp([batch, tokens, width], 2, &device)).sum().backward();
                [y.inner().into_data(), qkv.grad(&gradients).expect("a gradient").into_data()]
            };
            assert_same(&results(true), &results(false), 1e-5);
        }
    }
}
