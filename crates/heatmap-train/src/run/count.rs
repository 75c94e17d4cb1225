//! Count runs: configuration, task and training.

use std::sync::Arc;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::RunFolder;
use heatmap_models::{Backbone, CountEncoding, CountHeadConfig, DensityHeadConfig, Encoder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fine_tune::FineTuneConfig;
use super::fine_tune_start::FineTuneStart;
use super::map_shapes::MapShapes;
use super::migration::flatten_training;
use super::run_config::RunConfig;
use super::settings::Settings;
use super::training::{Outcome, Plan, Selection, TrainingOptions, launch};
use super::training_config::TrainingConfig;
use crate::data::{ClusterData, SampleSource};
use crate::metric::ScalarMetric;
use crate::task::{
    Count, CountLoss, CountMae, CountTrainingLoss, ExactAccuracy, GuidedDensity, WithinOne,
};
use crate::{Error, Result};

/// Settings of a count run, stored as `config.json`: everything that determines what it computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountConfig {
    /// Encoder, data and optimisation.
    #[serde(flatten)]
    pub fine_tune: FineTuneConfig,
    /// Encoding of the count in the output of the head, which also determines the loss.
    pub loss: CountEncoding,
    /// Label smoothing of the softmax loss: the probability that its targets spread evenly over all
    /// counts. The other losses ignore it.
    pub label_smoothing: f64,
    /// Weight of the loss of an auxiliary head, which learns the density of clusters from their
    /// positions; 0 for no such head.
    pub density_weight: f64,
}

/// Number of held-out samples of the final evaluation, for a standard error of accuracies of at
/// most half a percent.
const FINAL_SAMPLES: usize = 10_000;

/// Side of the cells of the density, in px.
const CELL_PX: usize = 4;

impl CountConfig {
    /// Returns the recipe of the report, softmax with a label smoothing of 0.05, and adds a density
    /// head, which the report does not have.
    pub fn published_recipe() -> Self {
        let mut fine_tune = FineTuneConfig::published_recipe("count-report");
        fine_tune.evaluation.final_samples = FINAL_SAMPLES;
        Self { fine_tune, loss: CountEncoding::Softmax, label_smoothing: 0.05, density_weight: 0.1 }
    }

    /// Checks the settings for this data set and an encoder with these maps.
    fn check_for(&self, source: &Arc<dyn SampleSource>, maps: &MapShapes) -> Result<()> {
        self.fine_tune.check_data(source)?;
        ClusterData::of(&**source)?;
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(Error::config(
                "label_smoothing",
                self.label_smoothing,
                "must be at least 0 and less than 1",
            ));
        }
        if !(self.density_weight.is_finite() && self.density_weight >= 0.0) {
            return Err(Error::config(
                "density_weight",
                self.density_weight,
                "must be a number from 0 on",
            ));
        }
        if self.density_weight > 0.0 {
            self.fine_tune.pyramid(maps, CELL_PX)?;
        }
        Ok(())
    }

    /// Creates the task with which the run starts.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used, or when the weights cannot be read.
    pub fn task(&self, device: &Device) -> Result<Count<Backbone>> {
        let start = self.resolve()?;
        self.task_of(start.encoder(device)?, start.source(), device)
    }

    /// Creates the task of the caller's own encoder, for the caller's own data.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used.
    pub fn task_of<E: Encoder + ModuleDisplay>(
        &self,
        encoder: E,
        source: &Arc<dyn SampleSource>,
        device: &Device,
    ) -> Result<Count<E>> {
        self.check_for(source, &MapShapes::of(&encoder))?;
        self.task_for(encoder, &ClusterData::of(&**source)?, device)
    }

    /// Creates the task of an encoder for a data set that is only described.
    ///
    /// # Errors
    /// Returns an error when the settings do not fit to the encoder or the data set.
    pub(super) fn task_for<E: Encoder + ModuleDisplay>(
        &self,
        encoder: E,
        data: &ClusterData,
        device: &Device,
    ) -> Result<Count<E>> {
        let (maps, fine_tune) = (MapShapes::of(&encoder), &self.fine_tune);
        let density = match self.density_weight {
            0.0 => None,
            _ => Some(DensityHeadConfig::new(fine_tune.pyramid(&maps, CELL_PX)?)),
        };
        let feature_dim =
            encoder.feature_dim() + density.as_ref().map_or(0, DensityHeadConfig::feature_dim);
        let head = CountHeadConfig::new(feature_dim, data.num_classes()).with_encoding(self.loss);
        let head = head.init(device).materialize();
        let frame = fine_tune.image.frame(data.grid)?;
        let density = density.map(|config| {
            GuidedDensity::new(config.init(device).materialize(), self.density_weight, frame)
        });
        let loss = CountLoss::new(self.loss, self.label_smoothing, device);
        Ok(Count::new(encoder, density, head, loss))
    }
}

impl RunConfig for CountConfig {
    type Resolved = FineTuneStart;

    fn training(&self) -> &TrainingConfig {
        &self.fine_tune.training
    }

    fn training_mut(&mut self) -> &mut TrainingConfig {
        &mut self.fine_tune.training
    }

    fn images_per_batch(&self) -> usize {
        self.fine_tune.batch_size
    }

    fn selection(&self) -> Selection {
        self.fine_tune.selection()
    }

    fn resolve(&self) -> Result<FineTuneStart> {
        let start = self.fine_tune.resolve(self.density_weight > 0.0)?;
        self.check_for(start.source(), &start.maps)?;
        Ok(start)
    }

    fn settings(&self) -> Result<Settings> {
        Settings::of(self)?.with_own_log()
    }

    fn may_change(key: &str) -> bool {
        FineTuneConfig::may_change(key)
    }

    fn migrate(values: &mut Map<String, Value>) -> Option<String> {
        flatten_training(values, FINAL_SAMPLES)
    }
}

/// Trains the encoder of a configuration to count the clusters in the heatmaps of its data set.
/// `start` is what the configuration [resolves](RunConfig::resolve) to.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_count(
    config: &CountConfig,
    start: &FineTuneStart,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Count<Backbone>>> {
    let device = device.clone().autodiff();
    let (encoder, source) = (start.encoder(&device)?, start.source().clone());
    train_count_of(config, encoder, source, folder, &device, options)
}

/// Trains the caller's own encoder to count the clusters in the caller's own data. The settings of
/// the encoder and the preset in the configuration are ignored.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_count_of<E: Encoder + ModuleDisplay>(
    config: &CountConfig,
    encoder: E,
    source: Arc<dyn SampleSource>,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Count<E>>> {
    let device = device.clone().autodiff();
    let task = config.task_of(encoder, &source, &device)?;
    let [train, valid] = config.fine_tune.loaders(&source, &device)?;
    let training = &config.fine_tune.training;
    let plan = Plan { clip_norm: training.optimizer.clip_norm, ..Plan::new(&device, train, valid) };
    launch(
        folder,
        plan,
        options,
        Learner::new(task, training.optimizer.init(), training.schedule()?),
        |training| {
            training
                .metrics((
                    ScalarMetric::<CountTrainingLoss>::new(),
                    ScalarMetric::<ExactAccuracy>::new(),
                    ScalarMetric::<WithinOne>::new(),
                    ScalarMetric::<CountMae>::new(),
                ))
                .metric_train_numeric(LearningRateMetric::new())
        },
    )
}
