//! Weights that are loaded, and weights that do not fit: one clear error each, and nothing loaded.

mod common;

use burn::tensor::Device;
use common::{open, saved};
use heatmap_models::weights::Mismatch;
use heatmap_models::{
    Error, LoadOptions, Pretrained, ResNetConfig, TensorFile, Vit, VitConfig, WeightLayout,
};

fn mismatch(error: Error) -> Mismatch {
    match error {
        Error::Mismatch { mismatch, .. } => *mismatch,
        other => panic!("{other}"),
    }
}

fn resnet() -> (TensorFile, ResNetConfig) {
    let file = open("resnet-bottleneck-torchvision.safetensors");
    let config = ResNetConfig::of(&file).expect("a ResNet");
    (file, config)
}

#[test]
fn a_configuration_is_read_off_the_file() {
    let (_, config) = resnet();
    assert_eq!(
        (config.depths, config.base_width, config.in_channels, config.num_classes),
        ([1, 2, 1, 1], 4, 3, Some(5))
    );
    let config = ResNetConfig::of(&open("resnet-basic-hugging-face.safetensors")).unwrap();
    assert_eq!((config.depths, config.feature_dim()), ([1, 2, 1, 1], 32));
    let config = VitConfig::of(&open("vit-hugging-face-pooler.safetensors")).unwrap();
    assert_eq!((config.embed_dim, config.depth, config.mlp_dim, config.patch_size), (16, 2, 24, 4));
    assert_eq!((config.image_size, config.num_classes, config.pooler), (16, None, true));
    assert_eq!(config.layer_norm_eps, 1e-12);
    assert_eq!(VitConfig::of(&open("vit-torchvision.pth")).unwrap().layer_norm_eps, 1e-6);
}

#[test]
fn the_report_says_what_was_loaded() {
    let file = open("resnet-bottleneck-training.pth");
    let network = ResNetConfig::of(&file).unwrap().init(&Device::flex());
    let (_, report) = network.load_weights(&file, &LoadOptions::new()).unwrap();
    assert_eq!(
        (report.layout, &report.prefix[..], report.loaded.len()),
        (WeightLayout::Torchvision, "state_dict.module.", 102)
    );
    assert_eq!(
        report.to_string(),
        "102 tensors in the torchvision layout under `state_dict.module.`"
    );
}

#[test]
fn everything_that_does_not_fit_is_listed() {
    let device = Device::flex();
    let (file, config) = resnet();
    let deeper = ResNetConfig { depths: [2, 1, 1, 1], num_classes: Some(3), ..config };
    let error = deeper.init(&device).load_weights(&file, &LoadOptions::new()).unwrap_err();
    let text = error.to_string();
    let found = mismatch(error);
    // The second block of the first stage is missing, that of the second stage is left over.
    assert_eq!(found.missing.len(), 15);
    assert!(found.missing.iter().all(|key| key.starts_with("layer1.1.")), "{:?}", found.missing);
    assert_eq!(found.unused.len(), 18, "{:?}", found.unused);
    assert!(found.unused.iter().all(|key| key.starts_with("layer2.1.")), "{:?}", found.unused);
    let misshaped: Vec<String> = found.misshaped.iter().map(ToString::to_string).collect();
    assert_eq!(
        misshaped,
        ["fc.weight (file [5, 128], network [3, 128])", "fc.bias (file [5], network [3])"]
    );
    for part in
        ["resnet-bottleneck-torchvision.safetensors: ", "15 missing: layer1.1.", "without_head"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_head_is_left_out_only_when_asked() {
    let device = Device::flex();
    for (name, head) in [("torchvision", "fc."), ("hugging-face", "classifier.1.")] {
        let file = open(&format!("resnet-basic-{name}.safetensors"));
        for num_classes in [None, Some(3)] {
            let config = ResNetConfig::of(&file).unwrap().with_num_classes(num_classes);
            let error = config.init(&device).load_weights(&file, &LoadOptions::new()).unwrap_err();
            assert!(error.to_string().contains("without_head"), "{error}");
            let network = config.init(&device);
            let before = saved(&network, WeightLayout::Torchvision);
            let (network, report) =
                network.load_weights(&file, &LoadOptions::new().without_head()).unwrap();
            assert_eq!(report.left_out, [format!("{head}bias"), format!("{head}weight")]);
            assert_eq!(report.kept.len(), if num_classes.is_some() { 2 } else { 0 });
            if num_classes.is_some() {
                let after = saved(&network, WeightLayout::Torchvision);
                assert_eq!(after.read("fc.weight").unwrap(), before.read("fc.weight").unwrap());
            }
        }
    }
}

#[test]
fn poolers_colours_and_strangers_are_left_out_only_when_asked() {
    let device = Device::flex();
    let file = open("vit-hugging-face-pooler.safetensors");
    let bare = || VitConfig::of(&file).unwrap().with_pooler(false).init(&device);
    assert!(
        bare()
            .load_weights(&file, &LoadOptions::new())
            .unwrap_err()
            .to_string()
            .contains("without_pooler")
    );
    bare().load_weights(&file, &LoadOptions::new().without_pooler()).expect("left out");

    let (file, config) = resnet();
    let grey = || config.clone().with_in_channels(1).init(&device);
    let error = grey().load_weights(&file, &LoadOptions::new()).unwrap_err();
    assert!(error.to_string().contains("grey_stem"), "{error}");
    assert_eq!(mismatch(error).misshaped[0].key, "conv1.weight");
    grey().load_weights(&file, &LoadOptions::new().grey_stem()).expect("added");

    let headless = || config.clone().with_num_classes(None).init(&device);
    assert!(headless().load_weights(&file, &LoadOptions::new()).is_err());
    headless().load_weights(&file, &LoadOptions::new().ignoring("fc.")).expect("ignored");
}

#[test]
fn another_network_is_not_recognised() {
    let (file, _) = resnet();
    let error = VitConfig::of(&file).unwrap_err().to_string();
    assert!(error.contains("no ViT that we know") && error.contains("bn1.bias"), "{error}");
    let error = ResNetConfig::of(&open("vit-timm.safetensors")).unwrap_err().to_string();
    assert!(error.contains("no ResNet that we know") && error.contains("blocks.0.attn"), "{error}");
}

#[test]
fn a_layout_without_a_place_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let network: Vit =
        VitConfig::of(&open("vit-hugging-face-pooler.safetensors")).unwrap().init(&Device::flex());
    let path = folder.path().join("vit.safetensors");
    let error = network.save_weights(&path, WeightLayout::Timm).unwrap_err().to_string();
    assert!(
        error.ends_with("vit.safetensors: the timm layout has no name for `pooler.dense.weight`"),
        "{error}"
    );
    let error = network.save_weights(&path, WeightLayout::Sequential).unwrap_err().to_string();
    assert!(error.contains("hugging-face-memory"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
