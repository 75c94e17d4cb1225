//! [`VitConfig`]: the configuration of every network of the family.

use burn::config::Config;

use super::interpolation::Interpolation;
use crate::pooling::Pooling;

/// Configures a [`Vit`](super::Vit).
#[derive(Config, Debug)]
pub struct VitConfig {
    /// The length of a token.
    pub embed_dim: usize,
    /// The number of blocks.
    pub depth: usize,
    /// The number of attention heads, which must divide `embed_dim`.
    pub num_heads: usize,
    /// The width of the hidden layer in the MLP of a block.
    pub mlp_dim: usize,
    /// The height and width of a patch in px.
    pub patch_size: usize,
    /// The height and width, in px, of the images for which the position embedding is learned. It
    /// is interpolated for images of other sizes.
    #[config(default = 224)]
    pub image_size: usize,
    /// The number of channels of the images.
    #[config(default = 3)]
    pub in_channels: usize,
    /// The number of classes of the linear head; `None` for an encoder without a head.
    #[config(default = "None")]
    pub num_classes: Option<usize>,
    /// The number that is added to the variance in layer normalisation: 1e-6 in timm and
    /// torchvision, 1e-12 in transformers.
    #[config(default = 1e-6)]
    pub layer_norm_eps: f64,
    /// Whether to add the pooler of `google/vit-base-patch16-224-in21k`: tanh of a linear layer on
    /// the class token.
    #[config(default = false)]
    pub pooler: bool,
    /// How the tokens are reduced to one feature vector.
    #[config(default = "Pooling::Cls")]
    pub pooling: Pooling,
    /// Whether the last normalisation comes after pooling, as timm's `fc_norm`, and not before it.
    /// Tokens are not normalised then.
    #[config(default = false)]
    pub fc_norm: bool,
    /// The number of register tokens (Darcet et al. 2024), which come after the class token and
    /// have no position.
    #[config(default = 0)]
    pub register_tokens: usize,
    /// Whether each residual branch has a learned factor for each channel, as in DINOv2.
    #[config(default = false)]
    pub layer_scale: bool,
    /// Whether the class token has a learned position. It has none in timm's `no_embed_class`.
    #[config(default = true)]
    pub class_position: bool,
    /// How the position embedding is resampled for images that are not of `image_size`.
    #[config(default = "Interpolation::Bicubic")]
    pub interpolation: Interpolation,
    /// The probability of dropout on the embedding and after every layer of a block, in training.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// The probability of dropout on the attention maps, in training.
    #[config(default = 0.0)]
    pub attention_dropout: f64,
    /// Stochastic depth (Huang et al. 2016): the probability that an image skips a residual branch
    /// of the last block, in training. It rises linearly over the blocks, from zero in the first.
    #[config(default = 0.0)]
    pub drop_path: f64,
}

impl VitConfig {
    /// Configures a ViT-Ti: 192 wide, 12 blocks, 3 heads (Touvron et al. 2021).
    pub fn tiny(patch_size: usize) -> Self {
        Self::new(192, 12, 3, 768, patch_size)
    }

    /// Configures a ViT-S: 384 wide, 12 blocks, 6 heads (Touvron et al. 2021).
    pub fn small(patch_size: usize) -> Self {
        Self::new(384, 12, 6, 1536, patch_size)
    }

    /// Configures a ViT-B: 768 wide, 12 blocks, 12 heads.
    pub fn base(patch_size: usize) -> Self {
        Self::new(768, 12, 12, 3072, patch_size)
    }

    /// Configures a ViT-L: 1024 wide, 24 blocks, 16 heads.
    pub fn large(patch_size: usize) -> Self {
        Self::new(1024, 24, 16, 4096, patch_size)
    }

    /// Returns the number of patches along one side of an image of `image_size`.
    pub fn grid_size(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Returns the number of tokens before those of the patches: the class token and the register
    /// tokens.
    pub fn num_prefix_tokens(&self) -> usize {
        1 + self.register_tokens
    }

    /// Returns the number of tokens for an image of `image_size`: one for each patch, and those
    /// before them.
    pub fn num_tokens(&self) -> usize {
        self.grid_size().pow(2) + self.num_prefix_tokens()
    }

    /// Returns this configuration as DINOv2 has it (Oquab et al. 2024): images of 518 px and layer
    /// scale, and positions that are resampled as timm does. Registers are left as they are.
    pub(super) fn dinov2(self) -> Self {
        self.with_image_size(518)
            .with_layer_scale(true)
            .with_interpolation(Interpolation::Antialiased)
    }

    /// Checks that the sizes and probabilities are valid.
    ///
    /// # Panics
    /// When a size is zero, `num_heads` does not divide `embed_dim`, `patch_size` does not divide
    /// `image_size`, or a probability is not in `[0, 1)`.
    pub(super) fn check(&self) {
        for (name, value) in [
            ("embed_dim", self.embed_dim),
            ("depth", self.depth),
            ("num_heads", self.num_heads),
            ("mlp_dim", self.mlp_dim),
            ("patch_size", self.patch_size),
            ("image_size", self.image_size),
            ("in_channels", self.in_channels),
            ("num_classes", self.num_classes.unwrap_or(1)),
        ] {
            assert!(value > 0, "{name} must be positive");
        }
        let Self { embed_dim, num_heads, patch_size, image_size, drop_path, .. } = self;
        assert!(
            embed_dim.is_multiple_of(*num_heads),
            "num_heads {num_heads} must divide embed_dim {embed_dim}"
        );
        assert!(
            image_size.is_multiple_of(*patch_size),
            "patch_size {patch_size} must divide image_size {image_size}"
        );
        for (name, probability) in [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("drop_path", *drop_path),
        ] {
            assert!((0.0..1.0).contains(&probability), "{name} {probability} must be in [0, 1)");
        }
    }
}
