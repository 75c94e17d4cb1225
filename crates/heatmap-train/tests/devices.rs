//! The same numbers on every device that this build and this machine have. Where there is no adapter, the reason is printed.

#![allow(clippy::print_stderr, reason = "a skipped device says why")]

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor, TensorData, Tolerance};
use burn::train::{InferenceStep, TrainStep};
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, CountEncoding, Encoder, ModelName, ProjectionHeadConfig, ResNetConfig};
use heatmap_train::DeviceName;
use heatmap_train::data::{ImageConfig, PairBatch, PairSampler, SampleBatch, Share};
use heatmap_train::loss::{ContrastiveLossConfig, NtXentConfig, SupConConfig};
use heatmap_train::run::{CountConfig, FineTuneConfig, LocationConfig, LocationLossName};
use heatmap_train::task::{Count, Location, SimClr};

/// Devices beside the reference, by name.
fn others() -> Vec<(DeviceName, Device)> {
    let open = |name: DeviceName| match name.open() {
        Ok(device) => Some((name, device)),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    };
    [DeviceName::Wgpu, DeviceName::Ndarray].into_iter().filter_map(open).collect()
}

fn batch(device: &Device) -> PairBatch {
    let preset = Arc::new(Preset::named("simclr-report").expect("a preset"));
    let pairs = PairSampler::new(preset, 1, 3).expect("three classes").pairs(0);
    let views = (0..2).flat_map(|view| pairs.iter().map(move |pair| &pair.views[view]));
    PairBatch {
        images: ImageConfig::default().batch(views, device).expect("heatmaps fit"),
        labels: pairs.iter().map(|pair| pair.label).collect(),
        share: Share::WHOLE,
    }
}

fn values(tensor: Tensor<2>) -> TensorData {
    tensor.into_data().convert::<f32>()
}

#[test]
fn features_agree() {
    let reference = Device::flex();
    reference.seed(4);
    let encoder = ResNetConfig::resnet50().with_in_channels(1).init(&reference).materialize();
    let expected = values(encoder.forward_features(batch(&reference).images));
    for (name, device) in others() {
        let moved = encoder.clone().to_device(&device);
        let features = values(moved.forward_features(batch(&device).images));
        eprintln!("{name}: comparing {:?} features", features.shape());
        features.assert_approx_eq::<f32>(&expected, Tolerance::relative(1e-3).set_absolute(1e-3));
    }
}

#[test]
fn contrastive_losses_and_their_gradients_agree() {
    let random = |seed| {
        let device = Device::flex();
        device.seed(seed);
        Tensor::<2>::random([6, 16], Distribution::Normal(0.0, 1.0), &device).into_data()
    };
    let (z0, z1) = (random(1), random(2));
    let run = |device: &Device| {
        let device = device.clone().autodiff();
        let z0 = Tensor::<2>::from_data(z0.clone(), &device).require_grad();
        let z1 = Tensor::<2>::from_data(z1.clone(), &device);
        let nt_xent = NtXentConfig::new().init().forward(z0.clone(), z1.clone());
        let sup_con = SupConConfig::new().init().forward(z0.clone(), z1, &[0, 1, 1, 2, 0, 2]);
        let both = nt_xent + sup_con;
        let gradient = z0.grad(&both.backward()).expect("a gradient");
        (both.into_scalar::<f32>(), values(gradient))
    };
    let (loss, gradient) = run(&Device::flex());
    for (name, device) in others() {
        let (other_loss, other_gradient) = run(&device);
        assert!((loss - other_loss).abs() < 1e-4 * loss, "{name}: {other_loss} is not {loss}");
        other_gradient.assert_approx_eq::<f32>(&gradient, Tolerance::relative(1e-3).set_absolute(1e-5));
    }
}

#[test]
fn a_training_step_gives_the_same_loss_and_running_statistics() {
    let reference = Device::flex();
    reference.seed(5);
    let encoder = ResNetConfig::resnet18().with_in_channels(1).init(&reference);
    let projection = ProjectionHeadConfig::new(encoder.feature_dim()).init(&reference);
    let task = SimClr::new(encoder, projection, ContrastiveLossConfig::default().init()).materialize();
    let run = |device: &Device| {
        let device = device.clone().autodiff();
        let task = task.clone().to_device(&device.clone().inner()).train();
        let trained = TrainStep::step(&task, batch(&device)).item;
        // Evaluation uses the statistics that the training step left.
        let evaluated = InferenceStep::step(&task.valid(), batch(&device.inner()));
        [trained.loss, evaluated.loss]
    };
    let expected = run(&reference);
    for (name, device) in others() {
        for (got, want) in run(&device).into_iter().zip(expected) {
            assert!((got - want).abs() < 2e-3, "{name}: {got} is not {want}");
        }
    }
}

#[test]
fn counting_and_locating_learn_the_same() {
    let reference = Device::flex();
    let batch = |device: &Device| {
        let preset = Preset::named("location-report").expect("a preset");
        let samples: Vec<_> = (0..6).map(|index| preset.sample(3, index)).collect();
        let image = FineTuneConfig::report("location-report").image;
        SampleBatch {
            images: image.batch(samples.iter().map(|sample| &sample.heatmap), device).expect("heatmaps fit"),
            classes: samples.iter().map(|sample| sample.class).collect(),
            centres: samples.into_iter().map(|sample| sample.centres).collect(),
        }
    };
    let training = FineTuneConfig { architecture: ModelName::ResNet(18), ..FineTuneConfig::report("location-report") };
    // Made once: other tests draw from the same stream of random numbers meanwhile.
    let counts = CountEncoding::ALL.map(|loss| {
        let config = CountConfig { training: training.clone(), loss, ..CountConfig::report() };
        config.task(&reference).expect("a task")
    });
    let locations = [LocationLossName::Set, LocationLossName::Chamfer].map(|loss| {
        let config = LocationConfig { training: training.clone(), loss, ..LocationConfig::report() };
        config.task(&reference).expect("a task")
    });
    // The loss of a batch by each way to learn, on a device.
    let run = |device: &Device| -> Vec<f64> {
        let count = |task: &Count<Backbone>| InferenceStep::step(&task.clone().to_device(device), batch(device)).loss;
        let locate =
            |task: &Location<Backbone>| InferenceStep::step(&task.clone().to_device(device), batch(device)).loss;
        counts.iter().map(count).chain(locations.iter().map(locate)).collect()
    };
    let expected = run(&reference);
    for (name, device) in others() {
        for (got, want) in run(&device).into_iter().zip(&expected) {
            assert!((got - want).abs() < 2e-3 * want.abs(), "{name}: {got} is not {want}");
        }
    }
}
