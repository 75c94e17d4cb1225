//! Feature tables: the same for every batch size, what the network itself gives, and nothing
//! half-written.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, Distribution, Tensor};
use heatmap_core::synth::Preset;
use heatmap_core::{Normalization, Upsampling};
use heatmap_models::weights::write_safetensors;
use heatmap_models::{
    Encoder, LoadOptions, ModelName, Pretrained, ResNetConfig, TensorFile, VitConfig, WeightLayout,
};
use heatmap_train::data::PretrainedProtocol;
use heatmap_train::features::{
    Extracted, HeatmapSource, Output, PublishedEncoder, RowFile, Source, TensorSource, extract,
};

/// Weights of a fresh ViT-Ti/16 with a head, for images of 64 px.
fn weights(folder: &Path) -> TensorFile {
    let path = folder.join("vit.safetensors");
    let network =
        VitConfig::tiny(16).with_image_size(64).with_num_classes(Some(3)).init(&Device::flex());
    network.save_weights(&path, WeightLayout::Timm).expect("saved");
    TensorFile::open(path).expect("weights")
}

fn encoder_of(file: &TensorFile) -> PublishedEncoder {
    let name: ModelName = "vit-ti16".parse().expect("a name");
    PublishedEncoder::load(name, file, &Device::flex()).expect("it fits").0
}

fn encoder(folder: &Path) -> PublishedEncoder {
    encoder_of(&weights(folder))
}

fn source(encoder: &PublishedEncoder, count: usize) -> HeatmapSource {
    let protocol = PretrainedProtocol {
        upsampling: Some(Upsampling { clicks: 2_000, sigma_bins: 1.5 }),
        normalization: Normalization::Max,
        image_size: encoder.image_size,
        mean: encoder.mean.clone(),
        std: encoder.std.clone(),
        seed: 1,
    };
    HeatmapSource::synthetic(Preset::named("banners").expect("a preset"), 1, count, protocol)
}

/// All outputs, with so many images in a batch.
fn tables(
    folder: &Path,
    encoder: &PublishedEncoder,
    source: &dyn Source,
    batch_size: usize,
) -> TensorFile {
    let path = folder.join(format!("features-{batch_size}.safetensors"));
    let outputs = [Output::Logits, Output::Features, Output::Tokens];
    let (height, width) = source.image_size();
    let shape =
        |output: &Output| [vec![source.len()], encoder.row_shape(*output, height, width)].concat();
    let named: Vec<_> = outputs.iter().map(|output| (output.to_string(), shape(output))).collect();
    let file = RowFile::safetensors(&path, &named).expect("a file");
    let mut done = 0;
    let each = |images| {
        done += images;
        ControlFlow::Continue(())
    };
    let places = [(0, 0), (0, 1), (0, 2)];
    let ended = extract(
        encoder,
        source,
        &outputs,
        batch_size,
        (vec![file], &places),
        &Device::flex(),
        each,
    );
    assert_eq!((ended.expect("features"), done), (Extracted::All, source.len()));
    TensorFile::open(path).expect("tables")
}

fn assert_close(ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest > 0.0 && difference <= 1e-5 * largest, "{difference} of {largest}");
}

#[test]
fn the_batch_size_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let encoder = encoder(folder.path());
    let source = source(&encoder, 5);
    let whole = tables(folder.path(), &encoder, &source, 5);
    assert_eq!(whole.shape("tokens"), Some(&[5, 17, 192][..]));
    for batch_size in [1, 2, 8] {
        let parts = tables(folder.path(), &encoder, &source, batch_size);
        for output in ["logits", "features", "tokens"] {
            assert_close(&parts.read(output).expect("rows"), &whole.read(output).expect("rows"));
        }
    }
    // Different banners have different features.
    let features = whole.read("features").expect("rows");
    assert!(features[..192].iter().zip(&features[192..384]).any(|(a, b)| (a - b).abs() > 1e-3));
}

#[test]
fn ready_made_images_give_what_the_network_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    let device = Device::flex();
    let images = Tensor::<4>::random([3, 3, 64, 64], Distribution::Normal(0.0, 1.0), &device);
    let path = folder.path().join("images.safetensors");
    let values = images.to_data().try_to_vec::<f32>().expect("f32");
    write_safetensors(&path, &[("images".to_owned(), (vec![3, 3, 64, 64], values))].into())
        .expect("written");

    let file = weights(folder.path());
    let encoder = encoder_of(&file);
    let source = TensorSource::new(TensorFile::open(&path).expect("a file"), 3).expect("images");
    let found = tables(folder.path(), &encoder, &source, 2);
    let network = VitConfig::of(&file).expect("a ViT").init(&device);
    let (network, _) = network.load_weights(&file, &LoadOptions::new()).expect("it fits");
    let values = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().expect("f32");
    assert_close(
        &found.read("features").expect("rows"),
        &values(network.forward_features(images.clone())),
    );
    assert_close(&found.read("logits").expect("rows"), &values(network.forward(images.clone())));
    let tokens = network.forward_tokens(images).into_data().try_to_vec::<f32>().expect("f32");
    assert_close(&found.read("tokens").expect("rows"), &tokens);
}

