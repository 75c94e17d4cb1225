//! The family against its published sizes, and its behaviour in training and evaluation.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, FloatDType, Tensor, Tolerance};
use heatmap_models::{Encoder, ResNetConfig, StemKind};

/// Parameters without the running statistics of batch normalisation, which are no parameters in
/// PyTorch.
fn parameters(config: &ResNetConfig) -> usize {
    struct Trained(usize);
    impl ModuleVisitor for Trained {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 += if param.val().is_require_grad() { param.shape().num_elements() } else { 0 };
        }
    }
    let mut trained = Trained(0);
    config.init(&Device::flex().autodiff()).visit(&mut trained);
    trained.0
}

#[test]
fn the_number_of_parameters_is_as_published() {
    // torchvision 0.29: sum(p.numel() for p in model.parameters()).
    for (config, published) in [
        (ResNetConfig::resnet18(), 11_689_512),
        (ResNetConfig::resnet34(), 21_797_672),
        (ResNetConfig::resnet50(), 25_557_032),
        (ResNetConfig::resnet101(), 44_549_160),
        (ResNetConfig::resnet152(), 60_192_808),
    ] {
        assert_eq!(parameters(&config.with_num_classes(Some(1000))), published);
    }
}

#[test]
fn stages_have_their_published_shapes() {
    let device = Device::flex();
    let network = ResNetConfig::resnet50().init(&device);
    let stages = network.forward_stages(Tensor::zeros([1, 3, 64, 96], &device));
    assert_eq!(stages.stem.dims(), [1, 64, 16, 24]);
    assert_eq!(stages.stage1.dims(), [1, 256, 16, 24]);
    assert_eq!(stages.stage2.dims(), [1, 512, 8, 12]);
    assert_eq!(stages.stage3.dims(), [1, 1024, 4, 6]);
    assert_eq!(stages.stage4.dims(), [1, 2048, 2, 3]);
    let small =
        ResNetConfig::resnet18().with_stem(StemKind::SmallImage).with_in_channels(1).init(&device);
    let stages = small.forward_stages(Tensor::zeros([1, 1, 16, 16], &device));
    assert_eq!((stages.stem.dims(), stages.stage4.dims()), ([1, 64, 16, 16], [1, 512, 2, 2]));
    let half =
        ResNetConfig::resnet18().with_stem(StemKind::HalfImage).with_in_channels(1).init(&device);
    let stages = half.forward_stages(Tensor::zeros([1, 1, 16, 16], &device));
    assert_eq!((stages.stem.dims(), stages.stage4.dims()), ([1, 64, 8, 8], [1, 512, 1, 1]));
    for &stem in StemKind::ALL {
        let config =
            ResNetConfig::resnet18().with_base_width(4).with_in_channels(1).with_stem(stem);
        let maps = config.init(&device).forward_maps(Tensor::zeros([1, 1, 70, 33], &device));
        let expected: Vec<[usize; 4]> =
            (config.map_channels().into_iter().zip(config.map_strides()))
                .map(|(channels, stride)| {
                    [1, channels, 70_usize.div_ceil(stride), 33_usize.div_ceil(stride)]
                })
                .collect();
        assert_eq!(maps.iter().map(Tensor::dims).collect::<Vec<_>>(), expected, "{stem:?}");
    }
}

#[test]
fn maps_are_the_stages_and_the_mean_of_the_last_is_the_features() {
    let device = Device::flex();
    let network = ResNetConfig::resnet18().with_base_width(8).with_in_channels(1).init(&device);
    let images = Tensor::random([2, 1, 64, 96], Distribution::Default, &device);
    let maps = network.forward_maps(images.clone());
    let stages = network.forward_stages(images.clone());
    for (map, stage) in
        maps.iter().zip([stages.stage1, stages.stage2, stages.stage3, stages.stage4])
    {
        assert_eq!(map.clone().into_data(), stage.into_data());
    }
    let map = maps[3].clone();
    assert_eq!(map.dims(), [2, 64, 2, 3]);
    let mean = map.reshape([2, 64, 6]).mean_dim(2).reshape([2, 64]);
    mean.into_data().assert_approx_eq::<f32>(
        &network.forward_features(images).into_data(),
        Tolerance::absolute(1e-5),
    );
}

#[test]
fn frozen_parts_get_no_gradient_and_keep_their_statistics() {
    let device = Device::flex().autodiff();
    let config = ResNetConfig::resnet18().with_base_width(8).with_in_channels(1);
    let images = Tensor::random([4, 1, 32, 32], Distribution::Default, &device);
    let fresh = config.init(&device).materialize();
    let mut before = GradientsParams::from_grads(
        fresh.forward_features(images.clone()).sum().backward(),
        &fresh,
    )
    .len();
    for parts in 1..=4 {
        let network = fresh.clone().freeze_leading(parts);
        let gradients = network.forward_features(images.clone()).sum().backward();
        let left = GradientsParams::from_grads(gradients, &network).len();
        assert!(0 < left && left < before, "{parts} frozen: {left} gradients of {before}");
        before = left;
    }
    // A frozen network gives while training what it gives in evaluation.
    let frozen = fresh.freeze_leading(5);
    let evaluated = frozen.valid().forward_features(images.clone().inner()).into_data();
    let trained = frozen.forward_features(images).into_data();
    trained.assert_approx_eq::<f32>(&evaluated, Tolerance::absolute(1e-6));
}

