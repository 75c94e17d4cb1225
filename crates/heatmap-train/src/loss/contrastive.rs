//! [`ContrastiveLoss`]: NT-Xent, SupCon, DCL and DCLW behind one interface, with a fixed or learnt
//! temperature, and with or without a memory bank.
//!
//! Each row of the two views is an anchor that is compared with all other rows of both views and
//! with the rows of the bank. In NT-Xent, DCL and DCLW its only positive is its other view,
//! whatever the labels: as in SimCLR, rows of the batch that share its label by chance are
//! negatives. Rows of the bank that share its label are ignored, because the bank is filled with
//! the same classes again and again. In SupCon, rows of the batch and of the bank with the same
//! label are positives. [`Negatives`](super::Negatives) are negatives of every row and never
//! anchors themselves; those that resemble an anchor's own class can count several times, as if
//! they occurred that often. `sup_con.rs` and `dcl.rs` describe SupCon, DCL and DCLW.
//!
//! The loss depends on the projections only, and is not a sum over parts of a batch. For GradCache
//! (Gao et al. 2021), pass the projections of the whole batch as leaf tensors and take their
//! gradients.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::dcl::{decoupled, von_mises_fisher_weights};
use super::memory_bank::MemoryBank;
use super::nt_xent::{NtXentConfig, NtXentOutput};
use super::projections::Projections;
use super::scores::{Positives, Scores};
use super::similarity::check_temperature;
use super::temperature::{LearnableTemperature, Temperature};
use crate::Error;

/// Selects a contrastive loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastiveLossName {
    /// The loss of SimCLR (Chen et al. 2020, equation 1).
    #[default]
    NtXent,
    /// The supervised contrastive loss (Khosla et al. 2020, equation 2).
    SupCon,
    /// The decoupled contrastive loss (Yeh et al. 2022, equation 6).
    Dcl,
    /// DCL with weighted positives.
    Dclw,
}

/// Configuration of [`ContrastiveLoss`], its temperature and its memory bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContrastiveLossConfig {
    /// Which loss to use.
    pub name: ContrastiveLossName,
    /// Temperature that divides the cosine similarities; the initial value if it is learnt.
    pub temperature: f64,
    /// Whether the temperature is learnt.
    pub learnable_temperature: bool,
    /// Capacity of the memory bank in rows; 0 for no bank.
    pub memory_bank: usize,
    /// How many times a hard negative counts for anchors of the class that it resembles; for all
    /// other anchors it counts once.
    pub negative_weight: f64,
}

/// A contrastive loss, made by [`ContrastiveLossConfig::init`].
#[derive(Debug, Clone)]
pub struct ContrastiveLoss {
    name: ContrastiveLossName,
    temperature: f64,
    negative_weight: f64,
}

/// The loss of a batch and its contrastive top-1 accuracy.
#[derive(Debug, Clone)]
pub struct ContrastiveLossOutput {
    /// Mean loss over the rows of both views, `[1]`.
    pub loss: Tensor<1>,
    /// Share of anchors for which the most similar row is a positive, among all rows that the
    /// anchor is compared with; `[1]`, without gradient.
    pub top1: Tensor<1>,
}

impl ContrastiveLossName {
    /// All variants.
    pub const ALL: [Self; 4] = [Self::NtXent, Self::SupCon, Self::Dcl, Self::Dclw];

    /// Returns the name that is used in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::NtXent => "nt-xent",
            Self::SupCon => "sup-con",
            Self::Dcl => "dcl",
            Self::Dclw => "dclw",
        }
    }
}

impl fmt::Display for ContrastiveLossName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ContrastiveLossName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let unknown =
            || Error::config("contrastive loss", name, "not one of nt-xent, sup-con, dcl, dclw");
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(unknown)
    }
}

impl Default for ContrastiveLossConfig {
    fn default() -> Self {
        Self {
            name: ContrastiveLossName::default(),
            temperature: 0.5,
            learnable_temperature: false,
            memory_bank: 0,
            negative_weight: 1.0,
        }
    }
}

