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

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use heatmap_core::one_of;
use serde::{Deserialize, Serialize};

use super::dcl::{Dcl, Dclw};
use super::memory_bank::MemoryBank;
use super::nt_xent::NtXentObjective;
use super::objective::ContrastiveObjective;
use super::projections::Projections;
use super::scores::Scores;
use super::similarity::check_temperature;
use super::sup_con::SupConObjective;
use super::temperature::{LearnableTemperature, Temperature};
use crate::Error;

/// Selects a contrastive loss.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
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

/// A contrastive loss, made by [`ContrastiveLossConfig::init`] or, of any objective, by
/// [`ContrastiveLoss::new`].
#[derive(Debug, Clone)]
pub struct ContrastiveLoss {
    objective: Arc<dyn ContrastiveObjective>,
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
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name that is used in configurations.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns what computes the loss of this name.
    pub fn objective(self) -> Arc<dyn ContrastiveObjective> {
        match self {
            Self::NtXent => Arc::new(NtXentObjective),
            Self::SupCon => Arc::new(SupConObjective),
            Self::Dcl => Arc::new(Dcl),
            Self::Dclw => Arc::new(Dclw),
        }
    }
}

fn unknown(name: &str) -> Error {
    Error::config("loss.name", name, one_of::<ContrastiveLossName>())
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
            return Err(Error::config("negative_weight", weight, "must be above 0"));
        }
        Ok(())
    }

    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the temperature is not positive.
    pub fn init(&self) -> ContrastiveLoss {
        ContrastiveLoss::new(self.name.objective(), self.temperature)
            .with_negative_weight(self.negative_weight)
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
    /// Makes a loss of an objective at a temperature; hard negatives count once.
    ///
    /// # Panics
    /// Panics when the temperature is not positive.
    pub fn new(objective: Arc<dyn ContrastiveObjective>, temperature: f64) -> Self {
        check_temperature(temperature);
        Self { objective, temperature, negative_weight: 1.0 }
    }

    /// Makes a hard negative count `weight` times for anchors of the class that it resembles.
    #[must_use]
    pub fn with_negative_weight(self, weight: f64) -> Self {
        Self { negative_weight: weight, ..self }
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
            assert_eq!(labels.len(), projections.pairs(), "one label per pair");
        }
        // Of the views alone, a single fused operation may compute the loss.
        if let Temperature::Fixed(fixed) = &temperature
            && projections.bank.is_none()
            && projections.negatives.is_none()
        {
            check_temperature(*fixed);
            if let Some((loss, top1)) = self.objective.fused(&projections.views, *fixed) {
                return ContrastiveLossOutput { loss, top1 };
            }
        }
        self.composed(projections, temperature)
    }

    /// Computes the loss with Burn's tensor operations.
    fn composed(
        &self,
        projections: Projections,
        temperature: Temperature,
    ) -> ContrastiveLossOutput {
        let scores = Scores::new(projections, temperature, self.objective.positives())
            .with_negative_weight(self.negative_weight);
        ContrastiveLossOutput { loss: self.objective.loss(&scores), top1: scores.top1() }
    }
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests;
