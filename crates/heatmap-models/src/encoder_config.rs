//! [`EncoderConfig`]: the configuration of an encoder, from which its shapes are known before the
//! network is created.

use std::fmt;

use burn::tensor::Device;

use crate::{Encoder, ModelName, Pretrained, Result, StemKind, TensorFile, WeightLayout};

/// The configuration of an encoder that programs can choose by name.
///
/// Each encoder of this crate implements the trait in its own folder and has one line in the list
/// of `backbone.rs`. Some configurations also have an inherent method with the name of a trait
/// method, such as `init`. A plain call `config.init(...)` then means the inherent method, as
/// always in Rust.
pub trait EncoderConfig: Clone + fmt::Debug + 'static {
    /// The type of the network. In addition to the traits, it must have the inherent methods
    /// `classify` and `freeze_leading` that [`Backbone`](crate::Backbone) documents.
    type Network: Encoder + Pretrained;

    /// The published networks of this kind. Their configurations have three input channels and no
    /// head.
    const PUBLISHED: &'static [PublishedConfig<Self>];

    /// Returns the naming scheme under which the programs of this project save a network: one that
    /// has a name for each of its tensors, and from which the same configuration is read again.
    fn layout(network: &Self::Network) -> WeightLayout;

    /// Creates a network with randomly initialised parameters.
    fn init(&self, device: &Device) -> Self::Network;

    /// Derives the configuration of the network from the weights in a file.
    ///
    /// # Errors
    /// Returns an error when the file contains another kind of network.
    fn of(file: &TensorFile) -> Result<Self>;

    /// Returns whether both configurations belong to the same published name. Settings that a name
    /// leaves open may differ, such as image size, channels, classes and the stem.
    fn is_like(&self, other: &Self) -> bool;

    /// Returns a description of the network in words, for error messages.
    fn describe(&self) -> String;

    /// Returns this configuration for images with `in_channels` channels.
    #[must_use]
    fn with_in_channels(self, in_channels: usize) -> Self;

    /// Returns this configuration with a linear head for `num_classes` classes; `None` removes the
    /// head.
    #[must_use]
    fn with_num_classes(self, num_classes: Option<usize>) -> Self;

    /// Returns this configuration with a position embedding for square images whose side is
    /// `image_size` px. A network without learned positions is left unchanged.
    #[must_use]
    fn with_image_size(self, _image_size: usize) -> Self {
        self
    }

    /// Returns this configuration with another stem; `None` for a network without a stem.
    fn with_stem(self, _stem: StemKind) -> Option<Self> {
        None
    }

    /// Returns the number of parts that can be frozen: the stem and the stages of a ResNet, the
    /// embedding and the blocks of a ViT.
    fn num_parts(&self) -> usize;

    /// Returns the stride of each map of [`Encoder::forward_maps`], from fine to coarse: the number
    /// of image px that one cell spans along each axis.
    fn map_strides(&self) -> Vec<usize>;

    /// Returns the number of channels of each map of [`Encoder::forward_maps`], from fine to
    /// coarse.
    fn map_channels(&self) -> Vec<usize>;

    /// Returns the number of px that must divide both the height and the width of an image.
    fn size_multiple(&self) -> usize {
        1
    }

    /// Returns the length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Returns the number of channels of the images.
    fn in_channels(&self) -> usize;

    /// Returns the number of classes of the linear head; `None` without a head.
    fn num_classes(&self) -> Option<usize>;

    /// Returns the number of attention heads; `None` for a network without attention.
    fn num_heads(&self) -> Option<usize> {
        None
    }

    /// Returns whether [`Encoder::forward_with_tokens`] returns tokens for this network.
    fn has_tokens(&self) -> bool {
        self.num_prefix_tokens().is_some()
    }

    /// Returns the number of tokens before those of the patches, which are the class token and
    /// register tokens; `None` for a network without tokens.
    fn num_prefix_tokens(&self) -> Option<usize> {
        None
    }

    /// Returns the image preprocessing with which most published weights of this `layout` were
    /// trained. Where a configuration file accompanies the weights ([`TensorFile::companions`]),
    /// its values are more reliable.
    fn preprocessing(&self, layout: WeightLayout) -> Preprocessing;
}

/// The name of a published network, and the function that creates its configuration.
pub type PublishedConfig<C> = (ModelName, fn() -> C);

/// The size and the standardisation of three-channel images on which weights were trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// Height and width in px.
    pub image_size: usize,
    /// Mean that is subtracted from each channel; the values of a channel are from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation that each channel is divided by afterwards.
    pub std: [f32; 3],
}

impl Preprocessing {
    /// The mean and the standard deviation of the ImageNet channels, as torchvision uses them.
    pub const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// Combines an image size in px with a mean and a standard deviation.
    pub fn new(image_size: usize, (mean, std): ([f32; 3], [f32; 3])) -> Self {
        Self { image_size, mean, std }
    }
}
