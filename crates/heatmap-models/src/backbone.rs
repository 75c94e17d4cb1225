//! [`Backbone`]: one of the encoders of this crate, whose kind is chosen at run time.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::encoder_config::{EncoderConfig, Preprocessing};
use crate::weights::LoadReport;
use crate::{
    Encoder, FeaturesAndMaps, LoadOptions, ModelName, Pretrained, ResNet, ResNetConfig, Result,
    StemKind, TensorFile, Vit, VitConfig, WeightLayout,
};

/// Defines [`Backbone`] and [`BackboneConfig`] with one variant for each encoder in the list. Their
/// methods delegate to the network or to the [`EncoderConfig`] in the variant.
macro_rules! backbones {
    ($($(#[$doc:meta])* $kind:ident($network:ident, $config:ident),)*) => {
        /// An encoder of any kind in this crate.
        #[derive(Module, Debug)]
        #[allow(
            clippy::large_enum_variant,
            reason = "there is one in a program, and Burn's modules cannot be boxed"
        )]
        pub enum Backbone {
            $($(#[$doc])* $kind($network),)*
        }

        /// The configuration of a [`Backbone`].
        #[derive(Debug, Clone)]
        pub enum BackboneConfig {
            $($(#[$doc])* $kind($config),)*
        }

        impl BackboneConfig {
            /// Returns the names and configurations of the published networks of all kinds. The
            /// configurations have three input channels and no head.
            pub fn published() -> impl Iterator<Item = (ModelName, Self)> {
                let all = std::iter::empty();
                $(
                    let kind = <$config as EncoderConfig>::PUBLISHED.iter();
                    let all = all.chain(kind.map(|(name, new)| (*name, Self::$kind(new()))));
                )*
                all
            }

            /// Creates a network with randomly initialised parameters.
            pub fn init(&self, device: &Device) -> Backbone {
                match self {
                    $(Self::$kind(config) => Backbone::$kind(EncoderConfig::init(config, device)),)*
                }
            }

            /// Derives the configuration of a network of this kind from the weights in a file.
            ///
            /// # Errors
            /// Returns an error when the file contains another kind of network.
            pub fn of_same_kind(&self, file: &TensorFile) -> Result<Self> {
                Ok(match self {
                    $(Self::$kind(_) => Self::$kind(<$config as EncoderConfig>::of(file)?),)*
                })
            }

            /// Returns whether both configurations belong to the same published name. Settings that
            /// a name leaves open may differ, such as image size, channels, classes and the stem.
            pub fn is_like(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$kind(a), Self::$kind(b)) => a.is_like(b),)*
                    _ => false,
                }
            }

            /// Returns this configuration for images with `in_channels` channels.
            #[must_use]
            pub fn with_in_channels(self, in_channels: usize) -> Self {
                match self {
                    $(Self::$kind(config) => {
                        Self::$kind(EncoderConfig::with_in_channels(config, in_channels))
                    })*
                }
            }

            /// Returns this configuration with a linear head for `num_classes` classes; `None`
            /// removes the head.
            #[must_use]
            pub fn with_num_classes(self, num_classes: Option<usize>) -> Self {
                match self {
                    $(Self::$kind(config) => {
                        Self::$kind(EncoderConfig::with_num_classes(config, num_classes))
                    })*
                }
            }

            /// Returns this configuration with a position embedding for square images whose side is
            /// `image_size` px. A network without learned positions is left unchanged.
            #[must_use]
            pub fn with_image_size(self, image_size: usize) -> Self {
                match self {
                    $(Self::$kind(config) => {
                        Self::$kind(EncoderConfig::with_image_size(config, image_size))
                    })*
                }
            }

            /// Returns this configuration with another stem; `None` for a network without a stem.
            pub fn with_stem(self, stem: StemKind) -> Option<Self> {
                match self {
                    $(Self::$kind(config) => {
                        EncoderConfig::with_stem(config, stem).map(Self::$kind)
                    })*
                }
            }

            /// Returns a description of the network in words, for error messages.
            pub fn describe(&self) -> String {
                match self {
                    $(Self::$kind(config) => EncoderConfig::describe(config),)*
                }
            }

            /// Returns the number of parts that [`Backbone::freeze_leading`] can freeze.
            pub fn num_parts(&self) -> usize {
                match self {
                    $(Self::$kind(config) => EncoderConfig::num_parts(config),)*
                }
            }

            /// Returns the stride of each map of [`Encoder::forward_maps`], from fine to coarse:
            /// the number of image px that one cell spans along each axis.
            pub fn map_strides(&self) -> Vec<usize> {
                match self {
                    $(Self::$kind(config) => EncoderConfig::map_strides(config),)*
                }
            }

            /// Returns the number of channels of each map of [`Encoder::forward_maps`], from fine
            /// to coarse.
            pub fn map_channels(&self) -> Vec<usize> {
                match self {
                    $(Self::$kind(config) => EncoderConfig::map_channels(config),)*
                }
            }

            /// Returns the number of px that must divide both the height and the width of an image.
            pub fn size_multiple(&self) -> usize {
                match self {
                    $(Self::$kind(config) => EncoderConfig::size_multiple(config),)*
                }
            }

            /// Returns the length of a feature vector.
            pub fn feature_dim(&self) -> usize {
                match self {
                    $(Self::$kind(config) => EncoderConfig::feature_dim(config),)*
                }
            }

            /// Returns the number of channels of the images.
            pub fn in_channels(&self) -> usize {
                match self {
                    $(Self::$kind(config) => EncoderConfig::in_channels(config),)*
                }
            }

            /// Returns the number of classes of the linear head; `None` without a head.
            pub fn num_classes(&self) -> Option<usize> {
                match self {
                    $(Self::$kind(config) => EncoderConfig::num_classes(config),)*
                }
            }

            /// Returns the number of attention heads; `None` for a network without attention.
            pub fn num_heads(&self) -> Option<usize> {
                match self {
                    $(Self::$kind(config) => EncoderConfig::num_heads(config),)*
                }
            }

            /// Returns whether [`Encoder::forward_with_tokens`] returns tokens for this network.
            pub fn has_tokens(&self) -> bool {
                match self {
                    $(Self::$kind(config) => EncoderConfig::has_tokens(config),)*
                }
            }

            /// Returns the number of tokens before those of the patches; `None` for a network
            /// without tokens.
            pub fn num_prefix_tokens(&self) -> Option<usize> {
                match self {
                    $(Self::$kind(config) => EncoderConfig::num_prefix_tokens(config),)*
                }
            }

            /// Returns the image preprocessing with which most published weights of this `layout`
            /// were trained.
            pub fn preprocessing(&self, layout: WeightLayout) -> Preprocessing {
                match self {
                    $(Self::$kind(config) => EncoderConfig::preprocessing(config, layout),)*
                }
            }
        }

        impl Backbone {
            /// Computes class logits from features, with the linear head.
            ///
            /// # Shapes
            /// - `features`: `[batch, feature_dim]`
            /// - output: `[batch, num_classes]`
            ///
            /// # Panics
            /// Panics when the network was configured without `num_classes`.
            pub fn classify(&self, features: Tensor<2>) -> Tensor<2> {
                match self {
                    $(Self::$kind(network) => network.classify(features),)*
                }
            }

            /// Freezes the first `parts` parts of the network. Frozen parts get no gradients, do
            /// not update their normalisation statistics and apply no dropout. See
            /// [`BackboneConfig::num_parts`] for the number of parts.
            ///
            /// # Panics
            /// Panics when the network has fewer than `parts` parts.
            #[must_use]
            pub fn freeze_leading(self, parts: usize) -> Self {
                match self {
                    $(Self::$kind(network) => Self::$kind(network.freeze_leading(parts)),)*
                }
            }

            /// Loads the weights of a file and reports what was loaded; see
            /// [`Pretrained::load_weights`].
            ///
            /// # Errors
            /// Returns an error when the file cannot be read, when its layout is unknown, or when
            /// its tensors do not fit the network.
            pub fn load_weights(
                self,
                file: &TensorFile,
                options: &LoadOptions,
            ) -> Result<(Self, LoadReport)> {
                Ok(match self {
                    $(Self::$kind(network) => {
                        let (network, report) = network.load_weights(file, options)?;
                        (Self::$kind(network), report)
                    })*
                })
            }

            /// Saves the weights in a safetensors file; see [`Pretrained::save_weights`].
            ///
            /// # Errors
            /// Returns an error when the layout has no name for a tensor of the network, or when
            /// the file cannot be written.
            pub fn save_weights(&self, path: impl AsRef<Path>, layout: WeightLayout) -> Result<()> {
                match self {
                    $(Self::$kind(network) => network.save_weights(path, layout),)*
                }
            }

            /// Returns the layout in which the programs of this project save this network.
            pub fn layout(&self) -> WeightLayout {
                match self {
                    $(Self::$kind(network) => <$config as EncoderConfig>::layout(network),)*
                }
            }
        }

        impl Encoder for Backbone {
            fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
                match self {
                    $(Self::$kind(network) => network.forward_features(images),)*
                }
            }

            fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps {
                match self {
                    $(Self::$kind(network) => network.forward_with_maps(images),)*
                }
            }

            fn forward_with_tokens(&self, images: Tensor<4>) -> (Tensor<2>, Option<Tensor<3>>) {
                match self {
                    $(Self::$kind(network) => network.forward_with_tokens(images),)*
                }
            }

            fn feature_dim(&self) -> usize {
                match self {
                    $(Self::$kind(network) => network.feature_dim(),)*
                }
            }

            fn in_channels(&self) -> usize {
                match self {
                    $(Self::$kind(network) => network.in_channels(),)*
                }
            }

            fn map_channels(&self) -> Vec<usize> {
                match self {
                    $(Self::$kind(network) => network.map_channels(),)*
                }
            }

            fn map_strides(&self) -> Vec<usize> {
                match self {
                    $(Self::$kind(network) => network.map_strides(),)*
                }
            }
        }
    };
}

// The list of encoders. To add an encoder, add a line.
backbones! {
    /// A residual network.
    ResNet(ResNet, ResNetConfig),
    /// A vision transformer.
    Vit(Vit, VitConfig),
}
