//! [`Precision`]: the numeric type of the encoder's activations, and the loss scaling that f16
//! needs.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, FloatDType, Tensor};
use heatmap_core::one_of;
use heatmap_models::ops::{MatmulPrecision, matmul_precision, set_matmul_precision};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The numeric type of the encoder's activations during training; in bf16 on a CPU that multiplies
/// in it, that of the two sides of every product. Parameters, their gradients,
/// normalisation statistics, features, projections and the loss are always f32 (Micikevicius et al.
/// 2018, Mixed Precision Training).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum Precision {
    /// Single precision throughout.
    #[default]
    F32,
    /// Half precision with an adaptive loss scale, because gradients below 6e-8 would underflow to
    /// 0.
    F16,
    /// Brain floating point: the range of f32 with 8 bits of precision.
    Bf16,
}

impl Precision {
    /// All variants.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::F16 => FloatDType::F16,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    /// Checks that a device supports this type.
    ///
    /// # Errors
    /// Returns an error when it does not.
    pub fn check_for(self, device: &Device) -> Result<()> {
        if device.supports_dtype(self.dtype()) {
            return Ok(());
        }
        Err(Error::config(
            "precision",
            self,
            "the device does not compute in it; f32 goes everywhere",
        ))
    }

    /// Sets how networks multiply on the CPU in this process: in bf16, if that is the type and the
    /// processor has instructions for it; sums and activations are then in f32. Elsewhere the
    /// activations are of the type.
    pub(crate) fn take_effect(self) {
        if self != Self::Bf16 || !set_matmul_precision(MatmulPrecision::Bf16) {
            set_matmul_precision(MatmulPrecision::F32);
        }
    }

    /// Converts images to this type, where activations are of it.
    pub(super) fn of(self, images: Tensor<4>) -> Tensor<4> {
        let by_products = self == Self::Bf16
            && matmul_precision() == MatmulPrecision::Bf16
            && images.device().inner() == Device::flex();
        if self == Self::F32 || by_products { images } else { images.cast(self.dtype()) }
    }
}

fn unknown(name: &str) -> Error {
    Error::config("precision", name, one_of::<Precision>())
}

/// The loss scale for f16. It is halved when a gradient overflows and doubled after many steps
/// without overflow (section 3.2 of the paper, with the constants of PyTorch's `GradScaler`). As a
/// power of two, it changes no gradient that neither overflows nor underflows.
#[derive(Debug)]
pub(super) struct LossScale(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    scale: f64,
    /// Number of steps since the scale last changed.
    good: usize,
}

impl LossScale {
    const FIRST: f64 = 65_536.0;
    const GROWS_AFTER: usize = 2_000;

    #[cfg(test)]
    pub(super) fn from(scale: f64) -> Self {
        Self(Mutex::new(State { scale, good: 0 }))
    }

    /// Returns the factor to multiply the loss by.
    pub(super) fn value(&self) -> f64 {
        self.state(|state| state.scale)
    }

    /// Records a step without overflow.
    pub(super) fn succeeded(&self) {
        self.state(|state| {
            state.good += 1;
            if state.good >= Self::GROWS_AFTER {
                *state = State { scale: 2.0 * state.scale, good: 0 };
            }
        });
    }

    /// Records a gradient that was not finite and halves the scale. Returns whether the scale could
    /// be reduced, so that the step can be repeated.
    pub(super) fn overflowed(&self) -> bool {
        self.state(|state| {
            let goes_on = state.scale > 1.0;
            *state = State { scale: (state.scale / 2.0).max(1.0), good: 0 };
            goes_on
        })
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for LossScale {
    fn default() -> Self {
        Self(Mutex::new(State { scale: Self::FIRST, good: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for &name in Precision::ALL {
            assert_eq!(name.to_string().parse::<Precision>().unwrap(), name);
            assert_eq!(serde_json::to_value(name).unwrap(), name.to_string());
        }
        assert!(
            "fp16"
                .parse::<Precision>()
                .unwrap_err()
                .to_string()
                .contains("not one of f32, f16, bf16")
        );
    }

    #[test]
    fn a_scale_falls_at_once_and_rises_slowly_and_ends_at_one() {
        let scale = LossScale::default();
        assert!(scale.overflowed());
        assert_eq!(scale.value(), LossScale::FIRST / 2.0);
        (0..LossScale::GROWS_AFTER - 1).for_each(|_| scale.succeeded());
        assert_eq!(scale.value(), LossScale::FIRST / 2.0);
        scale.succeeded();
        assert_eq!(scale.value(), LossScale::FIRST);
        assert_eq!((0..100).take_while(|_| scale.overflowed()).count(), 16);
        assert_eq!(scale.value(), 1.0);
    }
}
