//! Steps in chunks and on several devices against the step in one piece.

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, TensorData};
use burn::train::TrainStep;
use burn::train::train::MultiDevicesTrainStep;
use heatmap_core::synth::{LayoutBanners, Preset};
use heatmap_models::{Backbone, ModelName, ProjectionHeadConfig};

use super::*;
use crate::data::{ImageConfig, PairBatch, PairLoader, PairSampler, Share};
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};

const TEMPERATURE: f64 = 0.3;

fn loss(name: ContrastiveLossName) -> ContrastiveLoss {
    ContrastiveLossConfig { name, temperature: TEMPERATURE, ..Default::default() }.init()
}

fn task(architecture: ModelName, name: ContrastiveLossName, device: &Device) -> SimClr<Backbone> {
    let encoder = architecture.config().with_in_channels(1).with_image_size(64).init(device);
    let projection = ProjectionHeadConfig::new(encoder.feature_dim()).with_out_dim(16).init(device);
    SimClr::new(encoder, projection, loss(name))
        .with_temperature(LearnableTemperature::new(TEMPERATURE, device))
        .materialize()
}

fn loader(device: &Device, share: Share) -> PairLoader {
    let sampler =
        PairSampler::new(Arc::new(Preset::named("simclr-report").unwrap()), 1, 4).unwrap();
    let sampler = sampler.with_pairs_per_class(2).unwrap();
    PairLoader::new(sampler, ImageConfig::default(), device.clone(), 0..1)
        .with_share(share)
        .unwrap()
}

/// Pairs of good banners with two broken ones each.
fn loader_with_negatives(device: &Device, share: Share) -> PairLoader {
    let sampler = PairSampler::new(Arc::new(LayoutBanners::default()), 1, 4).unwrap();
    let sampler = sampler.with_pairs_per_class(2).unwrap().with_negatives(2).unwrap();
    PairLoader::new(sampler, ImageConfig::default(), device.clone(), 0..1)
        .with_share(share)
        .unwrap()
}

fn batch(device: &Device, share: Share) -> PairBatch {
    first(&loader(device, share))
}

fn first(loader: &PairLoader) -> PairBatch {
    use burn::data::dataloader::DataLoader;
    loader.iter().next().unwrap().unwrap()
}

/// All gradients in the order of the parameters.
fn gradients<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<f64> {
    struct All<'a>(&'a GradientsParams, Vec<f64>);
    impl burn::module::ModuleVisitor for All<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1.extend(gradient.into_data().convert::<f64>().iter::<f64>());
            }
        }
    }
    let mut all = All(gradients, Vec::new());
    module.visit(&mut all);
    all.1
}

/// Gradients where batch normalisation uses its running statistics: a network in evaluation mode
/// whose parameters are given gradients again.
struct Tracked;

impl ModuleMapper for Tracked {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        Param::initialized(id, Tensor::from_inner(param.val()).require_grad())
    }
}

fn assert_same(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let worst = got.iter().zip(expected).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= tolerance * scale.max(1.0), "{what}: {worst} of {scale}");
}

#[test]
fn the_gradient_of_chunks_is_that_of_the_batch_when_normalisation_is_in_evaluation_mode() {
    let device = Device::flex().autodiff();
    device.seed(11);
    for &name in ContrastiveLossName::ALL {
        let whole = task(ModelName::RESNET_18, name, &device).valid().map(&mut Tracked);
        let learn = |chunk| {
            let options = SimClrOptions { chunk, ..SimClrOptions::default() };
            let task = whole.clone().with_options(options);
            let output = TrainStep::step(&task, batch(&device, Share::WHOLE));
            (output.item.loss, gradients(&task, &output.grads))
        };
        let (loss, expected) = learn(None);
        assert!(expected.iter().any(|value| value.abs() > 1e-3), "{name}");
        for chunk in [1, 2, 4] {
            let (of_chunks, got) = learn(Some(chunk));
            assert!(
                (of_chunks - loss).abs() < 1e-6 * loss.abs().max(1.0),
                "{name}: {of_chunks}, not {loss}"
            );
            assert_same(&got, &expected, 1e-6, &format!("{name} in chunks of {chunk} pairs"));
        }
    }
}

