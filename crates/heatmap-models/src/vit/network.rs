//! [`Vit`]: patch and position embedding, register tokens, blocks, a last normalisation, and an
//! optional pooler and head.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::block::Block;
use super::config::VitConfig;
use super::layer_norm::LayerNorm;
use super::parameters::{fresh_linear, token};
use super::patch_embed::PatchEmbed;
use super::position::Position;
use crate::Encoder;
use crate::ops::{cast_like, linear, to_f32};
use crate::pooling::Pooling;

/// A vision transformer, which [`VitConfig::init`] makes.
///
/// Loading weights of timm, torchvision or transformers, and everything that the network computes:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use heatmap_models::{Encoder, LoadOptions, Pretrained, TensorFile, VitConfig};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vit-timm.safetensors");
/// let device = Device::flex();
/// // model.safetensors, pytorch_model.bin, vit_b_16-c867db91.pth, ...
/// let file = TensorFile::open(path)?;
/// let config = VitConfig::of(&file)?;
/// let (network, _) = config.init(&device).load_weights(&file, &LoadOptions::new())?;
/// let (channels, size) = (config.in_channels, config.image_size);
/// let images = Tensor::zeros([2, channels, size, size], &device);
/// let tokens = network.forward_tokens(images.clone());
/// assert_eq!(tokens.dims(), [2, config.num_tokens(), config.embed_dim]); // 197 x 768 for ViT-B/16
/// assert_eq!(network.forward_features(images.clone()).dims(), [2, config.embed_dim]);
/// assert_eq!(network.forward(images).dims(), [2, 5]);
/// # Ok::<(), heatmap_models::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Vit {
    pub(super) patch_embed: PatchEmbed,
    pub(super) class_token: Param<Tensor<3>>,
    pub(super) position: Position,
    /// The register tokens, `[1, register_tokens, embed_dim]`.
    pub(super) register_tokens: Option<Param<Tensor<3>>>,
    pub(super) dropout: Dropout,
    pub(super) blocks: Vec<Block>,
    /// The last normalisation, of tokens; `None` where there is that of the features.
    pub(super) norm: Option<LayerNorm>,
    /// The last normalisation, of pooled features.
    pub(super) fc_norm: Option<LayerNorm>,
    pub(super) pooler: Option<Pooler>,
    pub(super) head: Option<Linear>,
    #[module(skip)]
    pub(super) pooling: Pooling,
    #[module(skip)]
    pub(super) in_channels: usize,
    /// The number of leading parts that are frozen: 1 for the patch and position embedding, 2 with
    /// the first block, and so on.
    #[module(skip)]
    pub(super) frozen: usize,
}

/// The pooler of transformers: tanh of a linear layer on the class token.
#[derive(Module, Debug)]
pub(super) struct Pooler {
    pub(super) dense: Linear,
}

impl VitConfig {
    /// Makes a network with fresh parameters. Weights are normal with standard deviation 0.02, as
    /// in timm and transformers (these truncate at a hundred standard deviations, which has no
    /// effect); biases are zero.
    ///
    /// # Panics
    /// When a size is zero, `num_heads` does not divide `embed_dim`, `patch_size` does not divide
    /// `image_size`, or a probability is not in `[0, 1)`.
    pub fn init(&self, device: &Device) -> Vit {
        self.check();
        let drop_path = |at: usize| self.drop_path * at as f64 / (self.depth - 1).max(1) as f64;
        Vit {
            patch_embed: PatchEmbed::init(self, device),
            class_token: token([1, 1, self.embed_dim], device),
            position: Position::init(self, device),
            register_tokens: (self.register_tokens > 0)
                .then(|| token([1, self.register_tokens, self.embed_dim], device)),
            dropout: DropoutConfig::new(self.dropout).init(),
            blocks: (0..self.depth).map(|at| Block::init(self, drop_path(at), device)).collect(),
            norm: (!self.fc_norm).then(|| LayerNorm::init(self, device)),
            fc_norm: self.fc_norm.then(|| LayerNorm::init(self, device)),
            pooler: self
                .pooler
                .then(|| Pooler { dense: fresh_linear(self.embed_dim, self.embed_dim, device) }),
            head: self.num_classes.map(|classes| fresh_linear(self.embed_dim, classes, device)),
            pooling: self.pooling,
            in_channels: self.in_channels,
            frozen: 0,
        }
    }
}

