//! The count run: configuration, and training from it.

use std::sync::Arc;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, CountEncoding, CountHeadConfig, DensityHeadConfig, Encoder};
use serde::{Deserialize, Serialize};

use super::fine_tune::{FineTuneConfig, MapShapes, check_resumes};
use super::folder::RunFolder;
use super::training::{Outcome, Plan, TrainingOptions, launch};
use crate::data::{SampleSource, cluster_counts_of};
use crate::metric::ScalarMetric;
use crate::task::{
    Count, CountLoss, CountMae, CountTrainingLoss, ExactAccuracy, GuidedDensity, WithinOne,
};
use crate::{Error, Result};

/// Everything that decides what a count run computes; `config.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountConfig {
    /// Encoder, data and optimisation.
    pub training: FineTuneConfig,
    /// What the head says and learns from.
    pub loss: CountEncoding,
    /// Probability that softmax's targets give to all counts alike; the ordinal losses have none.
    pub label_smoothing: f64,
    /// Weight of the density of clusters that is learned beside the count, from where they are; 0
    /// for none.
    pub density_weight: f64,
}

/// Px along a side of the cells of the density.
const CELL_PX: usize = 4;

impl CountConfig {
    /// The task of the report: softmax, with a label smoothing of 0.05, and beside it a density,
    /// which the report has not.
    pub fn published_recipe() -> Self {
        let training = FineTuneConfig::published_recipe("count-report");
        Self { training, loss: CountEncoding::Softmax, label_smoothing: 0.05, density_weight: 0.1 }
    }

    /// Checks all settings and gives the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<Arc<Preset>> {
        let preset = self.training.check()?;
        self.check_for(&(preset.clone() as Arc<dyn SampleSource>), &self.training.map_shapes()?)?;
        Ok(preset)
    }

    /// Checks the settings for these data and an encoder with these maps.
    fn check_for(&self, source: &Arc<dyn SampleSource>, maps: &MapShapes) -> Result<()> {
        self.training.check_data(source)?;
        cluster_counts_of(&**source)?;
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(Error::config(
                "label smoothing",
                self.label_smoothing,
                "must be at least 0 and less than 1",
            ));
        }
        if !(self.density_weight.is_finite() && self.density_weight >= 0.0) {
            return Err(Error::config(
                "density weight",
                self.density_weight,
                "must be a number from 0 on",
            ));
        }
        if self.density_weight > 0.0 {
            self.training.pyramid(maps, CELL_PX)?;
        }
        Ok(())
    }

    /// Checks that a run of `earlier` can go on under this configuration.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        check_resumes(self, earlier)
    }

    /// The task as the run starts with it.
    ///
    /// # Errors
    /// When a setting cannot be used or the weights cannot be read.
    pub fn task(&self, device: &Device) -> Result<Count<Backbone>> {
        let preset = self.check()?;
        self.task_of(self.training.encoder(device)?, &(preset as Arc<dyn SampleSource>), device)
    }

    /// The task of an encoder of the caller's own, for data of the caller's own.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn task_of<E: Encoder + ModuleDisplay>(
        &self,
        encoder: E,
        source: &Arc<dyn SampleSource>,
        device: &Device,
    ) -> Result<Count<E>> {
        let maps = MapShapes::of(&encoder);
        self.check_for(source, &maps)?;
        let training = &self.training;
        let density = match self.density_weight {
            0.0 => None,
            _ => Some(DensityHeadConfig::new(training.pyramid(&maps, CELL_PX)?)),
        };
        let feature_dim =
            encoder.feature_dim() + density.as_ref().map_or(0, DensityHeadConfig::feature_dim);
        let head = CountHeadConfig::new(feature_dim, source.num_classes()).with_encoding(self.loss);
        let head = head.init(device).materialize();
        let frame = training.image.frame(source.grid())?;
        let density = density.map(|config| {
            GuidedDensity::new(config.init(device).materialize(), self.density_weight, frame)
        });
        let loss = CountLoss::new(self.loss, self.label_smoothing, device);
        Ok(Count::new(encoder, density, head, loss))
    }
}

/// Trains the encoder of a configuration to count the clusters of its preset.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not
/// finite.
pub fn train_count(
    config: &CountConfig,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Count<Backbone>>> {
    let preset = config.check()?;
    let device = device.clone().autodiff();
    let encoder = config.training.encoder(&device)?;
    train_count_of(config, encoder, preset, folder, &device, options)
}

/// Trains an encoder of the caller's own to count the clusters of data of the caller's own. What
/// the configuration says of encoder and preset is passed over.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not
/// finite.
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
    let [train, valid] = config.training.loaders(&source, &device)?;
    launch(
        folder,
        Plan::new(&device, train, valid),
        options,
        Learner::new(task, config.training.optimizer(), config.training.schedule()?),
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
