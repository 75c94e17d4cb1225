//! [`load_run`]: the trained network of a finished count or location run, with its head.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use heatmap_core::RunFolder;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, ModelName};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checkpoint::Checkpoints;
use super::saved_encoder::load_encoder;
use super::{CountConfig, FineTuneConfig, LocationConfig};
use crate::data::{ClusterData, SampleSource};
use crate::evaluation::Thresholds;
use crate::task::{Count, Location};
use crate::{Error, Result};

/// The network of a finished run. It is that of the best checkpoint on held-out samples.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one")]
pub enum FinishedRun {
    /// A run that has learned to count clusters.
    Count(FinishedCount),
    /// A run that has learned to locate clusters.
    Location(FinishedLocation),
}

/// A network that counts clusters.
#[derive(Debug)]
pub struct FinishedCount {
    /// Settings of the run.
    pub config: CountConfig,
    /// What it was trained on; its numbers of clusters are those that the head tells apart.
    pub data: ClusterData,
    /// Encoder and head.
    pub task: Count<Backbone>,
}

/// A network that locates clusters.
#[derive(Debug)]
pub struct FinishedLocation {
    /// Settings of the run.
    pub config: LocationConfig,
    /// What it was trained on.
    pub data: ClusterData,
    /// Encoder and head.
    pub task: Location<Backbone>,
    /// What decides which of the proposed centres are there, chosen at the end of the run.
    pub thresholds: Thresholds,
}

/// Loads the network of the finished count or location run in `folder`.
///
/// # Errors
/// Returns an error when the folder has no such run, when the run is not finished, or when one of
/// its files is damaged.
pub fn load_run(folder: &Path, device: &Device) -> Result<FinishedRun> {
    let folder = RunFolder::open(folder)?;
    let settings: Value = folder.read_json(RunFolder::CONFIG)?;
    let has = |key: &str| settings.get(key).is_some();
    if has("label_smoothing") {
        return FinishedCount::load(&folder, device).map(FinishedRun::Count);
    }
    if has("num_centres") {
        return FinishedLocation::load(&folder, device).map(FinishedRun::Location);
    }
    let reason = "the run neither counts nor locates; `features` and `facets` take its encoder";
    Err(Error::bad_file(&folder.file(RunFolder::CONFIG), reason))
}

impl FinishedCount {
    fn load(folder: &RunFolder, device: &Device) -> Result<Self> {
        let config: CountConfig = settings(folder)?;
        let data = data_of(folder, &config.fine_tune)?;
        let encoder = load_encoder(folder, config.fine_tune.architecture, device)?;
        let task = trained(folder, config.task_for(encoder, &data, device)?)?;
        Ok(Self { config, data, task })
    }
}

impl FinishedLocation {
    fn load(folder: &RunFolder, device: &Device) -> Result<Self> {
        let config: LocationConfig = settings(folder)?;
        let data = data_of(folder, &config.fine_tune)?;
        let encoder = load_encoder(folder, config.fine_tune.architecture, device)?;
        let task = trained(folder, config.task_for(encoder, &data, device)?)?;
        let mut report: Value = folder.read_json("report.json")?;
        let thresholds = serde_json::from_value(report["thresholds"].take())
            .map_err(|error| Error::bad_file(&folder.file("report.json"), error))?;
        Ok(Self { config, data, task, thresholds })
    }
}

impl FinishedRun {
    /// What the network was trained on.
    pub fn data(&self) -> &ClusterData {
        match self {
            Self::Count(run) => &run.data,
            Self::Location(run) => &run.data,
        }
    }

    /// The preset that the network was trained on; `None` for a click log.
    ///
    /// # Errors
    /// Returns an error when there is no such preset any more.
    pub fn preset(&self) -> Result<Option<Preset>> {
        let fine_tune = match self {
            Self::Count(run) => &run.config.fine_tune,
            Self::Location(run) => &run.config.fine_tune,
        };
        match fine_tune.own {
            Some(_) => Ok(None),
            None => Ok(Some(Preset::named(&fine_tune.preset)?)),
        }
    }

    /// The architecture of the encoder.
    pub fn architecture(&self) -> ModelName {
        match self {
            Self::Count(run) => run.config.fine_tune.architecture,
            Self::Location(run) => run.config.fine_tune.architecture,
        }
    }
}

/// Name of the file that describes the data set of a run.
const DATA: &str = "data.json";

/// Stores in the folder of a run what its network knows of the data set, for [`load_run`].
///
/// # Errors
/// Returns an error when the classes are not numbers of clusters, or when the file cannot be
/// written.
pub fn save_data(folder: &RunFolder, source: &dyn SampleSource) -> Result<()> {
    Ok(folder.write_json(DATA, &ClusterData::of(source)?)?)
}

/// Reads what the network of a run knows of its data set. Runs of earlier versions have no such
/// file, and were trained on presets.
fn data_of(folder: &RunFolder, config: &FineTuneConfig) -> Result<ClusterData> {
    match folder.file(DATA).is_file() {
        true => Ok(folder.read_json(DATA)?),
        false => ClusterData::of(&Preset::named(&config.preset)?),
    }
}

/// Reads the settings of a run.
fn settings<C: DeserializeOwned>(folder: &RunFolder) -> Result<C> {
    Ok(folder.read_json(RunFolder::CONFIG)?)
}

/// Puts the parameters of the best checkpoint into `task`; those of the newest one if none was
/// scored.
fn trained<M: Module>(folder: &RunFolder, task: M) -> Result<M> {
    let checkpoints = Checkpoints::of(folder);
    let step = match checkpoints.best()?.step() {
        Some(step) => step,
        None => checkpoints.newest_complete()?.0.step,
    };
    let record = checkpoints.model_record(step)?;
    task.try_load_record(record).map_err(|error| {
        let reason =
            format!("checkpoint {step} is not of the network that config.json has: {error}");
        Error::bad_file(folder.path(), reason)
    })
}