impl Vit {
    /// Computes class logits from images.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, num_classes]`
    ///
    /// # Panics
    /// When the network was configured without `num_classes`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.classify(self.forward_features(images))
    }

    /// Computes class logits from features, with the linear head.
    ///
    /// # Shapes
    /// - `features`: `[batch, feature_dim]`
    /// - output: `[batch, num_classes]`
    ///
    /// # Panics
    /// When the network was configured without `num_classes`.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        let head = self.head.as_ref().expect("logits need a head: configure num_classes");
        linear(head, features)
    }

    /// Computes the tokens after the last normalisation: the class token, the register tokens, and
    /// those of the patches row by row. transformers calls them `last_hidden_state`, and timm's
    /// `forward_features` returns them. With [`VitConfig::fc_norm`] they are not normalised.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`; `patch_size` divides both sides
    /// - output: `[batch, 1 + register_tokens + patches, embed_dim]`
    pub fn forward_tokens(&self, images: Tensor<4>) -> Tensor<3> {
        let through = |blocks: &[Block], tokens| {
            blocks.iter().fold(tokens, |tokens, block| block.forward(tokens))
        };
        if self.frozen == 0 || !images.device().is_autodiff() {
            return self.finish(through(&self.blocks, self.embed(images)));
        }
        // Nothing in the frozen parts needs a gradient, so they run in evaluation mode and record
        // nothing for the backward pass.
        let (frozen, trained) = self.blocks.split_at(self.frozen - 1);
        let begun = through(&frozen.to_vec().valid(), self.valid_embed().embed(images.inner()));
        self.finish(through(trained, Tensor::from_inner(begun)))
    }

    /// Applies the last normalisation to the tokens, if it is one of tokens.
    fn finish(&self, tokens: Tensor<3>) -> Tensor<3> {
        match &self.norm {
            Some(norm) => norm.forward(tokens),
            None => tokens,
        }
    }

    /// Returns the number of tokens before those of the patches: the class token and the register
    /// tokens.
    pub fn num_prefix_tokens(&self) -> usize {
        1 + self.register_tokens.as_ref().map_or(0, |tokens| tokens.lazy_shape()[1])
    }

    /// Freezes the first `parts` parts: the patch and position embedding with the class and
    /// register tokens, then the blocks. Frozen parts get no gradients and apply no dropout. The
    /// other parts are left as they are.
    ///
    /// # Panics
    /// When `parts` is larger than the number of parts.
    pub fn freeze_leading(mut self, parts: usize) -> Self {
        let most = 1 + self.blocks.len();
        assert!(parts <= most, "this ViT has {most} parts to freeze, not {parts}");
        if parts == 0 {
            return self;
        }
        self.patch_embed = self.patch_embed.freeze();
        self.position = self.position.freeze();
        self.dropout = self.dropout.freeze();
        self.class_token = self.class_token.set_require_grad(false);
        self.register_tokens = self.register_tokens.map(|tokens| tokens.set_require_grad(false));
        let blocks = self.blocks.into_iter().enumerate();
        self.blocks =
            blocks.map(|(at, block)| if at + 1 < parts { block.freeze() } else { block }).collect();
        self.frozen = self.frozen.max(parts);
        self
    }

    /// Returns the network without blocks, pooler and head, in evaluation mode, to run its
    /// embedding.
    fn valid_embed(&self) -> Self {
        Self { blocks: Vec::new(), pooler: None, head: None, ..self.clone() }.valid()
    }

    /// Reduces tokens, as [`Vit::forward_tokens`] returns them, to one feature vector.
    ///
    /// # Shapes
    /// - `tokens`: `[batch, 1 + register_tokens + patches, embed_dim]`
    /// - output: `[batch, embed_dim]`, as f32
    pub fn pool(&self, tokens: Tensor<3>) -> Tensor<2> {
        let pooled = match self.pooling {
            Pooling::Cls => to_f32(tokens.narrow(1, 0, 1)),
            Pooling::Mean => to_f32(self.patch_tokens(tokens)).mean_dim(1),
        };
        match &self.fc_norm {
            Some(norm) => norm.forward(pooled).squeeze_dim(1),
            None => pooled.squeeze_dim(1),
        }
    }

    /// Returns the tokens of the patches alone.
    pub(super) fn patch_tokens(&self, tokens: Tensor<3>) -> Tensor<3> {
        let (before, count) = (self.num_prefix_tokens(), tokens.dims()[1]);
        tokens.narrow(1, before, count - before)
    }

    /// Computes the output of the pooler from images: `pooler_output` in transformers.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output: `[batch, embed_dim]`
    ///
    /// # Panics
    /// When the network was configured without `pooler`.
    pub fn forward_pooled(&self, images: Tensor<4>) -> Tensor<2> {
        let pooler = self.pooler.as_ref().expect("configure the pooler");
        let class = self.forward_tokens(images).narrow(1, 0, 1).squeeze_dim(1);
        linear(&pooler.dense, class).tanh()
    }

    /// Computes the attention maps of all blocks: the weight of each token (last axis) in the
    /// output of each token (third axis).
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - output, for each block: `[batch, num_heads, tokens, tokens]`, where `tokens` is
    ///   `1 + register_tokens + patches`
    pub fn forward_attention(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let mut tokens = self.embed(images);
        let map_of = |block: &Block| {
            let (next, map) = block.forward_with_map(tokens.clone());
            tokens = next;
            map
        };
        self.blocks.iter().map(map_of).collect()
    }

    /// Embeds the patches, puts the class token before them, and adds the positions (paper,
    /// equation 1). The register tokens come between, without positions.
    fn embed(&self, images: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = images.dims();
        let patch = self.patch_embed.patch_size();
        assert_eq!(
            channels, self.in_channels,
            "images have {channels} channels, the network {}",
            self.in_channels
        );
        assert!(
            height > 0 && width > 0 && height.is_multiple_of(patch) && width.is_multiple_of(patch),
            "images of {height} x {width} px cannot be cut into patches of {patch} px"
        );
        let class = cast_like(self.class_token.val(), &images);
        let position = cast_like(self.position.forward(height / patch, width / patch), &images);
        let registers =
            self.register_tokens.as_ref().map(|tokens| cast_like(tokens.val(), &images));
        let [_, _, embed_dim] = class.dims();
        let class = class.expand([batch, 1, embed_dim]);
        let patches = self.patch_embed.forward(images);
        let tokens = if self.position.has_class() {
            Tensor::cat(vec![class, patches], 1) + position
        } else {
            Tensor::cat(vec![class, patches + position], 1)
        };
        let Some(registers) = registers else { return self.dropout.forward(tokens) };
        let ([_, registered, _], [_, count, _]) = (registers.dims(), tokens.dims());
        let class = tokens.clone().narrow(1, 0, 1);
        let registers = registers.expand([batch, registered, embed_dim]);
        let patches = tokens.narrow(1, 1, count - 1);
        self.dropout.forward(Tensor::cat(vec![class, registers, patches], 1))
    }
}
