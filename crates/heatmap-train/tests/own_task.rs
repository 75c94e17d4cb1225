//! A head and a loss of the caller's own, trained on the caller's own data.

#[path = "../../../examples/downstream/src/small_network.rs"]
#[allow(unreachable_pub, reason = "a module of the crate in examples/downstream")]
mod small_network;

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_core::synth::{Preset, Sample};
use heatmap_models::Encoder;
use heatmap_train::data::{OwnSamples, PairBatch, SampleBatch};
use heatmap_train::run::{
    Checkpoints, FineTuneConfig, MetricsLog, RunFolder, SimClrConfig, TrainingConfig,
    TrainingOptions, train_pair_task, train_task,
};
use heatmap_train::task::TaskOutput;
use small_network::SmallNetwork;

/// Heatmaps of 0 to 3 clusters.
fn own() -> OwnSamples {
    let preset = Preset::named("location-separable").expect("a preset");
    let sample = |at: u64| preset.sample_of_class(0, (at % 4) as usize, at);
    let samples: Vec<Sample> = (0..240).map(sample).collect();
    let names = (0..4).map(|count| format!("{count} clusters")).collect();
    OwnSamples::new("own", names, samples, 0).expect("a data set").with_cluster_counts_from(0)
}

/// The number of clusters by least squares: a regression, which the library has not.
#[derive(Module, Debug)]
struct Regression {
    encoder: SmallNetwork,
    head: Linear,
}

impl Regression {
    fn new(device: &Device) -> Self {
        Self { encoder: SmallNetwork::init(device), head: LinearConfig::new(32, 1).init(device) }
    }

    fn forward(&self, batch: SampleBatch) -> (Tensor<1>, TaskOutput) {
        let images = batch.classes.len();
        let said = self.head.forward(self.encoder.forward_features(batch.images));
        let truth: Vec<f32> = batch.classes.iter().map(|&class| class as f32).collect();
        let truth = Tensor::from_data(TensorData::new(truth, [images, 1]), &said.device());
        let error = said - truth;
        let loss: Tensor<1> = (error.clone() * error.clone()).mean();
        let right = error.detach().abs().lower_elem(0.5).float().mean().into_scalar::<f64>();
        let output = TaskOutput { loss: loss.clone().into_scalar(), score: right, images };
        (loss, output)
    }
}

impl TrainStep for Regression {
    type Input = SampleBatch;
    type Output = TaskOutput;

    fn step(&self, batch: SampleBatch) -> TrainOutput<TaskOutput> {
        let (loss, output) = self.forward(batch);
        TrainOutput::new(self, loss.backward(), output)
    }
}

impl InferenceStep for Regression {
    type Input = SampleBatch;
    type Output = TaskOutput;

    fn step(&self, batch: SampleBatch) -> TaskOutput {
        self.forward(batch).1
    }
}

fn losses(folder: &RunFolder) -> Vec<f64> {
    let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
    lines.iter().filter(|line| line.split == "train").map(|line| line.values["loss"]).collect()
}

