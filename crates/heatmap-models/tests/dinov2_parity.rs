//! DINOv2, with registers and without, against timm and transformers, from the files of all three
//! programs.

mod common;

use burn::tensor::{Device, Tensor, TensorData};
use common::{assert_close, assert_values, devices, gradients, open, saved, tensor};
use heatmap_models::{
    BackboneConfig, Encoder, Interpolation, LoadOptions, Pooling, Pretrained, TensorFile, Vit,
    VitConfig, WeightLayout,
};

/// Differences are rounding.
const TOLERANCE: f32 = 1e-5;

/// The endings of the files, who wrote them, and in which layout.
const FILES: [(&str, &str, WeightLayout); 4] = [
    ("original.pth", "original", WeightLayout::Dinov2),
    ("timm.safetensors", "timm", WeightLayout::Timm),
    ("hugging-face.safetensors", "hugging_face", WeightLayout::HuggingFace),
    ("hugging-face-memory.bin", "hugging_face", WeightLayout::HuggingFaceMemory),
];

/// The beginning of the names of the files, and the number of registers.
const NETWORKS: [(&str, usize); 2] = [("dinov2", 0), ("dinov2-registers", 4)];

/// The fixtures are 16 wide and have 2 heads, which a file does not tell.
fn config(file: &TensorFile) -> VitConfig {
    VitConfig { num_heads: 2, ..VitConfig::of(file).expect("a ViT") }
}

fn load(config: &VitConfig, file: &TensorFile, device: &Device) -> Vit {
    config.init(device).load_weights(file, &LoadOptions::new()).expect("it fits").0
}

#[test]
fn a_configuration_is_read_off_every_file() {
    for (name, registers) in NETWORKS {
        for (ending, _, layout) in FILES {
            let file = open(&format!("{name}-{ending}"));
            let config = config(&file);
            assert_eq!((config.patch_size, config.image_size, config.in_channels), (14, 42, 1));
            assert_eq!((config.register_tokens, config.layer_scale), (registers, true));
            assert_eq!(
                (config.num_prefix_tokens(), config.num_tokens()),
                (1 + registers, 10 + registers)
            );
            assert_eq!((config.layer_norm_eps, config.pooling), (1e-6, Pooling::Cls));
            // Only timm keeps the position of the class token in that token, and only with
            // registers.
            assert_eq!(config.class_position, layout != WeightLayout::Timm || registers == 0);
            let (_, report) =
                config.init(&Device::flex()).load_weights(&file, &LoadOptions::new()).unwrap();
            assert_eq!(report.layout, layout, "{name}-{ending}");
            let masks = usize::from(layout != WeightLayout::Timm);
            assert_eq!(report.left_out.len(), masks, "{:?}", report.left_out);
        }
    }
    let interpolation = |name: &str| config(&open(name)).interpolation;
    assert_eq!(interpolation("dinov2-original.pth"), Interpolation::Shifted);
    assert_eq!(interpolation("dinov2-timm.safetensors"), Interpolation::Antialiased);
    assert_eq!(interpolation("dinov2-hugging-face.safetensors"), Interpolation::Bicubic);
    assert_eq!(interpolation("dinov2-registers-original.pth"), Interpolation::Antialiased);
}

#[test]
fn every_layout_gives_the_outputs_of_the_original() {
    for (device_name, device) in devices() {
        for (name, registers) in NETWORKS {
            let expected = open(&format!("{name}-expected.safetensors"));
            let images = || tensor::<4>(&expected, "images", &device);
            for (ending, program, _) in FILES {
                let file = open(&format!("{name}-{ending}"));
                let network = load(&config(&file), &file, &device);
                let tokens = network.forward_tokens(images());
                assert_close(tokens.clone(), &expected, "tokens", TOLERANCE);
                let class: Tensor<2> = tokens.clone().narrow(1, 0, 1).squeeze_dim(1);
                assert_eq!(network.pool(tokens.clone()).into_data(), class.into_data());
                // Positions of another grid.
                let wide = network.forward_tokens(tensor(&expected, "wide_images", &device));
                assert_close(wide, &expected, &format!("{program}.wide_tokens"), TOLERANCE);
                // Neither the mean nor a map has class token and registers in it.
                let mean = config(&file).with_pooling(Pooling::Mean);
                let mean = load(&mean, &file, &device).forward_features(images());
                assert_close(mean, &expected, "mean_features", TOLERANCE);
                let map = network.forward_maps(images()).remove(0);
                let patches = tokens.narrow(1, 1 + registers, 9).swap_dims(1, 2);
                let values = |data: TensorData| data.try_to_vec::<f32>().expect("f32");
                let patches = values(patches.into_data());
                assert_values(&values(map.into_data()), &patches, "map", TOLERANCE);
            }
            eprintln!("{device_name}, {name}: as the originals");
        }
    }
}

