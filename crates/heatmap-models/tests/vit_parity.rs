//! Vision transformers against timm, torchvision and transformers, from every file that they write.

mod common;

use burn::module::Module;
use burn::tensor::Device;
use common::{assert_close, assert_values, devices, gradients, open, saved, tensor};
use heatmap_models::{
    Encoder, LoadOptions, Pooling, Pretrained, TensorFile, Vit, VitConfig, WeightLayout,
};

/// Differences are rounding.
const TOLERANCE: f32 = 1e-5;

/// The file, who wrote it, and in which layout.
const FILES: [(&str, &str, WeightLayout); 4] = [
    ("vit-hugging-face.safetensors", "hugging_face", WeightLayout::HuggingFace),
    ("vit-hugging-face-memory.bin", "hugging_face", WeightLayout::HuggingFaceMemory),
    ("vit-timm.safetensors", "timm", WeightLayout::Timm),
    ("vit-torchvision.pth", "torchvision", WeightLayout::Torchvision),
];

/// The fixtures are 16 wide and have 2 heads, which a file does not tell.
fn config(file: &TensorFile) -> VitConfig {
    let config = VitConfig::of(file).expect("a ViT");
    VitConfig { num_heads: 2, ..config }
}

fn load(file: &TensorFile, device: &Device) -> Vit {
    config(file).init(device).load_weights(file, &LoadOptions::new()).expect("it fits").0
}

#[test]
fn every_layout_gives_the_outputs_of_the_original() {
    for (name, device) in devices() {
        let expected = open("vit-expected.safetensors");
        let images = || tensor::<4>(&expected, "images", &device);
        for (file, original, layout) in FILES {
            let file = open(file);
            let (network, report) = config(&file)
                .init(&device)
                .load_weights(&file, &LoadOptions::new())
                .expect("it fits");
            assert_eq!(report.layout, layout);
            assert_close(
                network.forward(images()),
                &expected,
                &format!("{original}.logits"),
                TOLERANCE,
            );
            if original != "torchvision" {
                assert_close(
                    network.forward_tokens(images()),
                    &expected,
                    &format!("{original}.tokens"),
                    TOLERANCE,
                );
            }
            eprintln!("{name}, {layout}: as the original");
        }
    }
}

#[test]
fn maps_interpolated_positions_means_and_the_pooler_are_those_of_the_original() {
    for (_, device) in devices() {
        let expected = open("vit-expected.safetensors");
        let images = || tensor::<4>(&expected, "images", &device);
        let network = load(&open("vit-hugging-face.safetensors"), &device);
        for (at, map) in network.forward_attention(images()).into_iter().enumerate() {
            assert_close(map, &expected, &format!("attention.{at}"), TOLERANCE);
        }
        let wide = network.forward_tokens(tensor(&expected, "wide_images", &device));
        assert_close(wide, &expected, "wide_tokens", TOLERANCE);

        let file = open("vit-timm.safetensors");
        let mean = config(&file).with_pooling(Pooling::Mean).init(&device);
        let (mean, _) = mean.load_weights(&file, &LoadOptions::new()).unwrap();
        assert_close(mean.forward_features(images()), &expected, "mean_features", TOLERANCE);

        let pooled = load(&open("vit-hugging-face-pooler.safetensors"), &device);
        assert_close(pooled.forward_pooled(images()), &expected, "pooled", TOLERANCE);
    }
}

#[test]
fn gradients_of_every_parameter_are_those_of_the_original() {
    for (name, device) in devices() {
        let device = device.autodiff();
        let expected = open("vit-expected.safetensors");
        let network = load(&open("vit-timm.safetensors"), &device);
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
        eprintln!("{name}: gradients as the original's");
    }
}

#[test]
fn what_is_saved_is_what_the_original_saved() {
    for (file, _, layout) in FILES {
        let original = open(file);
        let ours = saved(&load(&original, &Device::flex()), layout);
        assert_eq!(ours.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        for key in original.keys() {
            assert_eq!(ours.shape(key), original.shape(key), "{key}");
            assert_eq!(ours.read(key).unwrap(), original.read(key).unwrap(), "{key}");
        }
    }
    // A bare encoder has no prefix.
    let original = open("vit-hugging-face-pooler.safetensors");
    let ours = saved(&load(&original, &Device::flex()), WeightLayout::HuggingFace);
    assert_eq!(ours.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
}

#[test]
fn dropout_and_stochastic_depth_act_in_training_only() {
    let device = Device::flex().autodiff();
    let file = open("vit-timm.safetensors");
    let expected = open("vit-expected.safetensors");
    let whole = config(&file);
    for config in [
        whole.clone().with_dropout(0.5),
        whole.clone().with_attention_dropout(0.5),
        whole.clone().with_drop_path(0.5),
    ] {
        let (network, _) = config.init(&device).load_weights(&file, &LoadOptions::new()).unwrap();
        // Two passes drop the same with a probability of 1/16 at most; twenty do not.
        let first = network.forward(tensor(&expected, "images", &device)).into_data();
        let differs =
            |_| network.forward(tensor(&expected, "images", &device)).into_data() != first;
        assert!((0..20).any(differs));
        let logits = network.valid().forward(tensor(&expected, "images", &device.clone().inner()));
        assert_close(logits, &expected, "timm.logits", TOLERANCE);
    }
}
