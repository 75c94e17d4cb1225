//! [`OptimizerConfig`]: a single configuration for all optimisers and their learning-rate schedule.

use burn::optim::ModuleOptimizer;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use heatmap_core::one_of;
use serde::{Deserialize, Serialize};

use super::{AdamConfig, Lars, Sgd, Warmup, warmup_cosines};
use crate::Error;

/// Selects an optimiser.
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
pub enum OptimizerName {
    /// Adam without weight decay (Kingma and Ba 2015).
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw,
    /// Layer-wise adaptive rate scaling (You et al. 2017).
    Lars,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// Settings of the optimiser, gradient clipping and the learning-rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Which optimiser to use.
    pub name: OptimizerName,
    /// Peak learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Weight decay: decoupled in AdamW, part of the gradient in LARS and SGD. All parameters of
    /// rank 1, that is, biases and the scales and shifts of normalisation layers, are exempt from
    /// weight decay and from the trust ratio of LARS.
    pub weight_decay: f64,
    /// Momentum of LARS and SGD, and the first beta of Adam.
    pub momentum: f64,
    /// The second beta of Adam.
    pub beta_2: f64,
    /// Largest global gradient norm, to which gradients are clipped; `None` for no clipping.
    pub clip_norm: Option<f64>,
    /// Warm-up, in which the learning rate rises linearly: a number of steps, or a share of them.
    /// It then falls to zero along a cosine.
    pub warmup_batches: Warmup,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            name: OptimizerName::Adam,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            momentum: 0.9,
            beta_2: 0.999,
            clip_norm: None,
            warmup_batches: Warmup::Batches(0),
        }
    }
}

impl OptimizerConfig {
    /// The value in the LARS paper and in SimCLR.
    const TRUST_COEFFICIENT: f64 = 0.001;

    /// Checks all settings, for a run of `steps` steps.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn check(&self, steps: usize) -> Result<(), Error> {
        for (field, value) in [
            ("weight_decay", self.weight_decay),
            ("momentum", self.momentum),
            ("beta_2", self.beta_2),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::config(field, value, "must be at least 0 and less than 1"));
            }
        }
        if self.name == OptimizerName::Adam && self.weight_decay > 0.0 {
            return Err(Error::config(
                "weight_decay",
                self.weight_decay,
                "adam has none; take adamw",
            ));
        }
        if let Some(most) = self.clip_norm.filter(|most| !(*most > 0.0 && most.is_finite())) {
            return Err(Error::config("clip_norm", most, "must be above 0"));
        }
        self.schedule(&[steps]).map(|_| ())
    }

    /// Creates the optimiser for a module.
    pub fn init(&self) -> ModuleOptimizer {
        let Self { weight_decay, momentum, .. } = *self;
        match self.name {
            OptimizerName::Adam | OptimizerName::Adamw => AdamConfig::new()
                .with_beta_1(momentum)
                .with_beta_2(self.beta_2)
                .with_weight_decay(weight_decay)
                .init(),
            OptimizerName::Lars => {
                let trust_coefficient = Self::TRUST_COEFFICIENT;
                ModuleOptimizer::from(Lars { trust_coefficient, momentum, weight_decay })
            }
            OptimizerName::Sgd => ModuleOptimizer::from(Sgd { momentum, weight_decay }),
        }
    }

    /// Creates the learning-rate schedule. `ends` holds the number of steps at which the run ends;
    /// for a run that was extended, it holds each end in ascending order, the last one being the
    /// current. A warm-up that is a share is one of the first of them.
    ///
    /// # Errors
    /// Returns an error when the learning rate is not positive, when the warm-up leaves no step, or
    /// when the ends do not ascend.
    pub fn schedule(&self, ends: &[usize]) -> Result<ModuleLrScheduler, Error> {
        let warmup_steps = self.warmup_batches.batches(ends.first().copied().unwrap_or(0))?;
        warmup_cosines(self.learning_rate, warmup_steps, ends)
    }
}

impl OptimizerName {
    /// All variants.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

fn unknown(name: &str) -> Error {
    Error::config("optimizer", name, one_of::<OptimizerName>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Tensor};

    #[test]
    fn names_are_read_as_they_are_written() {
        for &name in OptimizerName::ALL {
            assert_eq!(name.to_string().parse::<OptimizerName>().unwrap(), name);
            assert_eq!(serde_json::to_value(name).unwrap(), name.to_string());
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        let default = OptimizerConfig::default();
        for (wrong, named) in [
            (OptimizerConfig { weight_decay: 0.1, ..default }, "take adamw"),
            (OptimizerConfig { momentum: 1.0, ..default }, "momentum"),
            (OptimizerConfig { clip_norm: Some(0.0), ..default }, "clip_norm"),
            (OptimizerConfig { learning_rate: f64::NAN, ..default }, "learning_rate"),
            (OptimizerConfig { warmup_batches: Warmup::Batches(10), ..default }, "warmup_batches"),
            (OptimizerConfig { warmup_batches: Warmup::Share(1.0), ..default }, "a share"),
        ] {
            let error = wrong.check(10).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        OptimizerConfig { name: OptimizerName::Lars, learning_rate: 4.8, ..default }
            .check(10)
            .unwrap();
    }

    #[test]
    fn every_optimiser_goes_on_from_its_record_to_the_bit() {
        let device = Device::flex().autodiff();
        for &name in OptimizerName::ALL {
            let config = OptimizerConfig { name, ..OptimizerConfig::default() };
            let mut network = LinearConfig::new(3, 2).init(&device);
            let step = |optimizer: &mut ModuleOptimizer, network: burn::nn::Linear| {
                let loss =
                    (network.forward(Tensor::<2>::ones([4, 3], &device)) - 1.0).square().mean();
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                optimizer.step(0.1, network, gradients)
            };
            let mut optimizer = config.init();
            for _ in 0..3 {
                network = step(&mut optimizer, network);
            }
            let mut resumed = config.init().load_record(optimizer.to_record());
            let (a, b) =
                (step(&mut optimizer, network.clone()), step(&mut resumed, network.clone()));
            assert_eq!(a.weight.val().into_data(), b.weight.val().into_data(), "{name}");
            assert_ne!(a.weight.val().into_data(), network.weight.val().into_data(), "{name}");
        }
    }
}
