//! Residual networks in the list of encoders.

use burn::tensor::Device;

use super::config::ResNetConfig;
use super::network::ResNet;
use crate::encoder_config::{EncoderConfig, Preprocessing, PublishedConfig};
use crate::stem_kind::StemKind;
use crate::weights::{TensorFile, WeightLayout};
use crate::{ModelName, Result};

impl ModelName {
    /// ResNet-18.
    pub const RESNET_18: Self = Self::new("resnet18");
    /// ResNet-34.
    pub const RESNET_34: Self = Self::new("resnet34");
    /// ResNet-50.
    pub const RESNET_50: Self = Self::new("resnet50");
    /// ResNet-101.
    pub const RESNET_101: Self = Self::new("resnet101");
    /// ResNet-152.
    pub const RESNET_152: Self = Self::new("resnet152");
}

impl EncoderConfig for ResNetConfig {
    type Network = ResNet;

    const PUBLISHED: &'static [PublishedConfig<Self>] = &[
        (ModelName::RESNET_18, Self::resnet18),
        (ModelName::RESNET_34, Self::resnet34),
        (ModelName::RESNET_50, Self::resnet50),
        (ModelName::RESNET_101, Self::resnet101),
        (ModelName::RESNET_152, Self::resnet152),
    ];

    fn layout(_network: &ResNet) -> WeightLayout {
        WeightLayout::Torchvision
    }

    fn init(&self, device: &Device) -> ResNet {
        self.init(device)
    }

    fn of(file: &TensorFile) -> Result<Self> {
        Self::of(file)
    }

    fn is_like(&self, other: &Self) -> bool {
        let sizes = |config: &Self| (config.block, config.depths, config.base_width);
        sizes(self) == sizes(other)
    }

    fn describe(&self) -> String {
        let Self { block, depths, base_width, .. } = self;
        format!(
            "a ResNet of {block:?} blocks with {depths:?} of them, {base_width} channels at the \
             stem"
        )
    }

    fn with_in_channels(self, in_channels: usize) -> Self {
        self.with_in_channels(in_channels)
    }

    fn with_num_classes(self, num_classes: Option<usize>) -> Self {
        self.with_num_classes(num_classes)
    }

    fn with_stem(self, stem: StemKind) -> Option<Self> {
        Some(self.with_stem(stem))
    }

    /// The stem and the stages.
    fn num_parts(&self) -> usize {
        1 + self.depths.len()
    }

    fn map_strides(&self) -> Vec<usize> {
        self.map_strides().to_vec()
    }

    fn map_channels(&self) -> Vec<usize> {
        self.map_channels().to_vec()
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim()
    }

    fn in_channels(&self) -> usize {
        self.in_channels
    }

    fn num_classes(&self) -> Option<usize> {
        self.num_classes
    }

    fn preprocessing(&self, _layout: WeightLayout) -> Preprocessing {
        Preprocessing::new(224, Preprocessing::IMAGENET)
    }
}