#[test]
fn a_regression_is_learned_checkpointed_and_resumed() {
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let mut config = FineTuneConfig::published_recipe("count-report");
    config.training = TrainingConfig { batches: 60, checkpoint_every: Some(20), ..config.training };
    config.training.optimizer.learning_rate = 0.01;
    config.batch_size = 16;
    config.evaluation.samples = 32;
    device.seed(3);
    let start = Regression::new(&device.clone().autodiff());
    let run = |name: &str, options: &TrainingOptions| {
        let path = root.path().join(name);
        let folder = match options.resume {
            Some(_) => RunFolder::open(&path).expect("a run"),
            None => RunFolder::create(&path, &config).expect("a run").0,
        };
        let outcome =
            train_task(&config, start.clone(), Arc::new(own()), &folder, &device, options)
                .expect("trained");
        (folder, outcome)
    };
    let (folder, outcome) = run("whole", &config.training_options(None));
    let whole = losses(&folder);
    assert_eq!((outcome.stats.steps, whole.len()), (60, 60));
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&whole[50..]) < 0.6 * mean(&whole[..10]), "{whole:?}");
    // The result is the checkpoint that was best on held-out samples.
    let lines = MetricsLog::read(&folder.file("metrics.jsonl")).expect("a log");
    let scores = lines.iter().filter(|line| line.split == "valid");
    let best = scores.max_by(|a, b| a.values["score"].total_cmp(&b.values["score"]));
    let best = best.expect("a validation").values["score"];
    let chosen =
        lines.iter().find(|line| line.split == "valid" && line.step == outcome.chosen_step);
    assert_eq!(chosen.expect("the chosen one").values["score"], best);

    let (part, _) = run("part", &TrainingOptions { steps: 40, ..config.training_options(None) });
    let (checkpoint, _) = Checkpoints::of(&part).newest_complete().expect("a checkpoint");
    let (part, _) = run("part", &config.training_options(Some(checkpoint)));
    assert_eq!(losses(&part), whole);
}

/// Two images of a class have close features, and others have not: a margin of the distances.
#[derive(Module, Debug)]
struct Margin {
    encoder: SmallNetwork,
}

impl Margin {
    fn forward(&self, batch: PairBatch) -> (Tensor<1>, TaskOutput) {
        let images = batch.images.dims()[0];
        let features = self.encoder.forward_features(batch.images);
        let pairs = images / 2;
        let (one, two) = (features.clone().narrow(0, 0, pairs), features.narrow(0, pairs, pairs));
        let others =
            Tensor::cat(vec![two.clone().narrow(0, 1, pairs - 1), two.clone().narrow(0, 0, 1)], 0);
        let distance = |other: Tensor<2>| {
            let difference = one.clone() - other;
            (difference.clone() * difference).mean_dim(1)
        };
        let (near, far) = (distance(two), distance(others));
        let loss = (near.clone() - far.clone() + 1.0).clamp_min(0.0).mean();
        let score = near.lower(far).float().mean().into_scalar::<f64>();
        (loss.clone(), TaskOutput { loss: loss.into_scalar(), score, images })
    }
}

impl TrainStep for Margin {
    type Input = PairBatch;
    type Output = TaskOutput;

    fn step(&self, batch: PairBatch) -> TrainOutput<TaskOutput> {
        let (loss, output) = self.forward(batch);
        TrainOutput::new(self, loss.backward(), output)
    }
}

impl InferenceStep for Margin {
    type Input = PairBatch;
    type Output = TaskOutput;

    fn step(&self, batch: PairBatch) -> TaskOutput {
        self.forward(batch).1
    }
}

#[test]
fn a_contrastive_loss_of_ones_own_is_learned() {
    let (root, device) = (tempfile::tempdir().expect("a folder"), Device::flex());
    let recipe = SimClrConfig::published_recipe();
    let mut config = SimClrConfig {
        training: TrainingConfig { batches: 30, checkpoint_every: Some(15), ..recipe.training },
        classes_per_batch: 4,
        ..recipe
    };
    config.training.optimizer.learning_rate = 0.01;
    device.seed(3);
    let task = Margin { encoder: SmallNetwork::init(&device.clone().autodiff()) };
    let (folder, _) = RunFolder::create(&root.path().join("run"), &config).expect("a run");
    let options = heatmap_train::run::RunConfig::training_options(&config, None);
    let outcome =
        train_pair_task(&config, task.clone(), Arc::new(own()), &folder, &device, &options)
            .expect("trained");
    assert_eq!(outcome.stats.steps, 30);
    let losses = losses(&folder);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[20..]) < mean(&losses[..10]), "{losses:?}");
    let two = SimClrConfig { devices: 2, ..config };
    let error = train_pair_task(&two, task, Arc::new(own()), &folder, &device, &options);
    let error = error.err().expect("an error").to_string();
    assert!(error.contains("`devices` = 2"), "{error}");
}
