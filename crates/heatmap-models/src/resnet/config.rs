//! [`ResNetConfig`]: one configuration for the whole family.

use std::str::FromStr;

use burn::config::Config;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Building block of a network.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions (ResNet-18 and 34).
    Basic,
    /// 1x1, 3x3, 1x1, four times as wide at the end (ResNet-50 and deeper). The stride is on the
    /// 3x3 convolution: v1.5.
    Bottleneck,
}

/// First layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StemKind {
    /// 7x7 convolution with stride 2 and 3x3 max pooling with stride 2: an image shrinks to a
    /// quarter.
    Standard,
    /// 3x3 convolution with stride 1 and no pooling, for small images (SimCLR, appendix B.9, on
    /// CIFAR-10).
    SmallImage,
    /// 5x5 convolution with stride 2 and no pooling: an image shrinks to half. Between the two
    /// others in detail and cost, and ours alone; a file of weights tells the three apart by the
    /// size of this kernel.
    HalfImage,
}

/// Configuration of a [`ResNet`](super::ResNet).
#[derive(Config, Debug)]
pub struct ResNetConfig {
    /// Building block.
    pub block: BlockKind,
    /// Blocks in each of the four stages.
    pub depths: [usize; 4],
    /// Channels of the images.
    #[config(default = 3)]
    pub in_channels: usize,
    /// Classes of the linear head; `None` for an encoder without one.
    #[config(default = "None")]
    pub num_classes: Option<usize>,
    /// Channels of the stem and of the first stage; the others follow from it. 64 in every
    /// published network.
    #[config(default = 64)]
    pub base_width: usize,
    /// First layers.
    #[config(default = "StemKind::Standard")]
    pub stem: StemKind,
    /// Starts every residual branch at zero by the scale of its last normalisation (Goyal et al.
    /// 2017): off in torchvision, on in timm.
    #[config(default = false)]
    pub zero_init_residual: bool,
}

impl StemKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Standard, Self::SmallImage, Self::HalfImage];

    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::SmallImage => "small-image",
            Self::HalfImage => "half-image",
        }
    }
}

impl FromStr for StemKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let reason = "not one of standard, small-image, half-image".to_owned();
            Error::Unknown { what: "stem", value: name.to_owned(), reason }
        })
    }
}

impl BlockKind {
    /// Channels of a block's output for each channel of its middle.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

impl ResNetConfig {
    /// 18 layers.
    pub fn resnet18() -> Self {
        Self::new(BlockKind::Basic, [2, 2, 2, 2])
    }

    /// 34 layers.
    pub fn resnet34() -> Self {
        Self::new(BlockKind::Basic, [3, 4, 6, 3])
    }

    /// 50 layers.
    pub fn resnet50() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 4, 6, 3])
    }

    /// 101 layers.
    pub fn resnet101() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 4, 23, 3])
    }

    /// 152 layers.
    pub fn resnet152() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 8, 36, 3])
    }

    /// Length of a feature vector.
    pub fn feature_dim(&self) -> usize {
        self.map_channels()[3]
    }

    /// Channels behind each of the four stages.
    pub fn map_channels(&self) -> [usize; 4] {
        [0, 1, 2, 3].map(|at| (self.base_width << at) * self.block.expansion())
    }

    /// Px of an image along a side of a cell, behind each of the four stages.
    pub fn map_strides(&self) -> [usize; 4] {
        let first = match self.stem {
            StemKind::Standard => 4,
            StemKind::HalfImage => 2,
            StemKind::SmallImage => 1,
        };
        [first, 2 * first, 4 * first, 8 * first]
    }
}
