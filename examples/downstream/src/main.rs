//! A crate outside the workspace: features of a ResNet-50, and a network of its own that learns
//! from heatmaps of its own.

mod small_network;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use heatmap_core::synth::Preset;
use heatmap_models::burn::tensor::{Device, Tensor};
use heatmap_models::{Encoder, ResNetConfig};
use heatmap_train::data::OwnSamples;
use heatmap_train::run::{RunConfig, RunFolder, SimClrConfig, train_simclr_of};
use small_network::SmallNetwork;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex();
    let encoder = ResNetConfig::resnet50().init(&device);
    let features = encoder.forward_features(Tensor::zeros([2, 3, 64, 64], &device));
    assert_eq!(features.dims(), [2, encoder.feature_dim()]);
    println!("two images, {} features each", encoder.feature_dim());

    // Any heatmaps with labels: here those of a generator.
    let mut config = SimClrConfig::published_recipe();
    config.training.batches = 100;
    let preset = Preset::named("simclr-report")?;
    let heatmap =
        |at: u64| (preset.sample_of_class(1, (at % 8) as usize, at).heatmap, (at % 8) as usize);
    let names = (1..=8).map(|count| format!("{count} clusters")).collect();
    let (heatmaps, seed) = ((0..800).map(heatmap).collect(), config.training.seed);
    let source = OwnSamples::of_heatmaps("own", names, heatmaps, seed)?;
    let (folder, _) = RunFolder::create(Path::new("runs/own-encoder"), &config)?;
    let outcome = train_simclr_of(
        &config,
        SmallNetwork::init(&device),
        Arc::new(source),
        &folder,
        &[device],
        &config.training_options(None),
    )?;
    println!("{} images in {:.0} s", outcome.stats.images, outcome.stats.seconds);
    Ok(())
}