#[test]
fn images_that_do_not_suit_the_network_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, key: &str, shape: Vec<usize>| {
        let path = folder.path().join(name);
        let values = vec![0.0; shape.iter().product()];
        write_safetensors(&path, &[(key.to_owned(), (shape, values))].into()).expect("written");
        TensorSource::new(TensorFile::open(path).expect("a file"), 3)
    };
    let error = write("a.safetensors", "pictures", vec![1, 3, 8, 8]).unwrap_err().to_string();
    assert!(
        error.ends_with("a.safetensors: no tensor `images`; the file holds pictures"),
        "{error}"
    );
    let error = write("b.safetensors", "images", vec![1, 1, 8, 8]).unwrap_err().to_string();
    assert!(error.contains("[1, 1, 8, 8]; the network takes [n, 3, height, width]"), "{error}");
    let encoder = encoder(folder.path());
    let source = write("c.safetensors", "images", vec![1, 3, 40, 64]).expect("images");
    let (height, width) = source.image_size();
    let error = encoder.check_image_size(height, width).unwrap_err().to_string();
    assert_eq!(error, "`image_size` = 40 x 64: a vit-ti16 takes sides that are multiples of 16 px");
}

#[test]
fn another_network_or_an_output_it_does_not_have_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let device = Device::flex();
    let path = folder.path().join("resnet.safetensors");
    ResNetConfig::resnet18()
        .init(&device)
        .save_weights(&path, WeightLayout::HuggingFace)
        .expect("saved");
    let file = TensorFile::open(&path).expect("weights");
    let load = |name: &str| PublishedEncoder::load(name.parse().expect("a name"), &file, &device);
    let error = load("resnet34").unwrap_err().to_string();
    assert!(
        error.contains(
            "holds a ResNet of Basic blocks with [2, 2, 2, 2] of them, 64 channels at the stem, \
             which is not resnet34"
        ),
        "{error}"
    );
    assert!(load("vit-b16").unwrap_err().to_string().contains("no ViT that we know"));
    let (encoder, _) = load("resnet18").expect("it fits");
    assert_eq!(
        encoder.check(Output::Tokens).unwrap_err().to_string(),
        "`outputs` = tokens: a resnet18 has no tokens"
    );
    assert!(
        encoder.check(Output::Logits).unwrap_err().to_string().contains("no classification head")
    );
}

#[test]
fn a_stopped_extraction_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = tempfile::tempdir().expect("a folder");
    let encoder = encoder(folder.path());
    let source = source(&encoder, 4);
    let file = RowFile::npy(&out.path().join("features.npy"), &[4, 192]).expect("a file");
    let stop = |_| ControlFlow::Break(());
    let outputs = [Output::Features];
    let ended =
        extract(&encoder, &source, &outputs, 2, (vec![file], &[(0, 0)]), &Device::flex(), stop);
    assert_eq!(ended.expect("no error"), Extracted::Stopped);
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 0);
}

#[test]
fn the_shapes_of_a_network_with_registers_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let device = Device::flex();
    let path = folder.path().join("dinov2.safetensors");
    let config = VitConfig { depth: 1, ..VitConfig::small(14) };
    let config = config.with_image_size(28).with_layer_scale(true).with_register_tokens(4);
    config.init(&device).save_weights(&path, WeightLayout::Dinov2).expect("saved");
    let file = TensorFile::open(&path).expect("weights");
    // One block is not the network of that name.
    let name: ModelName = "vit-s14".parse().expect("a name");
    let error = PublishedEncoder::load(name, &file, &device).unwrap_err().to_string();
    assert!(error.contains("with 1 blocks") && error.contains("is not vit-s14"), "{error}");

    let config = VitConfig { depth: 12, ..config };
    config.init(&device).save_weights(&path, WeightLayout::Dinov2).expect("saved");
    let file = TensorFile::open(&path).expect("weights");
    let (encoder, _) = PublishedEncoder::load(name, &file, &device).expect("it fits");
    assert_eq!((encoder.feature_dim(), encoder.in_channels(), encoder.image_size), (384, 3, 28));
    assert_eq!((encoder.token_grid(28, 42), encoder.num_prefix_tokens()), (Some([2, 3]), 5));
    assert_eq!(encoder.num_classes(), None);
    let outputs = [Output::Features, Output::Tokens];
    let shapes = outputs.map(|output| encoder.row_shape(output, 28, 42));
    assert_eq!(shapes, [vec![384], vec![11, 384]]);
    let found = encoder.forward(Tensor::zeros([2, 3, 28, 42], &device), &outputs);
    for (values, shape) in found.iter().zip(shapes) {
        assert_eq!(values.len(), 2 * shape.iter().product::<usize>());
    }
    // DINOv2 saw images as torchvision standardises them.
    assert_eq!(encoder.mean, [0.485, 0.456, 0.406]);
}
