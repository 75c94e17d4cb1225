//! [`Attention`]: every token looks at every token.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor, activation::softmax, module};

use super::config::VitConfig;

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2). Query, key and value come from one product.
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
            qkv: config.linear(config.embed_dim, 3 * config.embed_dim, device),
            output: config.linear(config.embed_dim, config.embed_dim, device),
            dropout: DropoutConfig::new(config.attention_dropout).init(),
            num_heads: config.num_heads,
        }
    }

    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        // Burn's fused operation knows no dropout on the maps.
        if tokens.device().is_autodiff() && self.dropout.prob > 0.0 {
            return self.forward_with_map(tokens).0;
        }
        let [query, key, value] = self.query_key_value(tokens);
        self.merge(module::attention(query, key, value, None, None, AttentionModuleOptions::default()))
    }

    /// As [`Attention::forward`], and the map: how much each token (third axis) looks at each other (last axis).
    ///
    /// # Shapes
    /// - map: `[batch, num_heads, tokens, tokens]`, rows sum to one
    pub(super) fn forward_with_map(&self, tokens: Tensor<3>) -> (Tensor<3>, Tensor<4>) {
        let [query, key, value] = self.query_key_value(tokens);
        let [.., head_dim] = query.dims();
        let map = softmax(query.matmul(key.transpose()) / (head_dim as f64).sqrt(), 3);
        let map = self.dropout.forward(map);
        (self.merge(map.clone().matmul(value)), map)
    }

    /// Query, key and value, each `[batch, num_heads, tokens, head_dim]`.
    fn query_key_value(&self, tokens: Tensor<3>) -> [Tensor<4>; 3] {
        let [batch, count, embed_dim] = tokens.dims();
        let head_dim = embed_dim / self.num_heads;
        let together = self.qkv.forward(tokens).reshape([batch, count, 3, self.num_heads, head_dim]);
        let together = together.permute([2, 0, 3, 1, 4]);
        [0, 1, 2].map(|at| together.clone().narrow(0, at, 1).squeeze_dim(0))
    }

    fn merge(&self, heads: Tensor<4>) -> Tensor<3> {
        let [batch, num_heads, count, head_dim] = heads.dims();
        self.output.forward(heads.swap_dims(1, 2).reshape([batch, count, num_heads * head_dim]))
    }
}
