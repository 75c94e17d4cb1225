//! Residual networks against torchvision and transformers, from every file that they write.

mod common;

use burn::module::Module;
use burn::tensor::Device;
use common::{assert_close, assert_values, devices, gradients, open, saved, tensor};
use heatmap_models::{
    Encoder, LoadOptions, Pretrained, ResNet, ResNetConfig, TensorFile, WeightLayout,
};

/// Differences are rounding: 20 layers of f32.
const TOLERANCE: f32 = 1e-5;

fn load(file: &TensorFile, device: &Device) -> ResNet {
    let config = ResNetConfig::of(file).expect("a ResNet");
    config.init(device).load_weights(file, &LoadOptions::new()).expect("it fits").0
}

#[test]
fn every_layout_gives_the_outputs_of_the_original() {
    for (name, device) in devices() {
        for kind in ["bottleneck", "basic"] {
            let expected = open(&format!("resnet-{kind}-expected.safetensors"));
            for layout in ["torchvision.safetensors", "hugging-face.safetensors", "training.pth"] {
                let network = load(&open(&format!("resnet-{kind}-{layout}")), &device);
                let stages = network.forward_stages(tensor(&expected, "images", &device));
                assert_close(stages.stem, &expected, "stem", TOLERANCE);
                assert_close(stages.stage1, &expected, "stage1", TOLERANCE);
                assert_close(stages.stage2, &expected, "stage2", TOLERANCE);
                assert_close(stages.stage3, &expected, "stage3", TOLERANCE);
                assert_close(stages.stage4, &expected, "stage4", TOLERANCE);
                let images = || tensor(&expected, "images", &device);
                assert_close(network.forward_features(images()), &expected, "features", TOLERANCE);
                assert_close(network.forward(images()), &expected, "logits", TOLERANCE);
                eprintln!("{name}, {kind}, {layout}: as the original");
            }
        }
    }
}

#[test]
fn a_training_step_gives_the_statistics_and_gradients_of_the_original() {
    for (name, device) in devices() {
        let device = device.autodiff();
        for kind in ["bottleneck", "basic"] {
            let expected = open(&format!("resnet-{kind}-expected.safetensors"));
            let network = load(&open(&format!("resnet-{kind}-torchvision.safetensors")), &device);
            let logits = network.forward(tensor(&expected, "images", &device));
            assert_close(logits.clone(), &expected, "train.logits", 1e-4);
            let backward = (logits * tensor(&expected, "loss_weights", &device)).sum().backward();

            let after = saved(&network.valid(), WeightLayout::Torchvision);
            let found = saved(&gradients(network, &backward), WeightLayout::Torchvision);
            let mut compared = 0;
            for key in expected.keys() {
                let compare = |ours: &TensorFile, name: &str, tolerance| {
                    let (ours, theirs) =
                        (ours.read(name).expect("ours"), expected.read(key).expect("theirs"));
                    assert_values(&ours, &theirs, key, tolerance);
                };
                if let Some(name) = key.strip_prefix("after.") {
                    compare(&after, name, 1e-5);
                    compared += 1;
                } else if let Some(name) = key.strip_prefix("gradient.") {
                    // Behind a batch normalisation over a handful of values, rounding is amplified.
                    compare(&found, name, 5e-4);
                    compared += 1;
                }
            }
            eprintln!("{name}, {kind}: {compared} tensors as the original's");
            // 72 parameters and statistics in the shallower network, 102 in the deeper.
            assert_eq!(compared, if kind == "basic" { 72 } else { 102 });
        }
    }
}

#[test]
fn what_is_saved_is_what_the_original_saved() {
    for (kind, layout, file) in [
        ("bottleneck", WeightLayout::Torchvision, "torchvision"),
        ("bottleneck", WeightLayout::HuggingFace, "hugging-face"),
        ("basic", WeightLayout::Torchvision, "torchvision"),
        ("basic", WeightLayout::HuggingFace, "hugging-face"),
    ] {
        let original = open(&format!("resnet-{kind}-{file}.safetensors"));
        let ours = saved(&load(&original, &Device::flex()), layout);
        assert_eq!(ours.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        for key in original.keys().filter(|key| !key.ends_with("num_batches_tracked")) {
            assert_eq!(ours.shape(key), original.shape(key), "{key}");
            assert_eq!(ours.read(key).unwrap(), original.read(key).unwrap(), "{key}");
        }
    }
}

#[test]
fn a_backbone_kept_as_a_sequence_loads() {
    let original = open("resnet-bottleneck-torchvision.safetensors");
    let config = ResNetConfig::of(&original).unwrap().with_num_classes(None);
    let (network, _) = config
        .init(&Device::flex())
        .load_weights(&original, &LoadOptions::new().without_head())
        .unwrap();
    let sequence = saved(&network, WeightLayout::Sequential);
    assert!(
        sequence.shape("7.0.conv3.weight").is_some() && sequence.shape("1.running_var").is_some()
    );
    let expected = open("resnet-bottleneck-expected.safetensors");
    let network = load(&sequence, &Device::flex());
    let features = network.forward_features(tensor(&expected, "images", &Device::flex()));
    assert_close(features, &expected, "features", TOLERANCE);
}

#[test]
fn a_grey_stem_sees_a_grey_image_as_the_coloured_stem_does() {
    let device = Device::flex();
    let file = open("resnet-bottleneck-torchvision.safetensors");
    let coloured = load(&file, &device);
    let grey = ResNetConfig::of(&file).unwrap().with_in_channels(1).init(&device);
    let (grey, report) = grey.load_weights(&file, &LoadOptions::new().grey_stem()).unwrap();
    assert!(report.grey_stem);
    let image = tensor::<4>(&open("resnet-bottleneck-expected.safetensors"), "images", &device)
        .narrow(1, 0, 1);
    let expected =
        coloured.forward(image.clone().repeat_dim(1, 3)).into_data().try_to_vec::<f32>().unwrap();
    let ours = grey.forward(image).into_data().try_to_vec::<f32>().unwrap();
    assert_values(&ours, &expected, "logits", TOLERANCE);
}
