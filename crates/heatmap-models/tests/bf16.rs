//! Networks that multiply in bf16 on the CPU. The precision is that of a process, so this is a
//! program of its own with one test.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use heatmap_models::ops::{MatmulPrecision, matmul_precision, set_matmul_precision};
use heatmap_models::{Backbone, Encoder, ModelName};

/// Rounds parameters to bf16.
struct Rounded;

impl ModuleMapper for Rounded {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|values| {
            values.cast(FloatDType::BF16).cast(FloatDType::F32).detach().require_grad()
        })
    }
}

/// The features of some images in evaluation, and the gradient of the images in training. The
/// network has the same fresh parameters each time, because a training step moves its running
/// statistics.
fn features_and_gradient(name: ModelName, images: &Tensor<4>, rounded: bool) -> [Vec<f32>; 2] {
    let device = images.device();
    device.seed(3);
    let mut network: Backbone = name.config().init(&device);
    if rounded {
        network = network.map(&mut Rounded);
    }
    let features = network.valid().forward_features(images.clone().inner());
    let images = images.clone().require_grad();
    let along = network.forward_features(images.clone());
    let direction = Tensor::random(along.dims(), Distribution::Normal(0.0, 1.0), &device);
    let gradients = (along * direction).sum().backward();
    let gradient = images.grad(&gradients).expect("a gradient of the images");
    [features.into_data(), gradient.into_data()].map(|data| data.iter::<f32>().collect())
}

/// The root mean square of the difference, in units of that of the values.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let mut off = found.iter().zip(expected).map(|(found, expected)| found - expected);
    (square(&mut off) / square(&mut expected.iter().copied())).sqrt()
}

#[test]
fn features_and_gradients_are_those_of_f32_within_the_rounding() {
    let device = Device::flex().autodiff();
    device.seed(2);
    for name in ["resnet18", "vit-ti16"] {
        let network: ModelName = name.parse().expect("a name from the list");
        // 224 px for the transformer, whose number of tokens is that of its weights.
        let size = if name == "resnet18" { 64 } else { 224 };
        let images = Tensor::random([4, 3, size, size], Distribution::Normal(0.0, 1.0), &device);
        assert!(set_matmul_precision(MatmulPrecision::F32));
        let expected = features_and_gradient(network, &images, false);
        // A deep network makes much of little: what the same rounding of the parameters alone does
        // is the measure.
        let measure = features_and_gradient(network, &images, true);
        for precision in [MatmulPrecision::Bf16Emulated, MatmulPrecision::Bf16] {
            if !set_matmul_precision(precision) {
                println!("skipped: {precision:?}: this processor does not multiply in bf16");
                assert_eq!(matmul_precision(), MatmulPrecision::Bf16Emulated, "left as it was");
                continue;
            }
            let found = features_and_gradient(network, &images, false);
            for (at, what) in ["features", "gradient"].into_iter().enumerate() {
                let off = distance(&found[at], &expected[at]);
                let measure = distance(&measure[at], &expected[at]);
                let told =
                    format!("{name}, {precision:?}: {what} off by {off:.4}, of {measure:.4}");
                println!("{told}");
                // Images between the layers are rounded, too, and a gradient goes both ways.
                assert!(off > 0.0 && off < 4.0 * measure, "{told}");
            }
        }
        // Three products keep twice as many bits. The gradient of a network of ReLUs jumps where
        // one of them closes, however little moves it; that of GELUs does not.
        if set_matmul_precision(MatmulPrecision::Bf16x3) {
            let found = features_and_gradient(network, &images, false);
            for (at, what) in ["features", "gradient"].into_iter().enumerate() {
                let off = distance(&found[at], &expected[at]);
                let measure = distance(&measure[at], &expected[at]);
                let told = format!("{name}, Bf16x3: {what} off by {off:.1e}, of {measure:.4}");
                println!("{told}");
                let jumps = name == "resnet18" && what == "gradient";
                let limit = if jumps { measure } else { measure / 20.0 };
                assert!(off > 0.0 && off < limit, "{told}");
            }
        } else {
            println!("skipped: Bf16x3: this processor has no matrix unit");
        }
        assert!(set_matmul_precision(MatmulPrecision::F32));
        assert_eq!(features_and_gradient(network, &images, false), expected, "f32 again");
    }
}
