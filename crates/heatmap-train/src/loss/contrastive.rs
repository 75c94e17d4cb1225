//! The contrastive losses behind one interface: NT-Xent, SupCon, DCL and DCLW, with a temperature
//! that is fixed or learnt, and with or without a memory bank.
//!
//! A row of a view is contrasted with all other rows of both views, and with those of the bank. For
//! NT-Xent, DCL and DCLW its one positive is its other view, whatever the labels: rows of the batch
//! that share a label by chance are contrasted, as in SimCLR. Rows of the bank that share its label
//! are left out, since a bank is filled again and again with the same classes. For SupCon both are
//! positives. [`Negatives`](super::Negatives) are seen by all rows and are positives of none, and
//! see nothing themselves. Those like a row's own class can count several times, as if they stood
//! there so often. SupCon, DCL and DCLW are described in `sup_con.rs` and `dcl.rs`.
//!
//! The loss is a function of the projections alone and not additive over parts of a batch: for
//! GradCache (Gao et al. 2021) give it the projections of the whole batch as leaves, and take their
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

/// A contrastive loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastiveLossName {
    /// Chen et al. 2020, equation 1.
    #[default]
    NtXent,
    /// Khosla et al. 2020, equation 2.
    SupCon,
    /// Yeh et al. 2022, equation 6.
    Dcl,
    /// DCL with weights of the positives.
    Dclw,
}

/// Configuration of [`ContrastiveLoss`] and of what belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContrastiveLossConfig {
    /// Which loss.
    pub name: ContrastiveLossName,
    /// Divides the cosine similarities; where a learnt one starts.
    pub temperature: f64,
    /// Whether the temperature is learnt.
    pub learnable_temperature: bool,
    /// Rows of the memory bank; 0 for none.
    pub memory_bank: usize,
    /// How many times a negative counts for the rows of the class that it is like; it counts once
    /// for all others.
    pub negative_weight: f64,
}

/// The loss; made by [`ContrastiveLossConfig::init`].
#[derive(Debug, Clone)]
pub struct ContrastiveLoss {
    name: ContrastiveLossName,
    temperature: f64,
    negative_weight: f64,
}

/// Loss of a batch and how often a positive was nearest.
#[derive(Debug, Clone)]
pub struct ContrastiveLossOutput {
    /// Mean over the rows of both views, `[1]`.
    pub loss: Tensor<1>,
    /// Share of rows whose nearest other row, of those that they see, is a positive, `[1]`, without
    /// gradient.
    pub top1: Tensor<1>,
}

impl ContrastiveLossName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NtXent, Self::SupCon, Self::Dcl, Self::Dclw];

    /// The name as in a configuration.
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
    /// Checks all settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
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

    /// The loss.
    ///
    /// # Panics
    /// When the temperature is not positive.
    pub fn init(&self) -> ContrastiveLoss {
        check_temperature(self.temperature);
        let Self { name, temperature, negative_weight, .. } = *self;
        ContrastiveLoss { name, temperature, negative_weight }
    }

    /// The parameter of the temperature, where it is learnt.
    ///
    /// # Panics
    /// When the temperature is below 0.01.
    pub fn init_temperature(&self, device: &Device) -> Option<LearnableTemperature> {
        self.learnable_temperature.then(|| LearnableTemperature::new(self.temperature, device))
    }

    /// The memory bank for projections of this dimension, where there is one.
    ///
    /// # Panics
    /// When the dimension is 0.
    pub fn init_bank(&self, dim: usize, device: &Device) -> Option<MemoryBank> {
        (self.memory_bank > 0).then(|| MemoryBank::new(self.memory_bank, dim, device))
    }
}

impl ContrastiveLoss {
    /// Which loss it is.
    pub fn name(&self) -> ContrastiveLossName {
        self.name
    }

    /// Its temperature, where none is learnt.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The loss of a batch. Gradients flow to the views and to a learnt temperature, and not to the
    /// bank.
    ///
    /// # Panics
    /// When shapes do not fit, the temperature is not positive, or labels are missing that SupCon
    /// needs.
    pub fn forward(
        &self,
        projections: Projections,
        temperature: Temperature,
    ) -> ContrastiveLossOutput {
        if let Some(labels) = &projections.labels {
            assert_eq!(labels.len(), projections.z0.dims()[0], "one label per pair");
        }
        match (self.name, temperature) {
            // There is one operation for this.
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

    /// The loss by Burn's operations.
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
