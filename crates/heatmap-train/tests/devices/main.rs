//! The same numbers on every device that this build and this machine have. Where there is no
//! adapter, the reason is printed past the harness, which keeps what passing tests print to itself;
//! and a device that `HEATMAP_DEVICES` names, separated by commas, must be there.

mod half_precision;
mod shapes;

use std::io::Write;
use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Distribution, FloatDType, Tensor, TensorData, Tolerance};
use burn::train::train::MultiDevicesTrainStep;
use burn::train::{InferenceStep, TrainStep};
use heatmap_core::synth::Preset;
use heatmap_models::{
    Backbone, CountEncoding, Encoder, ModelName, ProjectionHeadConfig, ResNet, ResNetConfig,
};
use heatmap_train::DeviceName;
use heatmap_train::data::{ImageConfig, PairBatch, PairLoader, PairSampler, SampleBatch, Share};
use heatmap_train::loss::{ContrastiveLossConfig, NtXentConfig, SupConConfig};
use heatmap_train::run::{CountConfig, FineTuneConfig, LocationConfig, LocationLossName};
use heatmap_train::task::{Count, Location, SimClr, SimClrOptions};

/// Devices beside the reference, by name.
fn others() -> Vec<(DeviceName, Device)> {
    let needed = std::env::var("HEATMAP_DEVICES").unwrap_or_default();
    let open = |name: DeviceName| match name.open() {
        Ok(device) => Some((name, device)),
        Err(error) => {
            assert!(
                !needed.split(',').any(|needed| needed == name.to_string()),
                "HEATMAP_DEVICES={needed}: {error}"
            );
            tell(&format!("skipped: {error}"));
            None
        }
    };
    [DeviceName::Wgpu, DeviceName::Ndarray].into_iter().filter_map(open).collect()
}

fn tell(line: &str) {
    _ = writeln!(std::io::stderr(), "{line}");
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

/// SimCLR with a small encoder, on the reference.
fn task(seed: u64) -> SimClr<ResNet> {
    let reference = Device::flex();
    reference.seed(seed);
    let encoder = ResNetConfig::resnet18().with_in_channels(1).init(&reference);
    let projection = ProjectionHeadConfig::new(encoder.feature_dim()).init(&reference);
    SimClr::new(encoder, projection, ContrastiveLossConfig::default().init()).materialize()
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
        tell(&format!("{name}: comparing {:?} features", features.shape()));
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
        other_gradient
            .assert_approx_eq::<f32>(&gradient, Tolerance::relative(1e-3).set_absolute(1e-5));
    }
}

#[test]
fn a_training_step_gives_the_same_loss_and_running_statistics() {
    let reference = Device::flex();
    let task = task(5);
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
        let image = FineTuneConfig::published_recipe("location-report").image;
        SampleBatch {
            images: image
                .batch(samples.iter().map(|sample| &sample.heatmap), device)
                .expect("heatmaps fit"),
            classes: samples.iter().map(|sample| sample.class).collect(),
            centres: samples.into_iter().map(|sample| sample.centres).collect(),
        }
    };
    let fine_tune = FineTuneConfig {
        architecture: ModelName::RESNET_18,
        ..FineTuneConfig::published_recipe("location-report")
    };
    // Made once: other tests draw from the same stream of random numbers meanwhile.
    let counts: Vec<_> = CountEncoding::ALL
        .iter()
        .map(|&loss| {
            let config = CountConfig {
                fine_tune: fine_tune.clone(),
                loss,
                ..CountConfig::published_recipe()
            };
            config.task(&reference).expect("a task")
        })
        .collect();
    let locations = [LocationLossName::Set, LocationLossName::Chamfer].map(|loss| {
        let config = LocationConfig {
            fine_tune: fine_tune.clone(),
            loss,
            ..LocationConfig::published_recipe()
        };
        config.task(&reference).expect("a task")
    });
    // The loss of a batch by each way to learn, on a device.
    let run = |device: &Device| -> Vec<f64> {
        let count = |task: &Count<Backbone>| {
            InferenceStep::step(&task.clone().to_device(device), batch(device)).loss
        };
        let locate = |task: &Location<Backbone>| {
            InferenceStep::step(&task.clone().to_device(device), batch(device)).loss
        };
        counts.iter().map(count).chain(locations.iter().map(locate)).collect()
    };
    let expected = run(&reference);
    for (name, device) in others() {
        for (got, want) in run(&device).into_iter().zip(&expected) {
            assert!((got - want).abs() < 2e-3 * want.abs(), "{name}: {got} is not {want}");
        }
    }
}

/// All gradients in the order of the parameters.
fn flat<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<f64> {
    struct All<'a>(&'a GradientsParams, Vec<f64>);
    impl ModuleVisitor for All<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                assert_eq!(gradient.dtype(), FloatDType::F32.into(), "parameters stay f32");
                self.1.extend(gradient.into_data().convert::<f64>().iter::<f64>());
            }
        }
    }
    let mut all = All(gradients, Vec::new());
    module.visit(&mut all);
    all.1
}

/// The workers of burn-train, on one adapter each where there are several; Mesa's driver is one.
#[test]
fn two_workers_learn_what_one_learns_in_chunks() {
    let task = task(8);
    for (name, device) in others() {
        let devices = name.open_many(2).unwrap_or_else(|reason| {
            tell(&format!("both workers on one device: {reason}"));
            vec![device.clone(); 2]
        });
        let devices: Vec<Device> = devices.into_iter().map(Device::autodiff).collect();
        let loader = |device: &Device, share: Share| {
            let preset = Arc::new(Preset::named("simclr-report").expect("a preset"));
            let sampler = PairSampler::new(preset, 1, 4).expect("four classes");
            PairLoader::new(sampler, ImageConfig::default(), device.clone(), 0..1)
                .with_share(share)
                .expect("a share")
        };
        let with = |options: SimClrOptions| {
            task.clone().to_device(&devices[0].clone().inner()).train().with_options(options)
        };
        let one = with(SimClrOptions { chunk: Some(2), ..SimClrOptions::default() });
        let whole =
            loader(&devices[0], Share::WHOLE).iter().next().expect("a batch").expect("heatmaps");
        let expected = TrainStep::step(&one, whole);
        let two = with(SimClrOptions { devices: 2, ..SimClrOptions::default() });
        let loaders = [0, 1].map(|rank| loader(&devices[rank], Share { rank, of: 2 }));
        let mut batches: Vec<_> = loaders.iter().map(DataLoader::iter).collect();
        let (outputs, _) =
            MultiDevicesTrainStep::new(&devices).step(&mut batches, &two).expect("a step");
        let mut sum = GradientsAccumulator::new();
        for output in outputs {
            let loss = output.output.item.loss;
            assert!(
                (loss - expected.item.loss).abs() < 1e-4 * loss,
                "{name}: {loss} is not {}",
                expected.item.loss
            );
            sum.accumulate(&two, output.output.grads.to_device(&devices[0], &two));
        }
        let off = distance(&flat(&two, &sum.grads()), &flat(&one, &expected.grads));
        tell(&format!("{name}: gradient off by {off:.1e}"));
        assert!(off < 1e-3, "{name}: {off}");
    }
}

/// How far apart two vectors are, in lengths of the second.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let length = |squares: f64| squares.sqrt();
    length(a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum())
        / length(b.iter().map(|b| b * b).sum())
}
