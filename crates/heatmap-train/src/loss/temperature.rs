//! The temperature of a contrastive loss: a constant, or a parameter that is learnt with the
//! network.
//!
//! As in CLIP (Radford et al. 2021, section 2.5), the learnt parameter is the logarithm of the
//! scale 1 / temperature, and the scale is at most 100, because training is unstable beyond that.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::similarity::check_temperature;

/// The temperature that the cosine similarities are divided by.
// Only one is made per step and it is never stored, so boxing the large variant would gain nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone)]
pub enum Temperature {
    /// A constant.
    Fixed(f64),
    /// A positive tensor `[1]` through which gradients flow.
    Learned(Tensor<1>),
}

/// The trainable parameter of a learnt temperature.
///
/// The scale 1 / temperature that it yields never exceeds [`LearnableTemperature::MAX_SCALE`]. Call
/// [`LearnableTemperature::clamped`] after each optimiser step, as CLIP does, so that the parameter
/// itself does not drift beyond that bound.
#[derive(Module, Debug)]
pub struct LearnableTemperature {
    /// ln(1 / temperature), `[1]`.
    log_scale: Param<Tensor<1>>,
}

impl Temperature {
    /// Divides the rows by the temperature: `z / temperature`.
    ///
    /// # Panics
    /// Panics when a fixed temperature is not positive, or a learnt one is not of shape `[1]`.
    pub(super) fn divide(self, z: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Fixed(temperature) => {
                check_temperature(temperature);
                z / temperature
            }
            Self::Learned(temperature) => {
                assert_eq!(temperature.dims(), [1], "a learnt temperature has the shape [1]");
                let temperature = temperature.cast(z.dtype());
                z / temperature.reshape([1, 1])
            }
        }
    }
}

impl LearnableTemperature {
    /// Largest scale, that is 1 / temperature, as in CLIP.
    pub const MAX_SCALE: f64 = 100.0;

    /// Creates a parameter with this initial temperature; CLIP starts at 0.07.
    ///
    /// # Panics
    /// Panics when the temperature is below 1 / [`LearnableTemperature::MAX_SCALE`] or not finite.
    pub fn new(temperature: f64, device: &Device) -> Self {
        check_temperature(temperature);
        // The tolerance lets exactly 0.01 pass in spite of rounding.
        assert!(
            temperature * Self::MAX_SCALE > 1.0 - 1e-9,
            "temperature must be at least 0.01, got {temperature}"
        );
        Self { log_scale: Param::from_tensor(Tensor::from_floats([-temperature.ln()], device)) }
    }

    /// Returns the temperature, `[1]`, connected to the parameter for the backward pass.
    ///
    /// Beyond the bound the value is clamped but the gradient is passed through: otherwise a
    /// parameter beyond the bound would have no gradient and could never return.
    pub fn value(&self) -> Tensor<1> {
        let log_scale = self.log_scale.val();
        let excess = (log_scale.clone().detach() - Self::MAX_SCALE.ln()).clamp_min(0.0);
        (excess - log_scale).exp()
    }

    /// Returns the temperature in the form that a loss takes.
    pub fn temperature(&self) -> Temperature {
        Temperature::Learned(self.value())
    }

    /// Returns the parameter, clamped so that the scale is at most
    /// [`LearnableTemperature::MAX_SCALE`].
    pub fn clamped(self) -> Self {
        let log_scale = self.log_scale.map(|value| {
            let trained = value.is_require_grad();
            value.detach().clamp_max(Self::MAX_SCALE.ln()).detach().set_require_grad(trained)
        });
        Self { log_scale }
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::{GradientsParams, SgdConfig};

    use super::*;

    fn value(temperature: &LearnableTemperature) -> f64 {
        temperature.value().into_scalar()
    }

    #[test]
    fn it_starts_where_it_is_told_and_survives_its_record() {
        let device = Device::flex();
        for start in [0.01, 0.07, 0.5, 3.0] {
            let temperature = LearnableTemperature::new(start, &device);
            assert!((value(&temperature) - start).abs() < 1e-6 * start.max(0.1));
            let record = temperature.clone().into_record();
            let loaded = LearnableTemperature::new(1.0, &device).load_record(record);
            assert_eq!(value(&loaded), value(&temperature));
        }
    }

    #[test]
    fn its_gradient_is_that_of_the_exponential() {
        let device = Device::flex().autodiff();
        let temperature = LearnableTemperature::new(0.2, &device);
        // d exp(-s) / ds = -exp(-s), and d T^2 / ds = -2 T^2.
        let gradients = temperature.value().square().backward();
        let gradient: f64 =
            temperature.log_scale.val().grad(&gradients).expect("a gradient").into_scalar();
        assert!((gradient + 2.0 * 0.2 * 0.2).abs() < 1e-6, "{gradient}");
    }

    #[test]
    fn the_scale_stays_within_its_bound_and_can_come_back() {
        let device = Device::flex().autodiff();
        let mut temperature = LearnableTemperature::new(0.01, &device);
        let mut optimizer = SgdConfig::new().init();
        // The loss falls with the temperature: its scale is pushed against the bound.
        let gradients =
            GradientsParams::from_grads((temperature.value() * 100.0).backward(), &temperature);
        temperature = optimizer.step(1.0, temperature, gradients);
        let beyond: f64 = temperature.log_scale.val().into_scalar();
        assert!(beyond > 100_f64.ln() + 0.5);
        assert!((value(&temperature) - 0.01).abs() < 1e-7);
        let clamped = temperature.clone().clamped();
        assert!((clamped.log_scale.val().into_scalar::<f64>() - 100_f64.ln()).abs() < 1e-6);
        assert!(clamped.log_scale.is_require_grad());
        for mut temperature in [temperature, clamped] {
            // And with the opposite loss it leaves the bound.
            for _ in 0..3 {
                let gradients = GradientsParams::from_grads(
                    (temperature.value() * -100.0).backward(),
                    &temperature,
                );
                temperature = optimizer.step(1.0, temperature, gradients);
            }
            assert!(value(&temperature) > 0.02, "{}", value(&temperature));
        }
    }

    #[test]
    #[should_panic(expected = "at least 0.01")]
    fn a_start_beyond_the_bound_is_refused() {
        LearnableTemperature::new(0.005, &Device::flex());
    }
}