#[test]
fn gradients_of_every_parameter_are_those_of_the_original() {
    for (device_name, device) in devices() {
        let device = device.autodiff();
        for (name, _) in NETWORKS {
            let expected = open(&format!("{name}-expected.safetensors"));
            let file = open(&format!("{name}-timm.safetensors"));
            let network = load(&config(&file), &file, &device);
            let tokens = network.forward_tokens(tensor(&expected, "images", &device));
            let backward = (tokens * tensor(&expected, "loss_weights", &device)).sum().backward();
            let found = saved(&gradients(network, &backward), WeightLayout::Timm);
            let named: Vec<&str> =
                expected.keys().filter_map(|key| key.strip_prefix("gradient.")).collect();
            assert_eq!(named, found.keys().collect::<Vec<_>>());
            for key in named {
                let theirs = expected.read(&format!("gradient.{key}")).unwrap();
                assert_values(&found.read(key).unwrap(), &theirs, key, 1e-4);
            }
            eprintln!("{device_name}, {name}: gradients as the original's");
        }
    }
}

#[test]
fn what_is_saved_is_what_the_original_saved() {
    let device = Device::flex();
    for (name, _) in NETWORKS {
        for (ending, _, layout) in FILES {
            let original = open(&format!("{name}-{ending}"));
            let ours = saved(&load(&config(&original), &original, &device), layout);
            assert_eq!(ours.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
            for key in original.keys() {
                assert_eq!(ours.shape(key), original.shape(key), "{key}");
                if key.ends_with("mask_token") {
                    assert!(ours.read(key).unwrap().iter().all(|value| *value == 0.0));
                } else {
                    assert_eq!(ours.read(key).unwrap(), original.read(key).unwrap(), "{key}");
                }
            }
        }
    }
}

#[test]
fn the_programs_read_again_what_they_saved() {
    let device = Device::flex();
    let mut names: Vec<String> = NETWORKS
        .iter()
        .flat_map(|(name, _)| FILES.map(|(ending, ..)| format!("{name}-{ending}")))
        .collect();
    names.extend(
        ["vit-timm", "vit-mean-timm", "vit-hugging-face", "vit-hugging-face-pooler"]
            .map(|name| format!("{name}.safetensors")),
    );
    for name in names {
        let file = open(&name);
        let before = config(&file);
        let network = BackboneConfig::Vit(before.clone()).init(&device);
        let (network, _) = network.load_weights(&file, &LoadOptions::new()).expect("it fits");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("encoder.safetensors");
        network.save_weights(&path, network.layout()).expect("saved");
        let after = config(&TensorFile::open(&path).expect("a file that we wrote"));
        assert_eq!(format!("{after:?}"), format!("{before:?}"), "{name}");
    }
}

#[test]
fn a_layout_without_a_place_for_registers_is_not_used() {
    let file = open("dinov2-registers-timm.safetensors");
    let network = load(&config(&file), &file, &Device::flex());
    let folder = tempfile::tempdir().expect("a folder");
    for (layout, tensor) in [
        (WeightLayout::Dinov2, "position.patches"),
        (WeightLayout::HuggingFace, "position.patches"),
        (WeightLayout::Torchvision, "position.patches"),
    ] {
        let error = network.save_weights(folder.path().join("a"), layout).unwrap_err().to_string();
        assert!(error.ends_with(&format!("has no name for `{tensor}`")), "{error}");
    }
}
