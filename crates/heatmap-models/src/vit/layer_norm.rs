//! [`LayerNorm`]: layer normalisation as in Burn, with this crate's fused operation.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use crate::ops::layer_norm;

/// Layer normalisation (Ba, Kiros and Hinton 2016).
#[derive(Module, Debug)]
pub(super) struct LayerNorm {
    /// The scale, `[embed_dim]`.
    gamma: Param<Tensor<1>>,
    /// The shift, `[embed_dim]`.
    beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        let shape = [config.embed_dim];
        Self {
            gamma: Initializer::Ones.init(shape, device),
            beta: Initializer::Zeros.init(shape, device),
            epsilon: config.layer_norm_eps,
        }
    }

    /// Normalises each token.
    ///
    /// # Shapes
    /// - `x` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        layer_norm(x, self.gamma.val(), self.beta.val(), self.epsilon)
    }
}
