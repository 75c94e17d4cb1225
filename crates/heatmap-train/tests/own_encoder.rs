//! An encoder and data that the library has never heard of: trained with SimCLR, counting and
//! locating.

#[path = "../../../examples/downstream/src/small_network.rs"]
#[allow(unreachable_pub, reason = "a module of the crate in examples/downstream")]
mod small_network;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use heatmap_core::synth::{Preset, Sample};
use heatmap_models::Encoder;
use heatmap_train::data::OwnSamples;
use heatmap_train::run::{
    CountConfig, FineTuneConfig, LocationConfig, OnlineEvaluationConfig, RunConfig, RunFolder,
    SimClrConfig, TrainingConfig, train_count_of, train_location_of, train_simclr_of,
};
use small_network::SmallNetwork;

/// Heatmaps of 0 to 3 clusters, as somebody may have drawn or labelled them.
fn own(seed: u64) -> OwnSamples {
    let preset = Preset::named("location-separable").expect("a preset");
    let sample = |at: u64| preset.sample_of_class(seed, (at % 4) as usize, at);
    let samples: Vec<Sample> = (0..240).map(sample).collect();
    let names = (0..4).map(|count| format!("{count} clusters")).collect();
    OwnSamples::new("own", names, samples, seed).expect("a data set").with_cluster_counts_from(0)
}

fn fine_tune(batches: usize) -> FineTuneConfig {
    let mut config = FineTuneConfig::published_recipe("count-report");
    config.training.batches = batches;
    config.training.optimizer.learning_rate = 0.01;
    config.batch_size = 16;
    config.evaluation.samples = 32;
    config
}

#[test]
fn it_trains_with_simclr() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = SimClrConfig::published_recipe();
    let config = SimClrConfig {
        training: TrainingConfig { batches: 12, checkpoint_every: Some(6), ..recipe.training },
        classes_per_batch: 4,
        evaluation: OnlineEvaluationConfig { every: Some(6), samples: 24, ..recipe.evaluation },
        ..recipe
    };
    let device = Device::flex();
    let (run, _) = RunFolder::create(&folder.path().join("run"), &config).expect("a run");
    let options = config.training_options(None);
    let (encoder, source) = (SmallNetwork::init(&device), Arc::new(own(config.training().seed)));
    let outcome =
        train_simclr_of(&config, encoder, source, &run, std::slice::from_ref(&device), &options)
            .expect("trained");
    assert_eq!(outcome.stats.steps, 12);
    let features = outcome.model.encoder().forward_features(Tensor::ones([2, 1, 64, 64], &device));
    assert_eq!(features.dims(), [2, 32]);
    let log = std::fs::read_to_string(run.file("metrics.jsonl")).expect("a log");
    assert!(log.contains("probe_accuracy"), "{log}");
}

#[test]
fn it_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = CountConfig { fine_tune: fine_tune(200), ..CountConfig::published_recipe() };
    let device = Device::flex();
    let (run, _) = RunFolder::create(&folder.path().join("run"), &config).expect("a run");
    let options = config.training_options(None);
    let (encoder, source) = (SmallNetwork::init(&device), Arc::new(own(config.training().seed)));
    let outcome =
        train_count_of(&config, encoder, source, &run, &device, &options).expect("trained");
    assert_eq!(outcome.stats.steps, 200);
    // One guess in four is right by chance; an empty heatmap is easily told from three clusters.
    let log = std::fs::read_to_string(run.file("metrics.jsonl")).expect("a log");
    let accuracy = |line: &str| -> Option<f64> {
        let values: serde_json::Value = serde_json::from_str(line).ok()?;
        values["exact_accuracy"].as_f64().filter(|_| values["split"] == "valid")
    };
    let best = log.lines().filter_map(accuracy).fold(0.0, f64::max);
    assert!(best > 0.5, "{best}");
}

#[test]
fn it_locates() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = LocationConfig { fine_tune: fine_tune(10), ..LocationConfig::published_recipe() };
    let device = Device::flex();
    let (run, _) = RunFolder::create(&folder.path().join("run"), &config).expect("a run");
    let options = config.training_options(None);
    let (encoder, source) = (SmallNetwork::init(&device), Arc::new(own(config.training().seed)));
    let outcome =
        train_location_of(&config, encoder, source, &run, &device, &options).expect("trained");
    assert_eq!(outcome.stats.steps, 10);
}
