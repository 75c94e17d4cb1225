//! Features of two images from a ResNet-50, in a crate that knows of nothing but `heatmap-models`.

use heatmap_models::burn::tensor::{Device, Tensor};
use heatmap_models::{Encoder, ResNetConfig};

fn main() {
    let device = Device::flex();
    let encoder = ResNetConfig::resnet50().init(&device);
    let features = encoder.forward_features(Tensor::zeros([2, 3, 64, 64], &device));
    assert_eq!(features.dims(), [2, encoder.feature_dim()]);
    println!("two images, {} features each", encoder.feature_dim());
}
