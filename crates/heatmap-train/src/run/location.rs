//! Location runs: configuration, task and training.

use std::sync::Arc;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::RunFolder;
use heatmap_core::one_of;
use heatmap_models::{Backbone, Encoder, LocationHeadConfig};
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
use crate::data::{ClusterData, ImageConfig, SampleSource};
use crate::loss::{ChamferConfig, SetLossConfig};
use crate::metric::ScalarMetric;
use crate::task::{
    CardinalityAccuracy, Location, LocationChamfer, LocationF1, LocationLoss, LocationTrainingLoss,
};
use crate::{Error, Result};

/// Number of held-out samples of the final evaluation.
const FINAL_SAMPLES: usize = 5_000;

/// Weight of the distances relative to the cross-entropy of the existence logits.
const CENTRE_WEIGHT: f64 = 20.0;

/// Selects the loss of a location head; see [`LocationLoss`].
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
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
pub enum LocationLossName {
    /// Set prediction: every true cluster is matched with one candidate.
    Set,
    /// Chamfer distance, in both directions, as a sum of distances, as in the report.
    Chamfer,
    /// Chamfer distance as a sum of squared distances.
    ChamferSquared,
    /// Chamfer distance as a mean of distances.
    ChamferMean,
}

/// Settings of a location run, stored as `config.json`: everything that determines what it
/// computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationConfig {
    /// Encoder, data and optimisation.
    #[serde(flatten)]
    pub fine_tune: FineTuneConfig,
    /// Loss of the head.
    pub loss: LocationLossName,
    /// Number of centres in the output: at least as many as a heatmap of the data set can have
    /// clusters.
    pub num_centres: usize,
    /// Side in px of the cells, each of which proposes one centre. It is the cell size of one of
    /// the encoder's maps, or that of its finest map divided by a power of two.
    pub cell_px: usize,
}

impl LocationLossName {
    /// All variants.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name that is used in configurations.
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn loss(self) -> LocationLoss {
        // Distances are fractions of the image's width and height. With the usual 16 cells along a
        // side, an error of one cell costs 20 / 16 in the matching, about as much as an existence
        // probability of 1 gains. DETR, whose queries have no fixed positions, uses a weight of 5.
        let set = SetLossConfig::new().with_centre_weight(CENTRE_WEIGHT).init();
        let chamfer = match self {
            Self::Set => return LocationLoss::Set(set),
            Self::Chamfer => ChamferConfig::new(),
            Self::ChamferSquared => ChamferConfig::new().with_squared(true),
            Self::ChamferMean => ChamferConfig::new().with_mean(true),
        };
        LocationLoss::Chamfer { chamfer: chamfer.init(), weight: CENTRE_WEIGHT, existence: set }
    }
}

fn unknown(name: &str) -> Error {
    Error::config("loss", name, one_of::<LocationLossName>())
}

impl LocationConfig {
    /// Returns a recipe for `location-report`, with the set loss in place of the report's Chamfer
    /// distance.
    pub fn published_recipe() -> Self {
        let mut fine_tune = FineTuneConfig::published_recipe("location-report");
        fine_tune.evaluation.final_samples = FINAL_SAMPLES;
        Self { fine_tune, loss: LocationLossName::Set, num_centres: 6, cell_px: 4 }
    }

    /// Checks the settings for this data set and an encoder with these maps.
    fn check_for(&self, source: &Arc<dyn SampleSource>, maps: &MapShapes) -> Result<()> {
        self.fine_tune.check_data(source)?;
        for (field, value) in [("num_centres", self.num_centres), ("cell_px", self.cell_px)] {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        let most = ClusterData::of(&**source)?.most;
        if self.num_centres < most {
            let reason = format!("{} has up to {most} clusters", source.name());
            return Err(Error::config("num_centres", self.num_centres, reason));
        }
        self.fine_tune.pyramid(maps, self.cell_px)?;
        let ImageConfig { height, width, .. } = self.fine_tune.image;
        let candidates = (height / self.cell_px) * (width / self.cell_px);
        if candidates < most {
            let reason = format!(
                "gives {candidates} candidates for up to {most} clusters; smaller cells give more"
            );
            return Err(Error::config("cell_px", self.cell_px, reason));
        }
        Ok(())
    }

    /// Creates the task with which the run starts.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used, or when the weights cannot be read.
    pub fn task(&self, device: &Device) -> Result<Location<Backbone>> {
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
    ) -> Result<Location<E>> {
        self.check_for(source, &MapShapes::of(&encoder))?;
        self.task_for(encoder, &ClusterData::of(&**source)?, device)
    }

    /// Creates the task of an encoder for a data set that is only described.
    ///
    /// # Errors
    /// Returns an error when the settings do not fit to the encoder.
    pub(super) fn task_for<E: Encoder + ModuleDisplay>(
        &self,
        encoder: E,
        data: &ClusterData,
        device: &Device,
    ) -> Result<Location<E>> {
        let maps = MapShapes::of(&encoder);
        let head = LocationHeadConfig::new(self.fine_tune.pyramid(&maps, self.cell_px)?)
            .with_num_centres(self.num_centres)
            .init(device)
            .materialize();
        let frame = self.fine_tune.image.frame(data.grid)?;
        Ok(Location::new(encoder, head, self.loss.loss(), frame, data.grid))
    }
}

impl RunConfig for LocationConfig {
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
        let start = self.fine_tune.resolve(true)?;
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

/// Trains the encoder of a configuration to locate the clusters in the heatmaps of its data set.
/// `start` is what the configuration [resolves](RunConfig::resolve) to.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_location(
    config: &LocationConfig,
    start: &FineTuneStart,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Location<Backbone>>> {
    let device = device.clone().autodiff();
    let (encoder, source) = (start.encoder(&device)?, start.source().clone());
    train_location_of(config, encoder, source, folder, &device, options)
}

/// Trains the caller's own encoder to locate the clusters in the caller's own data. The settings of
/// the encoder and the preset in the configuration are ignored.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_location_of<E: Encoder + ModuleDisplay>(
    config: &LocationConfig,
    encoder: E,
    source: Arc<dyn SampleSource>,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Location<E>>> {
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
                    ScalarMetric::<LocationTrainingLoss>::new(),
                    ScalarMetric::<LocationF1>::new(),
                    ScalarMetric::<CardinalityAccuracy>::new(),
                    ScalarMetric::<LocationChamfer>::new(),
                ))
                .metric_train_numeric(LearningRateMetric::new())
        },
    )
}
