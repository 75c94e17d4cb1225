//! [`Work`], a row of the race's table, and [`Prepared`], its network and its data.
//!
//! The race and the benches take their work from here, so that both time the very same thing. Data
//! are random, made once and outside of every timer; a run is over when its result has been read
//! and nothing is left to do on the device.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, FloatDType, Int, Tensor};
use burn::train::Learner;
use clap::ValueEnum;
use heatmap_models::{Backbone, Encoder, ModelName, ProjectionHeadConfig};
use heatmap_train::data::{PairBatch, Share};
use heatmap_train::loss::NtXentConfig;
use heatmap_train::optim::AdamConfig;
use heatmap_train::run::{SimClrConfig, untrained_encoder};
use heatmap_train::task::{Precision, SimClr, SimClrOptions};

/// A row of the race's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Forward, backward and Adam of a ResNet-50, batch 32, 64 x 64
    #[value(name = "resnet50-train-64")]
    ResNetTrain64,
    /// The same, batch 8, 224 x 224
    #[value(name = "resnet50-train-224")]
    ResNetTrain224,
    /// A step of the simclr example: ResNet-50, projection head, NT-Xent and Adam, batch 16, 64 x
    /// 64
    #[value(name = "simclr-train-64")]
    SimClrTrain64,
    /// A step of the simclr example with a ResNet-18, batch 16, 64 x 64
    #[value(name = "simclr-train-64-resnet18")]
    SimClrTrain64Small,
    /// Forward pass of a ResNet-50 in evaluation, batch 8, 224 x 224
    #[value(name = "resnet50-infer-224")]
    ResNetInfer224,
    /// The same, one image
    #[value(name = "resnet50-infer-224-b1")]
    ResNetInfer224One,
    /// Forward pass of a ViT-B/16 in evaluation, batch 8, 224 x 224
    #[value(name = "vit-infer-224")]
    VitInfer224,
    /// Forward, backward and Adam of a ViT-B/16, batch 8, 224 x 224
    #[value(name = "vit-train-224")]
    VitTrain224,
    /// NT-Xent forward and backward, 2,048 pairs, 128 wide
    #[value(name = "nt-xent")]
    NtXent,
}

/// Where a network runs, and what it stores its activations in; the loss alone is always in f32.
#[derive(Debug, Clone)]
pub struct Place {
    /// The device.
    pub device: Device,
    /// The precision of the activations.
    pub precision: Precision,
}

impl Place {
    /// The CPU, with activations in f32.
    pub fn cpu() -> Self {
        Self { device: Device::flex(), precision: Precision::F32 }
    }

    /// Random images, the same in every place but for the rounding to its precision.
    fn images(&self, shape: [usize; 4], device: &Device) -> Tensor<4> {
        let images = random(shape, device);
        match self.precision {
            Precision::F16 => images.cast(FloatDType::F16),
            Precision::Bf16 => images.cast(FloatDType::BF16),
            _ => images,
        }
    }
}

/// A piece of work that can be done again and again, on the same data.
pub struct Prepared {
    device: Device,
    work: Box<dyn FnMut() -> f64>,
    /// What the two runs to warm up gave: of training, the loss of the fresh network first.
    pub warm_up: Vec<f64>,
}

impl Work {
    /// The name on the command line and in the table.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no work is hidden").get_name().to_owned()
    }

    /// Images in a batch of the table; for the loss alone, pairs of rows.
    pub fn batch(self) -> usize {
        match self {
            Self::ResNetTrain64 => 32,
            Self::SimClrTrain64 | Self::SimClrTrain64Small => 16,
            Self::ResNetTrain224 | Self::ResNetInfer224 | Self::VitInfer224 | Self::VitTrain224 => {
                8
            }
            Self::ResNetInfer224One => 1,
            Self::NtXent => 2_048,
        }
    }

    /// What speed is counted in, for a batch of this size: images, or for the loss alone rows.
    pub fn images(self, batch: usize) -> usize {
        match self {
            Self::NtXent => 2 * batch,
            _ => batch,
        }
    }

    /// The work with a batch of this size, run twice to warm up: the first run draws the
    /// parameters, the second is the first that finds the optimiser's moments.
    ///
    /// # Panics
    /// When SimCLR is to train on an odd number of images: it trains on pairs.
    pub fn prepare(self, batch: usize, place: &Place) -> Prepared {
        let mut prepared = match self {
            Self::ResNetTrain64 => train_classifier("resnet50", batch, 64, place),
            Self::ResNetTrain224 => train_classifier("resnet50", batch, 224, place),
            Self::VitTrain224 => train_classifier("vit-b16", batch, 224, place),
            Self::SimClrTrain64 => train_simclr("resnet50", batch, place),
            Self::SimClrTrain64Small => train_simclr("resnet18", batch, place),
            Self::ResNetInfer224 | Self::ResNetInfer224One => infer("resnet50", batch, place),
            Self::VitInfer224 => infer("vit-b16", batch, place),
            Self::NtXent => nt_xent(batch, place),
        };
        prepared.warm_up = vec![prepared.run(), prepared.run()];
        prepared
    }
}

