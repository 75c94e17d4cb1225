//! The location run: configuration, and training from it.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_models::{Backbone, Encoder, LocationHeadConfig};
use serde::{Deserialize, Serialize};

use super::fine_tune::FineTuneConfig;
use super::folder::{RunFolder, check_same};
use super::training::{Outcome, TrainingOptions, launch};
use crate::data::ImageFrame;
use crate::loss::{ChamferConfig, SetLossConfig};
use crate::metric::ScalarMetric;
use crate::task::{CardinalityAccuracy, Location, LocationChamfer, LocationF1, LocationLoss, LocationTrainingLoss};
use crate::{Error, Result};

/// What a location head learns from, by name; see [`LocationLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocationLossName {
    /// Assignment of clusters to candidates.
    Set,
    /// Chamfer distance in both directions, sums of distances: the report's.
    Chamfer,
    /// The same with squared distances.
    ChamferSquared,
    /// The same with means of distances.
    ChamferMean,
}

/// Everything that decides what a location run computes; `config.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationConfig {
    /// Encoder, data and optimisation.
    pub training: FineTuneConfig,
    /// What the head learns from.
    pub loss: LocationLossName,
    /// Centres in the answer: as many as the preset has clusters at most.
    pub num_centres: usize,
    /// Candidates that each cell of the feature map proposes.
    pub candidates_per_cell: usize,
}

impl LocationLossName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Set, Self::Chamfer, Self::ChamferSquared, Self::ChamferMean];

    /// The name, as in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Chamfer => "chamfer",
            Self::ChamferSquared => "chamfer-squared",
            Self::ChamferMean => "chamfer-mean",
        }
    }

    fn loss(self) -> LocationLoss {
        // Distances count 40 times: within a cell of an eighth of the image they are small numbers. The existence is a mean
        // over all candidates, of which few have a cluster, so it counts 100 times.
        let set = SetLossConfig::new().with_centre_weight(40.0).with_existence_weight(100.0).init();
        let chamfer = match self {
            Self::Set => return LocationLoss::Set(set),
            Self::Chamfer => ChamferConfig::new(),
            Self::ChamferSquared => ChamferConfig::new().with_squared(true),
            Self::ChamferMean => ChamferConfig::new().with_mean(true),
        };
        LocationLoss::Chamfer { chamfer: chamfer.init(), existence: set }
    }
}

impl fmt::Display for LocationLossName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LocationLossName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        known.ok_or_else(|| Error::config("loss", name, "not one of set, chamfer, chamfer-squared, chamfer-mean"))
    }
}

impl LocationConfig {
    /// Locating on `location-report` with the set loss.
    pub fn report() -> Self {
        let training = FineTuneConfig::report("location-report");
        Self { training, loss: LocationLossName::Set, num_centres: 6, candidates_per_cell: 2 }
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.training.check()?;
        for (field, value) in [("centres", self.num_centres), ("candidates", self.candidates_per_cell)] {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        let most = self.training.most_clusters()?;
        if self.num_centres < most {
            let reason = format!("{} has up to {most} clusters", self.training.preset);
            return Err(Error::config("centres", self.num_centres, reason));
        }
        let [rows, columns] = self.training.map_size()?;
        let candidates = rows * columns * self.candidates_per_cell;
        if candidates < most {
            let reason = format!(
                "a map of {rows} x {columns} cells gives {candidates} candidates for up to {most} clusters; \
                 more a cell, or a finer stem"
            );
            return Err(Error::config("candidates", self.candidates_per_cell, reason));
        }
        Ok(())
    }

    /// Checks that a run of `earlier` can go on under this configuration.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        self.training.check_resumes(&earlier.training)?;
        let fields = |config: &Self| {
            [
                ("loss", config.loss.to_string()),
                ("centres", config.num_centres.to_string()),
                ("candidates", config.candidates_per_cell.to_string()),
            ]
        };
        check_same(fields(self), fields(earlier))
    }

    /// The task as the run starts with it.
    ///
    /// # Errors
    /// When a setting cannot be used or the weights cannot be read.
    pub fn task(&self, device: &Device) -> Result<Location<Backbone>> {
        use burn::module::Module;
        let preset = self.training.check()?;
        let encoder = self.training.encoder(device)?;
        let head = LocationHeadConfig::new(encoder.feature_dim())
            .with_num_centres(self.num_centres)
            .with_candidates_per_cell(self.candidates_per_cell)
            .init(device)
            .materialize();
        let frame = ImageFrame::new(&self.training.image, preset.grid)?;
        Ok(Location::new(encoder, head, self.loss.loss(), frame, preset.grid))
    }
}

/// Trains an encoder to locate.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not finite.
pub fn train_location(
    config: &LocationConfig,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<Location<Backbone>>> {
    config.check()?;
    let preset = config.training.check()?;
    let device = device.clone().autodiff();
    let task = config.task(&device)?;
    let [train, valid] = config.training.loaders(&preset, &device)?;
    launch(
        folder,
        &device,
        options,
        Learner::new(task, config.training.optimizer(), config.training.schedule()?),
        (train, valid),
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
