//! [`Block`]: a pre-norm transformer block, which is self-attention and an MLP, each in a residual
//! branch after layer normalisation (paper, equations 2 and 3), in DINOv2 with layer scale.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::attention::Attention;
use super::config::VitConfig;
use super::drop_path::DropPath;
use super::layer_norm::LayerNorm;
use super::layer_scale::LayerScale;
use super::parameters::fresh_linear;
use crate::ops::{linear, linear_gelu};

/// A pre-norm transformer block.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attention: Attention,
    scale1: Option<LayerScale>,
    norm2: LayerNorm,
    mlp: Mlp,
    scale2: Option<LayerScale>,
    dropout: Dropout,
    drop_path: DropPath,
}

/// Two linear layers with GELU between them (Hendrycks and Gimpel 2016, the exact form with erf).
#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
    dropout: Dropout,
}

impl Block {
    /// Makes a block that drops its residual branches with probability `drop_path`.
    pub(super) fn init(config: &VitConfig, drop_path: f64, device: &Device) -> Self {
        let mlp = Mlp {
            fc1: fresh_linear(config.embed_dim, config.mlp_dim, device),
            fc2: fresh_linear(config.mlp_dim, config.embed_dim, device),
            dropout: DropoutConfig::new(config.dropout).init(),
        };
        let scale = || config.layer_scale.then(|| LayerScale::init(config, device));
        Self {
            norm1: LayerNorm::init(config, device),
            attention: Attention::init(config, device),
            scale1: scale(),
            norm2: LayerNorm::init(config, device),
            mlp,
            scale2: scale(),
            dropout: DropoutConfig::new(config.dropout).init(),
            drop_path: DropPath::init(drop_path),
        }
    }

    /// Runs the block.
    ///
    /// # Shapes
    /// - `tokens` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let attended = self.attention.forward(self.norm1.forward(tokens.clone()));
        self.residual(tokens, attended)
    }

    /// Computes the output of [`Block::forward`] and the attention map,
    /// `[batch, num_heads, tokens, tokens]`.
    pub(super) fn forward_with_map(&self, tokens: Tensor<3>) -> (Tensor<3>, Tensor<4>) {
        let (attended, map) = self.attention.forward_with_map(self.norm1.forward(tokens.clone()));
        (self.residual(tokens, attended), map)
    }

    /// Returns whether the residual branches have layer scale.
    pub(super) fn has_scale(&self) -> bool {
        self.scale1.is_some()
    }

    /// Adds the output of the attention to the tokens, then runs the residual branch of the MLP.
    fn residual(&self, tokens: Tensor<3>, attended: Tensor<3>) -> Tensor<3> {
        let branch = |branch, scale: Option<&LayerScale>| {
            let branch = self.dropout.forward(branch);
            let scaled = match scale {
                Some(scale) => scale.forward(branch),
                None => branch,
            };
            self.drop_path.forward(scaled)
        };
        let tokens = tokens + branch(attended, self.scale1.as_ref());
        let hidden = self.mlp.forward(self.norm2.forward(tokens.clone()));
        tokens + branch(hidden, self.scale2.as_ref())
    }
}

impl Mlp {
    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        linear(&self.fc2, self.dropout.forward(linear_gelu(&self.fc1, tokens)))
    }
}
