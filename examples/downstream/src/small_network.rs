//! [`SmallNetwork`]: an encoder that the library has never heard of.

use heatmap_models::burn;
use heatmap_models::burn::module::Module;
use heatmap_models::burn::nn::PaddingConfig2d;
use heatmap_models::burn::nn::conv::{Conv2d, Conv2dConfig};
use heatmap_models::burn::tensor::activation::relu;
use heatmap_models::burn::tensor::{Device, Tensor};
use heatmap_models::{Encoder, FeaturesAndMaps};

/// Two convolutions of stride 2: a map of cells of 4 px, whose mean is the feature vector.
#[derive(Module, Debug)]
pub struct SmallNetwork {
    first: Conv2d,
    second: Conv2d,
}

const CHANNELS: [usize; 3] = [1, 16, 32];

impl SmallNetwork {
    /// A network with fresh parameters.
    pub fn init(device: &Device) -> Self {
        let layer = |from: usize| {
            Conv2dConfig::new([CHANNELS[from], CHANNELS[from + 1]], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        Self { first: layer(0), second: layer(1) }
    }
}

impl Encoder for SmallNetwork {
    fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_with_maps(images).features
    }

    fn forward_with_maps(&self, images: Tensor<4>) -> FeaturesAndMaps {
        let map = relu(self.second.forward(relu(self.first.forward(images))));
        let [batch, channels, rows, columns] = map.dims();
        let features = map.clone().reshape([batch, channels, rows * columns]).mean_dim(2);
        FeaturesAndMaps { features: features.squeeze_dim(2), maps: vec![map] }
    }

    fn feature_dim(&self) -> usize {
        CHANNELS[2]
    }

    fn in_channels(&self) -> usize {
        CHANNELS[0]
    }

    fn map_channels(&self) -> Vec<usize> {
        vec![CHANNELS[2]]
    }

    fn map_strides(&self) -> Vec<usize> {
        vec![4]
    }
}
