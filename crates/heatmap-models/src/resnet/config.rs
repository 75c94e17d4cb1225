//! [`ResNetConfig`]: the configuration of every network of the family.

use std::str::FromStr;

use burn::config::Config;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The kind of residual block that a network is built from.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions (ResNet-18 and 34).
    Basic,
    /// A 1x1, a 3x3 and a 1x1 convolution, the last of which is four times as wide (ResNet-50 and
    /// deeper). The stride is on the 3x3 convolution, as in v1.5.
    Bottleneck,
}

/// The kind of stem, the first layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StemKind {
    /// A 7x7 convolution with stride 2, then 3x3 max pooling with stride 2. Height and width shrink
    /// to a quarter.
    Standard,
    /// A 3x3 convolution with stride 1 and no pooling, for small images (SimCLR, appendix B.9, on
    /// CIFAR-10).
    SmallImage,
    /// A 5x5 convolution with stride 2 and no pooling. Height and width shrink to half, which lies
    /// between the other two in detail and cost. No published network has this stem. In a weight
    /// file, the three are told apart by the size of this kernel.
    HalfImage,
}

/// Configures a [`ResNet`](super::ResNet).
#[derive(Config, Debug)]
pub struct ResNetConfig {
    /// The kind of residual block.
    pub block: BlockKind,
    /// The number of blocks in each of the four stages.
    pub depths: [usize; 4],
    /// The number of channels of the images.
    #[config(default = 3)]
    pub in_channels: usize,
    /// The number of classes of the linear head; `None` for an encoder without a head.
    #[config(default = "None")]
    pub num_classes: Option<usize>,
    /// The number of channels of the stem, and the width of the first stage's blocks. Each later
    /// stage is twice as wide as the one before. 64 in every published network.
    #[config(default = 64)]
    pub base_width: usize,
    /// The kind of stem.
    #[config(default = "StemKind::Standard")]
    pub stem: StemKind,
    /// Whether the last normalisation of every residual branch starts with a scale of zero, so that
    /// each block starts as its shortcut (Goyal et al. 2017). torchvision has it off, timm on.
    #[config(default = false)]
    pub zero_init_residual: bool,
}

impl StemKind {
    /// All kinds of stem.
    pub const ALL: [Self; 3] = [Self::Standard, Self::SmallImage, Self::HalfImage];

    /// Returns the name, as it is written on a command line.
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
    /// Returns the number of output channels of a block, as a multiple of its `width`.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

impl ResNetConfig {
    /// Configures a ResNet-18.
    pub fn resnet18() -> Self {
        Self::new(BlockKind::Basic, [2, 2, 2, 2])
    }

    /// Configures a ResNet-34.
    pub fn resnet34() -> Self {
        Self::new(BlockKind::Basic, [3, 4, 6, 3])
    }

    /// Configures a ResNet-50.
    pub fn resnet50() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 4, 6, 3])
    }

    /// Configures a ResNet-101.
    pub fn resnet101() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 4, 23, 3])
    }

    /// Configures a ResNet-152.
    pub fn resnet152() -> Self {
        Self::new(BlockKind::Bottleneck, [3, 8, 36, 3])
    }

    /// Returns the length of a feature vector.
    pub fn feature_dim(&self) -> usize {
        self.map_channels()[3]
    }

    /// Returns the number of channels after each of the four stages.
    pub fn map_channels(&self) -> [usize; 4] {
        [0, 1, 2, 3].map(|at| (self.base_width << at) * self.block.expansion())
    }

    /// Returns the side, in px of the image, of one cell of the feature map after each of the four
    /// stages.
    pub fn map_strides(&self) -> [usize; 4] {
        let first = match self.stem {
            StemKind::Standard => 4,
            StemKind::HalfImage => 2,
            StemKind::SmallImage => 1,
        };
        [first, 2 * first, 4 * first, 8 * first]
    }
}
