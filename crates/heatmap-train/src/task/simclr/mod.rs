//! SimCLR: an encoder and a projection head that learn to bring two views together (Chen et al.
//! 2020).
//!
//! [`SimClr`] is the network with its loss. `step` tells how a step goes: as one piece, in chunks
//! whose graphs need not be in memory at the same time (`grad_cache`), or shared by devices that
//! gather each other's projections (`projection_exchange`); in f32 or with activations in half precision
//! (`precision`).

mod grad_cache;
mod output;
mod precision;
mod projection_exchange;
mod step;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use heatmap_models::{Encoder, ProjectionHead};

use self::projection_exchange::ProjectionExchange;
use crate::loss::{ContrastiveLoss, LearnableTemperature, MemoryBank};
use crate::optim::ema_copy;
pub use output::{
    ContrastiveLossMetric, ContrastiveOutput, ContrastiveTop1, GradientNorm, TemperatureMetric,
};
use precision::LossScale;
pub use precision::Precision;

/// Encoder, projection head, loss, and what the loss learns or remembers.
#[derive(Module, Debug)]
pub struct SimClr<E: Encoder + ModuleDisplay> {
    encoder: E,
    projection: ProjectionHead,
    temperature: Option<LearnableTemperature>,
    bank: Option<MemoryBank>,
    /// Moving average of the encoder.
    average: Option<E>,
    #[module(skip)]
    loss: ContrastiveLoss,
    #[module(skip)]
    options: SimClrOptions,
    /// Where the devices that share a batch meet; all copies of the task share it.
    #[module(skip)]
    meeting: Option<Arc<ProjectionExchange>>,
    /// Rows for the bank, from a step to the optimiser behind it.
    #[module(skip)]
    pending: Pending,
    /// Of f16; all copies of the task share it.
    #[module(skip)]
    loss_scale: Arc<LossScale>,
    /// Whether a chunk was seen to give the same projections twice.
    #[module(skip)]
    repeats: Arc<AtomicBool>,
}

/// Rows and their labels, until someone takes them.
type Pending = Arc<Mutex<Option<(Tensor<2>, Vec<usize>)>>>;

/// How a [`SimClr`] takes its steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimClrOptions {
    /// Pairs whose graph is in memory at a time; all for none.
    pub chunk: Option<usize>,
    /// Share of itself that the moving average of the encoder keeps at a step; no average for none.
    pub ema: Option<f64>,
    /// Devices that share a batch.
    pub devices: usize,
    /// In what the encoder computes.
    pub precision: Precision,
}

impl Default for SimClrOptions {
    fn default() -> Self {
        Self { chunk: None, ema: None, devices: 1, precision: Precision::F32 }
    }
}

impl<E: Encoder + ModuleDisplay> SimClr<E> {
    /// The task of these parts, in one piece on one device.
    pub fn new(encoder: E, projection: ProjectionHead, loss: ContrastiveLoss) -> Self {
        let options = SimClrOptions::default();
        let (pending, loss_scale, repeats) = (Arc::default(), Arc::default(), Arc::default());
        let (temperature, bank, average, meeting) = (None, None, None, None);
        Self {
            encoder,
            projection,
            temperature,
            bank,
            average,
            loss,
            options,
            meeting,
            pending,
            loss_scale,
            repeats,
        }
    }

    /// With steps taken like this.
    pub fn with_options(self, options: SimClrOptions) -> Self {
        let average = options.ema.map(|_| ema_copy(&self.encoder));
        let meeting =
            (options.devices > 1).then(|| Arc::new(ProjectionExchange::new(options.devices)));
        Self { options, average, meeting, ..self }
    }

    /// With a temperature that learns.
    pub fn with_temperature(self, temperature: LearnableTemperature) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// With projections of earlier batches as further negatives.
    pub fn with_memory_bank(self, bank: MemoryBank) -> Self {
        Self { bank: Some(bank), ..self }
    }

    /// The encoder for what comes after training: the moving average, where there is one.
    pub fn encoder(&self) -> &E {
        self.average.as_ref().unwrap_or(&self.encoder)
    }

    /// Images to projections, `[images, out_dim]`.
    fn embed(&self, images: Tensor<4>) -> Tensor<2> {
        self.projection.forward(self.encoder.forward_features(self.options.precision.of(images)))
    }
}

#[cfg(test)]
mod tests;
