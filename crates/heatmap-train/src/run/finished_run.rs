//! [`load_run`]: the trained network of a finished count or location run, with its head.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use heatmap_core::RunFolder;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, ModelName};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checkpoint::Checkpoints;
use super::saved_encoder::load_encoder;
use super::{CountConfig, LocationConfig};
use crate::data::{SampleSource, cluster_counts_of};
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
    /// The preset that it was trained on.
    pub preset: Arc<Preset>,
    /// Encoder and head.
    pub task: Count<Backbone>,
    /// The numbers of clusters that the head tells apart.
    pub counts: RangeInclusive<usize>,
}

/// A network that locates clusters.
#[derive(Debug)]
pub struct FinishedLocation {
    /// Settings of the run.
    pub config: LocationConfig,
    /// The preset that it was trained on.
    pub preset: Arc<Preset>,
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
        let preset = Arc::new(Preset::named(&config.fine_tune.preset)?);
        let source: Arc<dyn SampleSource> = preset.clone();
        let counts = cluster_counts_of(&*source)?;
        let encoder = load_encoder(folder, config.fine_tune.architecture, device)?;
        let task = trained(folder, config.task_of(encoder, &source, device)?)?;
        Ok(Self { config, preset, task, counts })
    }
}

impl FinishedLocation {
    fn load(folder: &RunFolder, device: &Device) -> Result<Self> {
        let config: LocationConfig = settings(folder)?;
        let preset = Arc::new(Preset::named(&config.fine_tune.preset)?);
        let source: Arc<dyn SampleSource> = preset.clone();
        let encoder = load_encoder(folder, config.fine_tune.architecture, device)?;
        let task = trained(folder, config.task_of(encoder, &source, device)?)?;
        let mut report: Value = folder.read_json("report.json")?;
        let thresholds = serde_json::from_value(report["thresholds"].take())
            .map_err(|error| Error::bad_file(&folder.file("report.json"), error))?;
        Ok(Self { config, preset, task, thresholds })
    }
}

impl FinishedRun {
    /// The preset that the network was trained on.
    pub fn preset(&self) -> &Arc<Preset> {
        match self {
            Self::Count(run) => &run.preset,
            Self::Location(run) => &run.preset,
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
