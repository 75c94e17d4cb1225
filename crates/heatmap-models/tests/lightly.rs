//! A checkpoint of a recipe of lightly: the backbone is taken, and the heads beside it are named.

mod common;

use burn::tensor::Device;
use common::{assert_close, open, tensor};
use heatmap_models::weights::TensorChoice;
use heatmap_models::{Encoder, Error, LoadOptions, Pretrained, ResNet, ResNetConfig, WeightLayout};
use heatmap_models::{TensorFile, weights::LoadReport};

fn load(file: &TensorFile, options: &LoadOptions) -> Result<(ResNet, LoadReport), Error> {
    ResNetConfig::of(file)?.init(&Device::flex()).load_weights(file, options)
}

#[test]
fn what_is_left_over_is_named_as_the_option_takes_it() {
    let error = load(&open("lightly.ckpt"), &LoadOptions::new()).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "To leave the unused ones out: --ignore-weights prediction_head. \
             --ignore-weights projection_head."
        ),
        "{error}"
    );
    let Error::Mismatch { mismatch, .. } = error else { panic!("{error}") };
    assert_eq!(mismatch.beginnings, ["prediction_head.", "projection_head."]);
    assert!(mismatch.missing.is_empty() && mismatch.misshaped.is_empty());

    // What the error names is enough, for a program and for a library.
    let options = mismatch
        .beginnings
        .iter()
        .fold(LoadOptions::new(), |options, beginning| options.ignoring(beginning.as_str()));
    let (_, report) = load(&open("lightly.ckpt"), &options).expect("it fits");
    assert!(
        report.left_out.iter().any(|key| key.ends_with("prediction_head.layers.0.weight")),
        "{report:?}"
    );
    let choice = TensorChoice { ignore_weights: mismatch.beginnings, ..TensorChoice::default() };
    load(&choice.apply(open("lightly.ckpt")).unwrap(), &LoadOptions::new()).expect("it fits");
}

#[test]
fn the_backbone_gives_the_features_of_the_original() {
    let device = Device::flex();
    let file = open("lightly.ckpt").under("backbone.").expect("without its container");
    let (network, report) = load(&file, &LoadOptions::new()).expect("it fits");
    assert_eq!(
        (report.layout, &report.prefix[..]),
        (WeightLayout::Sequential, "state_dict.backbone.")
    );
    let expected = open("lightly-expected.safetensors");
    let features = network.forward_features(tensor(&expected, "images", &device));
    assert_close(features, &expected, "features", 1e-5);
}
