//! SimCLR: contrastive training of an encoder and a projection head (Chen et al. 2020).
//!
//! [`SimClr`] is the network with its loss. `step` implements a training step: in one piece, in
//! chunks so that only one chunk's autodiff graph is in memory at a time (`grad_cache`), or on
//! several devices that gather each other's projections (`projection_exchange`). The encoder
//! computes in f32 or with half-precision activations (`precision`).

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

/// A SimCLR network: encoder, projection head and loss, with a learnt temperature, a memory bank
/// and an averaged encoder if configured.
#[derive(Module, Debug)]
pub struct SimClr<E: Encoder + ModuleDisplay> {
    encoder: E,
    projection: ProjectionHead,
    temperature: Option<LearnableTemperature>,
    bank: Option<MemoryBank>,
    /// Exponential moving average of the encoder.
    average: Option<E>,
    #[module(skip)]
    loss: ContrastiveLoss,
    #[module(skip)]
    options: SimClrOptions,
    /// Through which the devices that share a batch exchange projections; shared by all copies of
    /// the task.
    #[module(skip)]
    meeting: Option<Arc<ProjectionExchange>>,
    /// Projections queued for the memory bank, which takes them after the optimiser step.
    #[module(skip)]
    pending: Pending,
    /// Loss scale for f16; shared by all copies of the task.
    #[module(skip)]
    loss_scale: Arc<LossScale>,
    /// Whether the network has been verified to give the same projections when a chunk is repeated.
    #[module(skip)]
    repeats: Arc<AtomicBool>,
}

/// Projections with their labels, until they are taken.
type Pending = Arc<Mutex<Option<(Tensor<2>, Vec<usize>)>>>;

/// How a [`SimClr`] computes its training steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimClrOptions {
    /// Number of pairs per chunk, whose autodiff graph is in memory at a time; `None` for the whole
    /// batch.
    pub chunk: Option<usize>,
    /// Decay of the exponential moving average of the encoder per step; `None` for no average.
    pub ema: Option<f64>,
    /// Number of devices that share a batch.
    pub devices: usize,
    /// Numeric type in which the encoder computes.
    pub precision: Precision,
}

impl Default for SimClrOptions {
    fn default() -> Self {
        Self { chunk: None, ema: None, devices: 1, precision: Precision::F32 }
    }
}

impl<E: Encoder + ModuleDisplay> SimClr<E> {
    /// Combines the parts into a task that computes each step in one piece on one device.
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

    /// Sets how steps are computed. If an average is configured, it starts from the current
    /// encoder.
    pub fn with_options(self, options: SimClrOptions) -> Self {
        let average = options.ema.map(|_| ema_copy(&self.encoder));
        let meeting =
            (options.devices > 1).then(|| Arc::new(ProjectionExchange::new(options.devices)));
        Self { options, average, meeting, ..self }
    }

    /// Makes the temperature learnt.
    pub fn with_temperature(self, temperature: LearnableTemperature) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// Adds a memory bank, which provides projections of earlier batches.
    pub fn with_memory_bank(self, bank: MemoryBank) -> Self {
        Self { bank: Some(bank), ..self }
    }

    /// Returns the encoder for use after training: the moving average if there is one.
    pub fn encoder(&self) -> &E {
        self.average.as_ref().unwrap_or(&self.encoder)
    }

    /// Computes the projections `[images, out_dim]` of images.
    fn embed(&self, images: Tensor<4>) -> Tensor<2> {
        self.projection.forward(self.encoder.forward_features(self.options.precision.of(images)))
    }
}

#[cfg(test)]
mod tests;
