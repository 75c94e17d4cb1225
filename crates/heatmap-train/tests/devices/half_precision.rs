//! Half precision, where a device has it, against f32.

use burn::module::ModuleMapper;
use heatmap_train::task::Precision;

use super::*;

/// Parameters as half precision has them, in f32.
struct Rounded(FloatDType);

impl ModuleMapper for Rounded {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| value.cast(self.0).cast(FloatDType::F32))
    }
}

/// NT-Xent asks how images differ, of which rounding leaves little in an untrained network; so
/// gradients are compared for a fixed direction of the features, and of a step in half precision
/// the loss.
#[test]
fn half_precision_gives_nearly_the_same_gradients() {
    let reference = Device::flex();
    reference.seed(6);
    let devices: Vec<_> =
        [(DeviceName::Cpu, reference.clone())].into_iter().chain(others()).collect();
    for architecture in [ModelName::RESNET_18, ModelName::VIT_TI16] {
        let encoder = architecture
            .config()
            .with_in_channels(1)
            .with_image_size(64)
            .init(&reference)
            .materialize();
        let direction = Tensor::<2>::random(
            [6, encoder.feature_dim()],
            Distribution::Normal(0.0, 1.0),
            &reference,
        );
        let direction = direction.into_data();
        let run = |encoder: &Backbone, device: &Device, dtype: FloatDType| {
            let device = device.clone().autodiff();
            let encoder = encoder.clone().to_device(&device.clone().inner()).train();
            let features = encoder.forward_features(batch(&device).images.cast(dtype));
            assert_eq!(features.dtype(), FloatDType::F32.into());
            let along = (features.clone() * Tensor::from_data(direction.clone(), &device)).sum();
            let gradients = GradientsParams::from_grads(along.backward(), &encoder);
            (
                features.into_data().convert::<f64>().iter::<f64>().collect::<Vec<_>>(),
                flat(&encoder, &gradients),
            )
        };
        let (features, gradient) = run(&encoder, &reference, FloatDType::F32);
        // A deep network makes much of little: what the same rounding of the parameters alone does
        // is the measure. The activations are rounded some hundred times, which adds up like the
        // root of the number.
        let measured =
            [(Precision::F16, FloatDType::F16, 11), (Precision::Bf16, FloatDType::BF16, 8)];
        let measured = measured.map(|(precision, dtype, bits)| {
            let (_, of_rounded) =
                run(&encoder.clone().map(&mut Rounded(dtype)), &reference, FloatDType::F32);
            (precision, dtype, 4.0 * distance(&of_rounded, &gradient) + 20.0 * 0.5_f64.powi(bits))
        });
        for (precision, dtype, bound) in measured {
            for (name, device) in &devices {
                if let Err(error) = precision.check_for(device) {
                    tell(&format!("skipped: {name}: {error}"));
                    continue;
                }
                let (half_features, half_gradient) = run(&encoder, device, dtype);
                let off =
                    [distance(&half_features, &features), distance(&half_gradient, &gradient)];
                let what = format!(
                    "{architecture} on {name} in {precision}: features and gradient off by \
                     {off:.4?}"
                );
                tell(&format!("{what}, bound {bound:.4}"));
                assert!(off.iter().all(|off| *off < bound && *off > 0.0), "{what}, bound {bound}");
            }
        }
    }
}

#[test]
fn steps_in_half_precision_have_nearly_the_same_loss() {
    let reference = Device::flex();
    let task = task(7);
    let step = |device: &Device, precision: Precision, chunk: Option<usize>| {
        let device = device.clone().autodiff();
        let task = task.clone().to_device(&device.clone().inner()).train();
        let task =
            task.with_options(SimClrOptions { precision, chunk, ..SimClrOptions::default() });
        let output = TrainStep::step(&task, batch(&device));
        assert!(flat(&task, &output.grads).iter().all(|gradient| gradient.is_finite()));
        output.item.loss
    };
    let expected = step(&reference, Precision::F32, None);
    for (name, device) in [(DeviceName::Cpu, reference.clone())].into_iter().chain(others()) {
        for precision in [Precision::F16, Precision::Bf16]
            .into_iter()
            .filter(|half| half.check_for(&device).is_ok())
        {
            let loss = step(&device, precision, None);
            tell(&format!("{name} in {precision}: loss {loss} for {expected}"));
            assert!(
                (loss - expected).abs() < 0.01 * expected && loss != expected,
                "{name}, {precision}: {loss}, {expected}"
            );
        }
    }
    let chunked =
        [Precision::F32, Precision::F16].map(|precision| step(&reference, precision, Some(2)));
    assert!((chunked[0] - chunked[1]).abs() < 0.01 * chunked[0], "{chunked:?}");
}