#[test]
fn chunks_and_devices_take_the_negatives_with_them() {
    let device = Device::flex().autodiff();
    device.seed(15);
    // Each part would be normalised by itself.
    let whole =
        task(ModelName::RESNET_18, ContrastiveLossName::SupCon, &device).valid().map(&mut Tracked);
    let step = |options: SimClrOptions, loader: &PairLoader| {
        let task = whole.clone().with_options(options);
        let output = TrainStep::step(&task, first(loader));
        assert_eq!(output.item.images, 32 / options.devices);
        (output.item.loss, gradients(&task, &output.grads))
    };
    let all = loader_with_negatives(&device, Share::WHOLE);
    assert_eq!(first(&all).images_per_pair(), 4);
    let (loss, expected) = step(SimClrOptions::default(), &all);
    // Without them the loss is another one.
    let mut without = first(&all);
    without.images = without.images.narrow(0, 0, 16);
    assert!(TrainStep::step(&whole, without).item.loss < loss - 0.3);
    let (of_chunks, got) = step(SimClrOptions { chunk: Some(2), ..SimClrOptions::default() }, &all);
    assert!((of_chunks - loss).abs() < 1e-5, "{of_chunks} and {loss}");
    assert_same(&got, &expected, 1e-5, "in chunks");
    let two = whole.with_options(SimClrOptions { devices: 2, ..SimClrOptions::default() });
    let workers = MultiDevicesTrainStep::<SimClr<Backbone>>::new(&[device.clone(), device.clone()]);
    let loaders = [0, 1].map(|rank| loader_with_negatives(&device, Share { rank, of: 2 }));
    let mut batches: Vec<_> =
        loaders.iter().map(burn::data::dataloader::DataLoader::iter).collect();
    let mut sum = burn::optim::GradientsAccumulator::new();
    for output in workers.step(&mut batches, &two).unwrap().0 {
        assert!((output.output.item.loss - loss).abs() < 1e-5);
        sum.accumulate(&two, output.output.grads);
    }
    assert_same(&gradients(&two, &sum.grads()), &expected, 1e-5, "on two devices");
}

/// A step in chunks of a transformer that drops paths, or with dropout.
fn chunked_step_of_a_random_network(dropout: f64, drop_path: f64) {
    let device = Device::flex().autodiff();
    device.seed(16);
    let encoder = heatmap_models::VitConfig::tiny(16)
        .with_in_channels(1)
        .with_image_size(64)
        .with_dropout(dropout)
        .with_drop_path(drop_path)
        .init(&device);
    let projection =
        ProjectionHeadConfig::new(encoder.feature_dim()).with_out_dim(16).init(&device);
    let options = SimClrOptions { chunk: Some(4), ..SimClrOptions::default() };
    let task =
        SimClr::new(encoder, projection, loss(ContrastiveLossName::NtXent)).with_options(options);
    TrainStep::step(&task, batch(&device, Share::WHOLE));
}

#[test]
#[should_panic(expected = "dropout and drop path cannot be trained in chunks")]
fn drop_path_is_refused_in_chunks() {
    chunked_step_of_a_random_network(0.0, 0.5);
}

#[test]
#[should_panic(expected = "dropout and drop path cannot be trained in chunks")]
fn dropout_is_refused_in_chunks() {
    chunked_step_of_a_random_network(0.2, 0.0);
}

#[test]
fn the_same_network_without_random_layers_is_not() {
    chunked_step_of_a_random_network(0.0, 0.0);
}

