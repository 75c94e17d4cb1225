//! [`Backbone`]: any of our encoders, chosen when the program runs.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::weights::LoadReport;
use crate::{
    Encoder, FeaturesAndMaps, LoadOptions, Pretrained, ResNet, ResNetConfig, Result, StemKind,
    TensorFile, Vit, VitConfig, WeightLayout,
};

/// A residual network or a vision transformer.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one in a program, and Burn's modules cannot be boxed"
)]
pub enum Backbone {
    /// See [`ResNet`].
    ResNet(ResNet),
    /// See [`Vit`].
    Vit(Vit),
}

/// Configuration of a [`Backbone`].
#[derive(Debug, Clone)]
pub enum BackboneConfig {
    /// See [`ResNetConfig`].
    ResNet(ResNetConfig),
    /// See [`VitConfig`].
    Vit(VitConfig),
}

impl BackboneConfig {
    /// A network with fresh parameters.
    pub fn init(&self, device: &Device) -> Backbone {
        match self {
            Self::ResNet(config) => Backbone::ResNet(config.init(device)),
            Self::Vit(config) => Backbone::Vit(config.init(device)),
        }
    }

    /// The configuration of the network of this kind whose weights a file holds.
    ///
    /// # Errors
    /// When the file holds another kind of network.
    pub fn of_same_kind(&self, file: &TensorFile) -> Result<Self> {
        Ok(match self {
            Self::ResNet(_) => Self::ResNet(ResNetConfig::of(file)?),
            Self::Vit(_) => Self::Vit(VitConfig::of(file)?),
        })
    }

    /// Whether both are the same network but for image size, channels and classes: what a published
    /// name stands for.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ResNet(a), Self::ResNet(b)) => {
                (a.block, a.depths, a.base_width) == (b.block, b.depths, b.base_width)
            }
            (Self::Vit(a), Self::Vit(b)) => {
                let sizes = |config: &VitConfig| {
                    (config.embed_dim, config.depth, config.mlp_dim, config.patch_size)
                };
                sizes(a) == sizes(b)
            }
            _ => false,
        }
    }

    /// The network in words, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::ResNet(config) => {
                let ResNetConfig { block, depths, base_width, .. } = config;
                format!(
                    "a ResNet of {block:?} blocks with {depths:?} of them, {base_width} channels \
                     at the stem"
                )
            }
            Self::Vit(config) => {
                let VitConfig { embed_dim, depth, mlp_dim, patch_size, .. } = config;
                format!(
                    "a ViT {embed_dim} wide ({mlp_dim} inside) with {depth} blocks and patches of \
                     {patch_size} px"
                )
            }
        }
    }

    /// The same for images with so many channels.
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        match self {
            Self::ResNet(config) => Self::ResNet(config.with_in_channels(in_channels)),
            Self::Vit(config) => Self::Vit(config.with_in_channels(in_channels)),
        }
    }

    /// The same with a linear head, or without.
    pub fn with_num_classes(self, num_classes: Option<usize>) -> Self {
        match self {
            Self::ResNet(config) => Self::ResNet(config.with_num_classes(num_classes)),
            Self::Vit(config) => Self::Vit(config.with_num_classes(num_classes)),
        }
    }

    /// The same with positions learned for images of this height and width in px; a residual
    /// network takes any size.
    pub fn with_image_size(self, image_size: usize) -> Self {
        match self {
            Self::ResNet(config) => Self::ResNet(config),
            Self::Vit(config) => Self::Vit(config.with_image_size(image_size)),
        }
    }

    /// The same with these first layers; a vision transformer has only its patches.
    pub fn with_stem(self, stem: StemKind) -> Self {
        match self {
            Self::ResNet(config) => Self::ResNet(config.with_stem(stem)),
            Self::Vit(config) => Self::Vit(config),
        }
    }

    /// Parts that [`Backbone::freeze_leading`] can freeze.
    pub fn num_parts(&self) -> usize {
        match self {
            Self::ResNet(config) => 1 + config.depths.len(),
            Self::Vit(config) => 1 + config.depth,
        }
    }

    /// Px of an image along a side of a cell, for each of the maps of [`Encoder::forward_maps`].
    pub fn map_strides(&self) -> Vec<usize> {
        match self {
            Self::ResNet(config) => config.map_strides().to_vec(),
            Self::Vit(config) => vec![config.patch_size],
        }
    }

    /// Channels of each of the maps, which [`Encoder::forward_maps`] gives.
    pub fn map_channels(&self) -> Vec<usize> {
        match self {
            Self::ResNet(config) => config.map_channels().to_vec(),
            Self::Vit(config) => vec![config.embed_dim],
        }
    }

    /// What both sides of an image must be a multiple of, in px.
    pub fn size_multiple(&self) -> usize {
        match self {
            Self::ResNet(_) => 1,
            Self::Vit(config) => config.patch_size,
        }
    }

    /// Length of a feature vector.
    pub fn feature_dim(&self) -> usize {
        match self {
            Self::ResNet(config) => config.feature_dim(),
            Self::Vit(config) => config.embed_dim,
        }
    }

    /// Channels of the images.
    pub fn in_channels(&self) -> usize {
        match self {
            Self::ResNet(config) => config.in_channels,
            Self::Vit(config) => config.in_channels,
        }
    }

    /// Classes of the linear head, if there is one.
    pub fn num_classes(&self) -> Option<usize> {
        match self {
            Self::ResNet(config) => config.num_classes,
            Self::Vit(config) => config.num_classes,
        }
    }
}