impl ContrastiveLossConfig {
    /// Checks that all settings can be used.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn check(&self) -> Result<(), Error> {
        let temperature = self.temperature;
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::config("temperature", temperature, "must be above 0"));
        }
        let least = 1.0 / LearnableTemperature::MAX_SCALE;
        if self.learnable_temperature && temperature < least {
            return Err(Error::config(
                "temperature",
                temperature,
                "must be at least 0.01 where it is learnt",
            ));
        }
        let weight = self.negative_weight;
        if !(weight.is_finite() && weight > 0.0) {
            return Err(Error::config("negative weight", weight, "must be above 0"));
        }
        Ok(())
    }

    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the temperature is not positive.
    pub fn init(&self) -> ContrastiveLoss {
        check_temperature(self.temperature);
        let Self { name, temperature, negative_weight, .. } = *self;
        ContrastiveLoss { name, temperature, negative_weight }
    }

    /// Creates the parameter of the temperature; `None` if the temperature is fixed.
    ///
    /// # Panics
    /// Panics when the temperature is learnt and below 0.01.
    pub fn init_temperature(&self, device: &Device) -> Option<LearnableTemperature> {
        self.learnable_temperature.then(|| LearnableTemperature::new(self.temperature, device))
    }

    /// Creates the memory bank for projections of dimension `dim`; `None` if there is no bank.
    ///
    /// # Panics
    /// Panics when there is a bank and the dimension is 0.
    pub fn init_bank(&self, dim: usize, device: &Device) -> Option<MemoryBank> {
        (self.memory_bank > 0).then(|| MemoryBank::new(self.memory_bank, dim, device))
    }
}

impl ContrastiveLoss {
    /// Returns which loss this is.
    pub fn name(&self) -> ContrastiveLossName {
        self.name
    }

    /// Returns the configured temperature; it is not updated when a temperature is learnt.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Computes the loss of a batch. Gradients flow to the views, to the negatives and to a learnt
    /// temperature, but not to the bank.
    ///
    /// # Panics
    /// Panics when shapes do not fit, when the temperature is not positive, or when SupCon is given
    /// no labels.
    pub fn forward(
        &self,
        projections: Projections,
        temperature: Temperature,
    ) -> ContrastiveLossOutput {
        if let Some(labels) = &projections.labels {
            assert_eq!(labels.len(), projections.z0.dims()[0], "one label per pair");
        }
        match (self.name, temperature) {
            // In this case a single fused operation can compute the loss.
            (ContrastiveLossName::NtXent, Temperature::Fixed(temperature))
                if projections.bank.is_none() && projections.negatives.is_none() =>
            {
                let loss = NtXentConfig::new().with_temperature(temperature).init();
                let NtXentOutput { loss, top1 } =
                    loss.forward_with_top1(projections.z0, projections.z1);
                ContrastiveLossOutput { loss, top1 }
            }
            (_, temperature) => self.composed(projections, temperature),
        }
    }

    /// Computes the loss with Burn's tensor operations.
    fn composed(
        &self,
        projections: Projections,
        temperature: Temperature,
    ) -> ContrastiveLossOutput {
        let weights = (self.name == ContrastiveLossName::Dclw)
            .then(|| von_mises_fisher_weights(projections.z0.clone(), projections.z1.clone()));
        let positives = match self.name {
            ContrastiveLossName::SupCon => Positives::SameLabel,
            ContrastiveLossName::NtXent | ContrastiveLossName::Dcl | ContrastiveLossName::Dclw => {
                Positives::OtherView
            }
        };
        let scores = Scores::new(projections, temperature, positives)
            .with_negative_weight(self.negative_weight);
        let loss = match self.name {
            ContrastiveLossName::NtXent | ContrastiveLossName::SupCon => scores.cross_entropy(),
            ContrastiveLossName::Dcl | ContrastiveLossName::Dclw => decoupled(&scores, weights),
        };
        ContrastiveLossOutput { loss, top1: scores.top1() }
    }
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests;
