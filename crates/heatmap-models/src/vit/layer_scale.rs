//! [`LayerScale`]: a learned factor for each channel of a residual branch.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::config::VitConfig;
use crate::ops::in_f32;

/// Layer scale (Touvron et al. 2021, "Going deeper with image transformers", section 3).
#[derive(Module, Debug)]
pub(super) struct LayerScale {
    /// The factors, `[embed_dim]`.
    gamma: Param<Tensor<1>>,
}

impl LayerScale {
    /// The initial factor of DINOv2 and of its models in timm.
    const INITIAL: f64 = 1e-5;

    pub(super) fn init(config: &VitConfig, device: &Device) -> Self {
        let initial = Initializer::Constant { value: Self::INITIAL };
        Self { gamma: initial.init([config.embed_dim], device) }
    }

    /// Scales a residual branch.
    ///
    /// # Shapes
    /// - `branch` and output: `[batch, tokens, embed_dim]`
    pub(super) fn forward(&self, branch: Tensor<3>) -> Tensor<3> {
        // f16 cannot tell small factors apart.
        in_f32(branch, |branch| branch * self.gamma.val().unsqueeze::<3>())
    }
}