impl Backbone {
    /// Features to logits, by the linear head.
    ///
    /// # Shapes
    /// - `features`: `[batch, feature_dim]`
    /// - output: `[batch, num_classes]`
    ///
    /// # Panics
    /// When the network was configured without `num_classes`.
    pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        match self {
            Self::ResNet(network) => network.classify(features),
            Self::Vit(network) => network.classify(features),
        }
    }

    /// As [`ResNet::freeze_leading`] and [`Vit::freeze_leading`].
    ///
    /// # Panics
    /// When there are not so many parts.
    pub fn freeze_leading(self, parts: usize) -> Self {
        match self {
            Self::ResNet(network) => Self::ResNet(network.freeze_leading(parts)),
            Self::Vit(network) => Self::Vit(network.freeze_leading(parts)),
        }
    }

    /// As [`Pretrained::load_weights`].
    ///
    /// # Errors
    /// As there.
    pub fn load_weights(
        self,
        file: &TensorFile,
        options: &LoadOptions,
    ) -> Result<(Self, LoadReport)> {
        Ok(match self {
            Self::ResNet(network) => {
                let (network, report) = network.load_weights(file, options)?;
                (Self::ResNet(network), report)
            }
            Self::Vit(network) => {
                let (network, report) = network.load_weights(file, options)?;
                (Self::Vit(network), report)
            }
        })
    }

    /// As [`Pretrained::save_weights`].
    ///
    /// # Errors
    /// As there.
    pub fn save_weights(&self, path: impl AsRef<Path>, layout: WeightLayout) -> Result<()> {
        match self {
            Self::ResNet(network) => network.save_weights(path, layout),
            Self::Vit(network) => network.save_weights(path, layout),
        }
    }
}

impl Encoder for Backbone {
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            Self::ResNet(network) => network.forward_features(images),
            Self::Vit(network) => network.forward_features(images),
        }
    }

    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps {
        match self {
            Self::ResNet(network) => network.forward_with_maps(images),
            Self::Vit(network) => network.forward_with_maps(images),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::ResNet(network) => network.feature_dim(),
            Self::Vit(network) => network.feature_dim(),
        }
    }

    fn in_channels(&self) -> usize {
        match self {
            Self::ResNet(network) => network.in_channels(),
            Self::Vit(network) => network.in_channels(),
        }
    }

    fn map_channels(&self) -> Vec<usize> {
        match self {
            Self::ResNet(network) => network.map_channels(),
            Self::Vit(network) => network.map_channels(),
        }
    }

    fn map_strides(&self) -> Vec<usize> {
        match self {
            Self::ResNet(network) => network.map_strides(),
            Self::Vit(network) => network.map_strides(),
        }
    }
}
