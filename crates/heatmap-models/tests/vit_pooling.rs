//! ViTs that are pooled by their mean, as timm has them, and how the pooling is chosen.

mod common;

use std::path::Path;

use burn::tensor::Device;
use common::{assert_close, assert_values, devices, gradients, open, saved, tensor};
use heatmap_models::weights::TensorChoice;
use heatmap_models::{
    Encoder, LoadOptions, Pooling, Pretrained, TensorFile, Vit, VitConfig, WeightLayout,
};

/// The fixture is 16 wide and has 2 heads, which a file does not tell.
fn config(file: &TensorFile) -> VitConfig {
    VitConfig { num_heads: 2, ..VitConfig::of(file).expect("a ViT") }
}

fn load(file: &TensorFile, device: &Device) -> Vit {
    config(file).init(device).load_weights(file, &LoadOptions::new()).expect("it fits").0
}

#[test]
fn a_file_with_fc_norm_is_pooled_by_the_mean() {
    let expected = open("vit-mean-expected.safetensors");
    let file = open("vit-mean-timm.safetensors");
    assert_eq!((config(&file).pooling, config(&file).fc_norm), (Pooling::Mean, true));
    for (_, device) in devices() {
        let images = || tensor::<4>(&expected, "images", &device);
        let network = load(&file, &device);
        assert_close(network.forward_tokens(images()), &expected, "tokens", 1e-5);
        assert_close(network.forward_features(images()), &expected, "features", 1e-5);
        assert_close(network.forward(images()), &expected, "logits", 1e-5);
        let choice = TensorChoice { pooling: Some(Pooling::Cls), ..TensorChoice::default() };
        let chosen = choice.apply(open("vit-mean-timm.safetensors")).expect("a choice");
        let features = load(&chosen, &device).forward_features(images());
        assert_close(features, &expected, "cls_features", 1e-5);
    }
}

#[test]
fn gradients_of_every_parameter_are_those_of_the_original() {
    let expected = open("vit-mean-expected.safetensors");
    for (_, device) in devices() {
        let device = device.autodiff();
        let network = load(&open("vit-mean-timm.safetensors"), &device);
        let logits = network.forward(tensor(&expected, "images", &device));
        let backward = (logits * tensor(&expected, "loss_weights", &device)).sum().backward();
        let found = saved(&gradients(network, &backward), WeightLayout::Timm);
        let named: Vec<&str> =
            expected.keys().filter_map(|key| key.strip_prefix("gradient.")).collect();
        assert_eq!(named, found.keys().collect::<Vec<_>>());
        for key in named {
            let theirs = expected.read(&format!("gradient.{key}")).unwrap();
            assert_values(&found.read(key).unwrap(), &theirs, key, 1e-4);
        }
    }
}

#[test]
fn the_files_beside_the_weights_say_the_pooling() {
    let folder = tempfile::tempdir().expect("a folder");
    let weights = folder.path().join("model.safetensors");
    std::fs::copy(common::path("vit-timm.safetensors"), &weights).expect("copied");
    let pooling_of = |path: &Path, choice: Option<Pooling>| {
        let choice = TensorChoice { pooling: choice, ..TensorChoice::default() };
        config(&choice.apply(TensorFile::open(path).expect("weights")).expect("a choice")).pooling
    };
    assert_eq!(pooling_of(&weights, None), Pooling::Cls);
    for (said, pooling) in [("avg", Pooling::Mean), ("token", Pooling::Cls)] {
        let text = format!("{{\"global_pool\": \"{said}\"}}");
        std::fs::write(folder.path().join("config.json"), text).expect("written");
        assert_eq!(pooling_of(folder.path(), None), pooling);
    }
    assert_eq!(pooling_of(&weights, Some(Pooling::Mean)), Pooling::Mean);
    let error = "max".parse::<Pooling>().unwrap_err().to_string();
    assert!(error.starts_with("pooling `max`: ") && error.contains("mean"), "{error}");
}

#[test]
fn other_layouts_have_no_place_for_fc_norm() {
    let network = load(&open("vit-mean-timm.safetensors"), &Device::flex());
    let folder = tempfile::tempdir().expect("a folder");
    for layout in [WeightLayout::HuggingFace, WeightLayout::Torchvision, WeightLayout::Dinov2] {
        let error = network.save_weights(folder.path().join("a"), layout).unwrap_err().to_string();
        assert!(error.contains("has no name for `fc_norm."), "{error}");
    }
}
