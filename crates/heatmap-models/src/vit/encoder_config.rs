//! Vision transformers in the list of encoders.

use burn::tensor::Device;

use super::block::Block;
use super::config::VitConfig;
use super::interpolation::Interpolation;
use super::network::Vit;
use crate::encoder_config::{EncoderConfig, Preprocessing, PublishedConfig};
use crate::weights::{TensorFile, WeightLayout};
use crate::{ModelName, Result};

/// Constants and list entries of one size and patch each, as [`VitConfig`] makes them or changed
/// by one of its methods.
macro_rules! published {
    ($($name:ident = $text:literal: $size:ident, $patch:literal $(, $change:ident)?;)*) => {
        impl ModelName {
            $(
                #[doc = concat!("[`VitConfig::", stringify!($size), "`] with patches of ")]
                #[doc = concat!(stringify!($patch), " px.")]
                $(#[doc = concat!("\n\nIt has the settings of ", stringify!($change), ".")])?
                pub const $name: Self = Self::new($text);
            )*
        }

        const PUBLISHED: &[PublishedConfig<VitConfig>] =
            &[$((ModelName::$name, || VitConfig::$size($patch)$(.$change())?),)*];
    };
}

published! {
    VIT_TI8 = "vit-ti8": tiny, 8;
    VIT_TI16 = "vit-ti16": tiny, 16;
    VIT_TI32 = "vit-ti32": tiny, 32;
    VIT_S8 = "vit-s8": small, 8;
    VIT_S14 = "vit-s14": small, 14, dinov2;
    VIT_S16 = "vit-s16": small, 16;
    VIT_S32 = "vit-s32": small, 32;
    VIT_B8 = "vit-b8": base, 8;
    VIT_B14 = "vit-b14": base, 14, dinov2;
    VIT_B16 = "vit-b16": base, 16;
    VIT_B32 = "vit-b32": base, 32;
    VIT_L8 = "vit-l8": large, 8;
    VIT_L14 = "vit-l14": large, 14, dinov2;
    VIT_L16 = "vit-l16": large, 16;
    VIT_L32 = "vit-l32": large, 32;
}

impl EncoderConfig for VitConfig {
    type Network = Vit;

    const PUBLISHED: &'static [PublishedConfig<Self>] = PUBLISHED;

    /// Networks are saved as the program does from which they can come, so that their positions are
    /// resampled in the same way when they are read again.
    fn layout(network: &Vit) -> WeightLayout {
        let (has_registers, has_scale) =
            (network.register_tokens.is_some(), network.blocks.iter().any(Block::has_scale));
        let only_timm = network.fc_norm.is_some()
            || !network.position.has_class()
            || (network.head.is_some() && (has_registers || has_scale));
        match network.position.interpolation() {
            _ if network.pooler.is_some() => WeightLayout::HuggingFace,
            _ if only_timm => WeightLayout::Timm,
            Interpolation::Bicubic => WeightLayout::HuggingFace,
            Interpolation::Antialiased if !has_registers => WeightLayout::Timm,
            Interpolation::Shifted | Interpolation::Antialiased => WeightLayout::Dinov2,
        }
    }

    fn init(&self, device: &Device) -> Vit {
        self.init(device)
    }

    fn of(file: &TensorFile) -> Result<Self> {
        Self::of(file)
    }

    fn is_like(&self, other: &Self) -> bool {
        let sizes =
            |config: &Self| (config.embed_dim, config.depth, config.mlp_dim, config.patch_size);
        sizes(self) == sizes(other)
    }

    fn describe(&self) -> String {
        let Self { embed_dim, depth, mlp_dim, patch_size, .. } = self;
        format!(
            "a ViT {embed_dim} wide ({mlp_dim} inside) with {depth} blocks and patches of \
             {patch_size} px"
        )
    }

    fn with_in_channels(self, in_channels: usize) -> Self {
        self.with_in_channels(in_channels)
    }

    fn with_num_classes(self, num_classes: Option<usize>) -> Self {
        self.with_num_classes(num_classes)
    }

    fn with_image_size(self, image_size: usize) -> Self {
        self.with_image_size(image_size)
    }

    /// The patches and the blocks.
    fn num_parts(&self) -> usize {
        1 + self.depth
    }

    fn map_strides(&self) -> Vec<usize> {
        vec![self.patch_size]
    }

    fn map_channels(&self) -> Vec<usize> {
        vec![self.embed_dim]
    }

    fn size_multiple(&self) -> usize {
        self.patch_size
    }

    fn feature_dim(&self) -> usize {
        self.embed_dim
    }

    fn in_channels(&self) -> usize {
        self.in_channels
    }

    fn num_classes(&self) -> Option<usize> {
        self.num_classes
    }

    fn num_heads(&self) -> Option<usize> {
        Some(self.num_heads)
    }

    fn num_prefix_tokens(&self) -> Option<usize> {
        Some(self.num_prefix_tokens())
    }

    fn preprocessing(&self, layout: WeightLayout) -> Preprocessing {
        let colours = match layout {
            WeightLayout::Torchvision | WeightLayout::Dinov2 => Preprocessing::IMAGENET,
            // DINOv2 as transformers and timm have it.
            _ if self.layer_scale => Preprocessing::IMAGENET,
            _ => ([0.5; 3], [0.5; 3]),
        };
        Preprocessing::new(self.image_size, colours)
    }
}