#[test]
fn features_and_logits_have_their_shapes() {
    let device = Device::flex();
    let network = ResNetConfig::resnet50().with_num_classes(Some(7)).init(&device);
    let images = Tensor::zeros([2, 3, 32, 32], &device);
    assert_eq!(network.forward_features(images.clone()).dims(), [2, 2048]);
    assert_eq!(network.forward(images).dims(), [2, 7]);
    assert_eq!((network.feature_dim(), network.in_channels()), (2048, 3));
}

#[test]
#[should_panic(expected = "configure num_classes")]
fn logits_without_a_head_are_refused() {
    let device = Device::flex();
    ResNetConfig::resnet18().init(&device).forward(Tensor::zeros([1, 3, 32, 32], &device));
}

#[test]
#[should_panic(expected = "images have 1 channels, the network 3")]
fn wrong_channels_are_refused() {
    let device = Device::flex();
    ResNetConfig::resnet18().init(&device).forward_features(Tensor::zeros([1, 1, 32, 32], &device));
}

#[test]
fn a_residual_branch_that_starts_at_zero_passes_its_input() {
    let device = Device::flex();
    let images = Tensor::random([1, 3, 32, 32], Distribution::Default, &device);
    let network = ResNetConfig::resnet18().with_zero_init_residual(true).init(&device);
    // The blocks of the first stage have identity shortcuts, and the stem ends in ReLU: the stage
    // changes nothing.
    let stages = network.forward_stages(images);
    let difference: f32 = (stages.stage1 - stages.stem).abs().max().into_scalar();
    assert_eq!(difference, 0.0);
}

#[test]
fn convolutions_start_with_the_variance_of_kaiming_by_fan_out() {
    // The 3x3 convolutions of the last stage have 512 * 9 outputs a channel: variance 2 / 4608.
    struct Variance(Vec<f64>);
    impl ModuleVisitor for Variance {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.dims() == [512, 512, 3, 3][..D.min(4)] && D == 4 {
                self.0.push(param.val().powf_scalar(2.0).mean().into_scalar::<f32>().into());
            }
        }
    }
    let device = Device::flex();
    device.seed(1);
    let mut variance = Variance(Vec::new());
    ResNetConfig::resnet50().init(&device).visit(&mut variance);
    assert_eq!(variance.0.len(), 3);
    for variance in variance.0 {
        // 2.4 million values: relative standard error 0.0009.
        assert!((variance * 4608.0 / 2.0 - 1.0).abs() < 0.005, "{variance}");
    }
}

#[test]
fn evaluation_does_not_depend_on_the_rest_of_the_batch_and_training_does() {
    let device = Device::flex().autodiff();
    let network = ResNetConfig::resnet18().init(&device);
    let images: Tensor<4> = Tensor::random([4, 3, 32, 32], Distribution::Default, &device);
    let first = |features: Tensor<2>| {
        features.narrow(0, 0, 1).into_data().try_to_vec::<f32>().expect("f32 features")
    };
    let distance =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);

    let together = first(network.forward_features(images.clone()));
    let apart = first(network.forward_features(images.clone().narrow(0, 0, 2)));
    assert!(distance(&together, &apart) > 1e-3, "training normalises by the batch");

    let network = network.valid();
    let images = images.inner();
    let together = first(network.forward_features(images.clone()));
    let apart = first(network.forward_features(images.narrow(0, 0, 1)));
    assert!(distance(&together, &apart) < 1e-4, "evaluation does not");
}

/// Every parameter and running statistic in f64.
struct InF64;

impl ModuleMapper for InF64 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        Param::initialized(id, param.val().cast(FloatDType::F64))
    }
}

#[test]
fn a_network_in_f64_is_computed_in_f64() {
    let device = Device::flex().autodiff();
    device.seed(2);
    let narrow = ResNetConfig::resnet18().with_in_channels(1).init(&device).valid();
    let images: Tensor<4> = Tensor::random([2, 1, 32, 32], Distribution::Default, &device.inner());
    let features = narrow.forward_features(images.clone());
    // Clones share their running statistics, so the other network is done with.
    let exact = narrow.map(&mut InF64).forward_features(images.cast(FloatDType::F64));
    assert_eq!(exact.dtype(), FloatDType::F64.into());
    features.into_data().assert_approx_eq::<f32>(
        &exact.clone().into_data().convert::<f32>(),
        Tolerance::relative(1e-4).set_absolute(1e-6),
    );
    // What was rounded to f32 on the way would lie on numbers of f32.
    let rounded = exact.clone().cast(FloatDType::F32).cast(FloatDType::F64);
    assert!((exact - rounded).abs().max().into_scalar::<f64>() > 1e-12);
}
