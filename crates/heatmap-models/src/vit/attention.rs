//! [`Attention`]: multi-head self-attention.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor, activation::softmax};

use super::config::VitConfig;
use super::parameters::fresh_linear;
use crate::ops::{attention, cast_like, linear, split_heads, to_f32};

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2), with one fused projection to
/// query, key and value.
#[derive(Module, Debug)]
pub(super) struct Attention {
    qkv: Linear,
    output: Linear,
    dropout: Dropout,
    #[module(skip)]
    num_heads: usize,
}

impl Attention {
    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        Self {
            qkv: fresh_linear(config.embed_dim, 3 * config.embed_dim, device),
            output: fresh_linear(config.embed_dim, config.embed_dim, device),
            dropout: DropoutConfig::new(config.attention_dropout).init(),
            num_heads: config.num_heads,
        }
    }

    /// Computes self-attention.
    ///
    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        // The fused operation has no dropout on the attention maps.
        if tokens.device().is_autodiff() && self.dropout.prob > 0.0 {
            return self.forward_with_map(tokens).0;
        }
        linear(&self.output, attention(linear(&self.qkv, tokens), self.num_heads))
    }

    /// Computes the output of [`Attention::forward`] and the attention map: the weight of each
    /// token (last axis) in the output of each token (third axis).
    ///
    /// # Shapes
    /// - map: `[batch, num_heads, tokens, tokens]`, whose rows sum to one
    pub(super) fn forward_with_map(&self, tokens: Tensor<3>) -> (Tensor<3>, Tensor<4>) {
        let [batch, count, embed_dim] = tokens.dims();
        let qkv = linear(&self.qkv, tokens.clone());
        let [query, key, value] = split_heads(to_f32(qkv), self.num_heads);
        let [.., head_dim] = query.dims();
        let map = softmax(query.matmul(key.transpose()) / (head_dim as f64).sqrt(), 3);
        let map = self.dropout.forward(map);
        let heads = map.clone().matmul(value).swap_dims(1, 2).reshape([batch, count, embed_dim]);
        (linear(&self.output, cast_like(heads, &tokens)), map)
    }
}
