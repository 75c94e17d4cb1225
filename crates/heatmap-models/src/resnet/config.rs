//! [`ResNetConfig`]: the configuration of every network of the family.

use burn::config::Config;

use crate::stem_kind::StemKind;

/// The kind of residual block that a network is built from.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions (ResNet-18 and 34).
    Basic,
    /// A 1x1, a 3x3 and a 1x1 convolution, the last of which is four times as wide (ResNet-50 and
    /// deeper). The stride is on the 3x3 convolution, as in v1.5.
    Bottleneck,
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