#[test]
fn running_statistics_follow_each_chunk_once() {
    let device = Device::flex().autodiff();
    device.seed(12);
    let task = task(ModelName::RESNET_18, ContrastiveLossName::NtXent, &device);
    let statistics = |task: &SimClr<Backbone>| {
        let record = task.projection.clone().valid();
        record.forward(Tensor::ones([1, 512], &device.clone().inner())).into_data()
    };
    // One chunk again and again is what its halves would be, one after the other, but for the order
    // of rounding.
    let chunked = task
        .valid()
        .train()
        .with_options(SimClrOptions { chunk: Some(4), ..SimClrOptions::default() });
    let before: TensorData = statistics(&chunked);
    TrainStep::step(&chunked, batch(&device, Share::WHOLE));
    let after = statistics(&chunked);
    assert_ne!(before, after);
    let by_hand = task.valid().train();
    let whole = batch(&device, Share::WHOLE);
    for part in 0..2 {
        let views = [0, 1].map(|view| whole.images.clone().narrow(0, view * 8 + part * 4, 4));
        by_hand.embed(Tensor::cat(views.to_vec(), 0));
    }
    assert_eq!(after, statistics(&by_hand));
}

#[test]
fn two_devices_learn_what_one_learns_in_chunks() {
    let device = Device::flex().autodiff();
    device.seed(13);
    for (architecture, name) in [
        (ModelName::RESNET_18, ContrastiveLossName::NtXent),
        (ModelName::VIT_TI16, ContrastiveLossName::SupCon),
    ] {
        let task = task(architecture, name, &device);
        let one = task
            .valid()
            .train()
            .with_options(SimClrOptions { chunk: Some(4), ..SimClrOptions::default() });
        let expected = TrainStep::step(&one, batch(&device, Share::WHOLE));
        let two = task
            .valid()
            .train()
            .with_options(SimClrOptions { devices: 2, ..SimClrOptions::default() });
        let devices = [device.clone(), device.clone()];
        let workers = MultiDevicesTrainStep::<SimClr<Backbone>>::new(&devices);
        let loaders = [0, 1].map(|rank| loader(&device, Share { rank, of: 2 }));
        let mut batches: Vec<_> =
            loaders.iter().map(burn::data::dataloader::DataLoader::iter).collect();
        let (outputs, _) = workers.step(&mut batches, &two).unwrap();
        let mut sum = burn::optim::GradientsAccumulator::new();
        for output in outputs {
            assert!((output.output.item.loss - expected.item.loss).abs() < 1e-5, "{name}");
            assert_eq!(output.output.item.top1, expected.item.top1);
            sum.accumulate(&two, output.output.grads);
        }
        assert_same(
            &gradients(&two, &sum.grads()),
            &gradients(&one, &expected.grads),
            1e-5,
            &name.to_string(),
        );
    }
}

#[test]
fn a_step_whose_gradient_overflows_in_f16_is_taken_again_and_seen_once() {
    let device = Device::flex().autodiff();
    device.seed(17);
    let fresh = task(ModelName::RESNET_18, ContrastiveLossName::NtXent, &device);
    let step = |scale: f64| {
        let options = SimClrOptions { precision: Precision::F16, ..SimClrOptions::default() };
        let mut task = fresh.valid().train().with_options(options);
        task.loss_scale = Arc::new(LossScale::from(scale));
        let output = TrainStep::step(&task, batch(&device, Share::WHOLE));
        let features = task
            .encoder
            .valid()
            .forward_features(batch(&device.clone().inner(), Share::WHOLE).images);
        (task.loss_scale.value(), gradients(&task, &output.grads), features.into_data())
    };
    let (usual, expected, seen_once) = step(1024.0);
    assert_eq!(usual, 1024.0);
    let (fallen, got, seen) = step(2.0_f64.powi(28));
    assert!(fallen < 2.0_f64.powi(28) && fallen > 1.0, "{fallen}");
    // Powers of two: only what overflows or vanishes differs.
    assert_same(&got, &expected, 1e-2, "another scale");
    assert_eq!(seen, seen_once);
}