impl Prepared {
    fn new(device: &Device, work: impl FnMut() -> f64 + 'static) -> Self {
        Self { device: device.clone(), work: Box::new(work), warm_up: Vec::new() }
    }

    /// Does the work once, to its end, and gives a number that was read from its result.
    ///
    /// # Panics
    /// When the number is not finite: what is timed would not be what a user runs.
    pub fn run(&mut self) -> f64 {
        let read = (self.work)();
        // Reading waits for what was read only, not for the parameters that an optimiser has just
        // written.
        self.device.sync().expect("a device that answers");
        assert!(read.is_finite(), "the result is {read}");
        read
    }
}

/// A training step of a network with 1,000 classes.
fn train_classifier(name: &str, batch: usize, size: usize, place: &Place) -> Prepared {
    let device = place.device.clone().autodiff();
    // The optimiser takes the network and gives it back.
    let mut network = Some(classifier(name, &place.device).train());
    let images = place.images([batch, 3, size, size], &device);
    let classes = Tensor::<1, Int>::arange(0..batch as i64, &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = adam();
    Prepared::new(&device, move || {
        let current = network.take().expect("put back by every run");
        let logits = current.classify(current.forward_features(images.clone()));
        let loss = loss.forward(logits, classes.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &current);
        network = Some(optimizer.step(1e-3, current, gradients));
        loss.into_scalar::<f64>()
    })
}

/// A step of the simclr example, put together as `train_simclr` and its strategy do it; only the
/// heatmaps are random images.
fn train_simclr(name: &str, batch: usize, place: &Place) -> Prepared {
    assert!(batch.is_multiple_of(2), "SimCLR trains on pairs of images, not on {batch}");
    let device = place.device.clone().autodiff();
    let architecture = name.parse().expect("a name from the list");
    let config = SimClrConfig { architecture, ..SimClrConfig::published_recipe() };
    let reference = Device::flex();
    let encoder = untrained_encoder(&config, &reference);
    let projection =
        ProjectionHeadConfig::new(encoder.feature_dim()).init(&reference).materialize();
    let loss = config.loss.init();
    let schedule = CosineAnnealingLrSchedulerConfig::new(
        config.training.optimizer.learning_rate,
        config.training.batches,
    )
    .init();
    let schedule = schedule.expect("a learning rate that the example trains with");
    let options = SimClrOptions { precision: place.precision, ..SimClrOptions::default() };
    let task = SimClr::new(encoder, projection, loss).with_options(options);
    let task = task.to_device(&place.device).train();
    let mut learner = Learner::new(task, adam(), schedule);
    learner.fork(&device);
    let image = config.image;
    let images = random([batch, image.channels, image.height, image.width], &device);
    let batch = PairBatch { images, labels: (0..batch / 2).collect(), share: Share::WHOLE };
    Prepared::new(&device, move || {
        let output = learner.train_step(batch.clone());
        learner.lr_step();
        learner.optimizer_step(output.grads);
        output.item.loss
    })
}

/// A forward pass of a network with 1,000 classes, in evaluation.
fn infer(name: &str, batch: usize, place: &Place) -> Prepared {
    let network = classifier(name, &place.device);
    let images = place.images([batch, 3, 224, 224], &place.device);
    Prepared::new(&place.device, move || {
        network.classify(network.forward_features(images.clone())).sum().into_scalar::<f64>()
    })
}

/// The loss of pairs of rows and the gradients of both, as a projection head would get them.
fn nt_xent(pairs: usize, place: &Place) -> Prepared {
    let device = place.device.clone().autodiff();
    let loss = NtXentConfig::new().init();
    let both: Tensor<2> = random([2 * pairs, 128], &device);
    let views: [Tensor<2>; 2] =
        [both.clone().narrow(0, 0, pairs), both.narrow(0, pairs, pairs)].map(Tensor::detach);
    Prepared::new(&device, move || {
        let [first, second] = views.clone().map(|view| view.require_grad());
        let gradients = loss.forward(first.clone(), second.clone()).backward();
        let read =
            |view: Tensor<2>| view.grad(&gradients).expect("a gradient").sum().into_scalar::<f64>();
        read(first) + read(second)
    })
}

/// A network with fresh parameters, the same in every process and on every device.
fn classifier(name: &str, device: &Device) -> Backbone {
    let reference = Device::flex();
    reference.seed(1);
    let config = name.parse::<ModelName>().expect("a name from the list").config();
    let network: Backbone = config.with_num_classes(Some(1_000)).init(&reference);
    network.materialize().to_device(device)
}

/// Adam as the simclr example has it, with the defaults of PyTorch.
fn adam() -> ModuleOptimizer {
    AdamConfig::new().init()
}

/// Random numbers, the same on every device.
fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let reference = Device::flex();
    reference.seed(2);
    let values = Tensor::<D>::random(shape, Distribution::Normal(0.0, 1.0), &reference);
    Tensor::from_data(values.into_data(), device)
}
