//! [`ResNet`]: a stem, four stages, the mean over the image, and an optional linear head.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::config::ResNetConfig;
use super::stage::Stage;
use super::stem::Stem;
use crate::ops::{Activations, linear};
use crate::{Encoder, FeaturesAndMaps};

/// A residual network, which [`ResNetConfig::init`] makes.
///
/// Loading weights of torchvision, timm or transformers, and computing the features of grey images:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use heatmap_models::{Encoder, LoadOptions, Pretrained, ResNetConfig, TensorFile};
///
/// # let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
/// # let path = format!("{fixtures}/resnet-bottleneck-torchvision.safetensors");
/// let device = Device::flex();
/// let file = TensorFile::open(path)?; // resnet50-11ad3fa6.pth, model.safetensors, ...
/// let config = ResNetConfig::of(&file)?.with_in_channels(1).with_num_classes(None);
/// let options = LoadOptions::new().grey_stem().without_head();
/// let (network, report) = config.init(&device).load_weights(&file, &options)?;
/// // 100 tensors in the torchvision layout, colours added to grey; left out: fc.bias, fc.weight
/// println!("{report}");
/// let features = network.forward_features(Tensor::zeros([2, 1, 64, 64], &device));
/// assert_eq!(features.dims(), [2, config.feature_dim()]);
/// # assert_eq!(report.loaded.len(), 100);
/// # Ok::<(), heatmap_models::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct ResNet {
    pub(super) stem: Stem,
    pub(super) stages: Vec<Stage>,
    pub(super) head: Option<Linear>,
    #[module(skip)]
    pub(super) map_channels: [usize; 4],
    #[module(skip)]
    pub(super) map_strides: [usize; 4],
    #[module(skip)]
    pub(super) in_channels: usize,
    /// The number of leading parts that are frozen: 1 for the stem, 2 with the first stage, and so
    /// on.
    #[module(skip)]
    pub(super) frozen: usize,
}

/// The activations after every part of a [`ResNet`], from large and narrow to small and wide. The
/// shapes below are those of the standard stem and a Bottleneck network.
#[derive(Debug, Clone)]
pub struct StageOutputs {
    /// After the stem: `[batch, 64, height / 4, width / 4]`.
    pub stem: Tensor<4>,
    /// After the first stage: `[batch, 256, height / 4, width / 4]`.
    pub stage1: Tensor<4>,
    /// After the second stage: `[batch, 512, height / 8, width / 8]`.
    pub stage2: Tensor<4>,
    /// After the third stage: `[batch, 1024, height / 16, width / 16]`.
    pub stage3: Tensor<4>,
    /// After the fourth stage: `[batch, 2048, height / 32, width / 32]`.
    pub stage4: Tensor<4>,
}

impl ResNetConfig {
    /// Makes a network with fresh parameters. Convolutions are Kaiming normal by fan-out, as in
    /// torchvision.
    ///
    /// # Panics
    /// When a stage has no blocks, or `in_channels`, `base_width` or `num_classes` is 0.
    pub fn init(&self, device: &Device) -> ResNet {
        assert!(self.in_channels > 0, "in_channels must be positive");
        assert!(self.base_width > 0, "base_width must be positive");
        assert!(self.num_classes != Some(0), "num_classes must be positive");
        assert!(
            !self.depths.contains(&0),
            "every stage needs a block, got depths {:?}",
            self.depths
        );
        let [first, second, third, _] = self.map_channels();
        let in_channels = [self.base_width, first, second, third].into_iter().enumerate();
        let stages =
            in_channels.map(|(at, in_channels)| Stage::init(self, at, in_channels, device));
        ResNet {
            stages: stages.collect(),
            stem: Stem::init(self.stem, [self.in_channels, self.base_width], device),
            head: self
                .num_classes
                .map(|classes| LinearConfig::new(self.feature_dim(), classes).init(device)),
            map_channels: self.map_channels(),
            map_strides: self.map_strides(),
            in_channels: self.in_channels,
            frozen: 0,
        }
    }
}

impl ResNet {
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

    /// Computes the activations after the stem and after every stage.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    pub fn forward_stages(&self, images: Tensor<4>) -> StageOutputs {
        let [first, second, third, fourth] = &self.stages[..] else {
            unreachable!("a network has four stages")
        };
        self.check_channels(&images);
        let stem = self.stem.forward(Activations::new(images));
        let stage1 = first.forward(stem.clone());
        let stage2 = second.forward(stage1.clone());
        let stage3 = third.forward(stage2.clone());
        let stage4 = fourth.forward(stage3.clone());
        let [stem, stage1, stage2, stage3, stage4] =
            [stem, stage1, stage2, stage3, stage4].map(Activations::into_tensor);
        StageOutputs { stem, stage1, stage2, stage3, stage4 }
    }

    /// Freezes the first `parts` of the network's five parts, which are the stem and the four
    /// stages: they get no gradients, and their batch normalisation uses its running statistics
    /// without updating them. The other parts are left as they are.
    ///
    /// # Panics
    /// When `parts` is larger than the number of parts.
    pub fn freeze_leading(mut self, parts: usize) -> Self {
        let most = 1 + self.stages.len();
        assert!(parts <= most, "a ResNet has {most} parts to freeze, not {parts}");
        if parts == 0 {
            return self;
        }
        self.stem = self.stem.freeze();
        let stages = self.stages.into_iter().enumerate();
        self.stages =
            stages.map(|(at, stage)| if at + 1 < parts { stage.freeze() } else { stage }).collect();
        self.frozen = self.frozen.max(parts);
        self
    }

    /// Computes the activations after the last stage, and passes those after every stage to `each`.
    fn through_stages(&self, images: Tensor<4>, mut each: impl FnMut(&Activations)) -> Activations {
        // Nothing in the frozen parts needs a gradient, so they run in evaluation mode and record
        // nothing for the backward pass.
        let frozen = if images.device().is_autodiff() { self.frozen } else { 0 };
        self.check_channels(&images);
        let images = Activations::new(images);
        let mut image = if frozen > 0 {
            images.without_trace(|x| self.stem.valid().forward(x))
        } else {
            self.stem.forward(images)
        };
        for (at, stage) in self.stages.iter().enumerate() {
            image = if at + 1 < frozen {
                image.without_trace(|x| stage.valid().forward(x))
            } else {
                stage.forward(image)
            };
            each(&image);
        }
        image
    }

    fn check_channels(&self, images: &Tensor<4>) {
        let channels = images.dims()[1];
        assert_eq!(
            channels, self.in_channels,
            "images have {channels} channels, the network {}",
            self.in_channels
        );
    }
}

impl Encoder for ResNet {
    /// Computes the mean of the last stage's activations over the image.
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        self.through_stages(images, |_| ()).mean()
    }

    /// Computes the mean of the last stage's activations, and the feature maps after all four
    /// stages.
    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps {
        let mut maps = Vec::with_capacity(self.stages.len());
        let last = self.through_stages(images, |image| maps.push(image.clone().into_tensor()));
        FeaturesAndMaps { features: last.mean(), maps }
    }

    fn feature_dim(&self) -> usize {
        self.map_channels[3]
    }

    fn map_channels(&self) -> Vec<usize> {
        self.map_channels.to_vec()
    }

    fn map_strides(&self) -> Vec<usize> {
        self.map_strides.to_vec()
    }

    fn in_channels(&self) -> usize {
        self.in_channels
    }
}
