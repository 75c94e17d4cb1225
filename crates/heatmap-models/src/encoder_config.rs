//! [`EncoderConfig`]: what is known of an encoder before there is one.

use std::fmt;

use burn::tensor::Device;

use crate::{Encoder, ModelName, Pretrained, Result, StemKind, TensorFile, WeightLayout};

/// The configuration of an encoder that programs can choose by name. An encoder of this crate
/// implements it in its own folder and has one line in the list of `backbone.rs`. Where a
/// configuration has a method of its own of the same name, that one is meant by a plain call.
pub trait EncoderConfig: Clone + fmt::Debug + 'static {
    /// The network. Beside the traits, it has the methods `classify` and `freeze_leading`, as
    /// [`Backbone`](crate::Backbone) describes them.
    type Network: Encoder + Pretrained;

    /// The published networks of this kind, with three channels and without a head.
    const PUBLISHED: &'static [PublishedConfig<Self>];

    /// The names of the tensors under which our programs save such a network.
    const LAYOUT: WeightLayout;

    /// Creates a network with fresh parameters.
    fn init(&self, device: &Device) -> Self::Network;

    /// Reads the configuration of the network whose weights a file contains.
    ///
    /// # Errors
    /// Returns an error when the file contains another kind of network.
    fn of(file: &TensorFile) -> Result<Self>;

    /// Returns whether both are the same network but for image size, channels and classes, which is
    /// what a published name stands for.
    fn is_like(&self, other: &Self) -> bool;

    /// Describes the network in words, for messages.
    fn describe(&self) -> String;

    /// Returns this configuration for images with `in_channels` channels.
    #[must_use]
    fn with_in_channels(self, in_channels: usize) -> Self;

    /// Returns this configuration with a linear head for `num_classes` classes, or without.
    #[must_use]
    fn with_num_classes(self, num_classes: Option<usize>) -> Self;

    /// Returns this configuration with positions that are learned for images of this height and
    /// width in px. Unless a network has such positions, nothing changes.
    #[must_use]
    fn with_image_size(self, _image_size: usize) -> Self {
        self
    }

    /// Returns this configuration with another stem; `None` for a network that has no stem.
    fn with_stem(self, _stem: StemKind) -> Option<Self> {
        None
    }

    /// Returns the number of leading parts that can be frozen.
    fn num_parts(&self) -> usize;

    /// Returns the side of a cell of each map of [`Encoder::forward_maps`] in px of the image.
    fn map_strides(&self) -> Vec<usize>;

    /// Returns the channels of each of these maps.
    fn map_channels(&self) -> Vec<usize>;

    /// Returns the number of px of which both sides of an image must be a multiple.
    fn size_multiple(&self) -> usize {
        1
    }

    /// Returns the length of a feature vector.
    fn feature_dim(&self) -> usize;

    /// Returns the number of channels of the images.
    fn in_channels(&self) -> usize;

    /// Returns the number of classes of the linear head, if there is one.
    fn num_classes(&self) -> Option<usize>;

    /// Returns the number of attention heads; `None` for a network without attention.
    fn num_heads(&self) -> Option<usize> {
        None
    }

    /// Returns whether the network has tokens, which [`Encoder::forward_with_tokens`] gives.
    fn has_tokens(&self) -> bool {
        false
    }

    /// Returns how the images were prepared with which published weights of this `layout` were
    /// trained, for most of them; a file beside the weights knows better.
    fn preprocessing(&self, layout: WeightLayout) -> Preprocessing;
}

/// The name of a published network, and what makes its configuration.
pub type PublishedConfig<C> = (ModelName, fn() -> C);

/// Size and standardisation of training images of three colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// Height and width in px.
    pub image_size: usize,
    /// Mean that is subtracted from each channel of values from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation that each channel is divided by.
    pub std: [f32; 3],
}

impl Preprocessing {
    /// The mean and standard deviation of ImageNet, as torchvision has them.
    pub const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// Returns images of this size, standardised by mean and standard deviation.
    pub fn new(image_size: usize, (mean, std): ([f32; 3], [f32; 3])) -> Self {
        Self { image_size, mean, std }
    }
}
