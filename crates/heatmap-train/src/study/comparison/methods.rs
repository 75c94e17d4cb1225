//! [`TrainingMethod`]: the methods of training an encoder that a comparison includes.

use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, ModelName};
use serde::Serialize;

use crate::data::class_source;
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};
use crate::optim::{OptimizerConfig, Warmup};
use crate::run::{
    CountConfig, ENCODER, FineTuneConfig, HeldOutConfig, LocationConfig, OnlineEvaluationConfig,
    RunConfig, RunFolder, RunObserver, Selection, SimClrConfig, TrainingConfig, TrainingFolder,
    TrainingOptions, save_encoder, train_count, train_location, train_simclr, untrained_encoder,
};
use crate::{Error, Result};

/// Settings of a comparison, which all training methods share; `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareConfig {
    /// The architecture of the encoders.
    pub architecture: ModelName,
    /// Name of the preset whose classes the features are evaluated on. SimCLR also trains on it.
    pub preset: String,
    /// Seeds of the training. Each method trains one encoder per seed.
    pub seeds: Vec<u64>,
    /// Number of steps of each training.
    pub batches: usize,
    /// Number of held-out samples per class on which kNN and linear probe are fitted. The same
    /// number of other samples is scored.
    pub per_class: usize,
    /// Number of grids on whose banners the detection of broken banners is measured.
    pub grids: u64,
    /// Number of banners in each grid.
    pub banners: u64,
    /// Number of clicks on each banner.
    pub clicks: u32,
}

/// A method of training an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainingMethod {
    /// No training: the parameters stay random.
    Untrained,
    /// Supervised learning of the number of clusters.
    Count,
    /// Supervised learning of the places of the clusters.
    Location,
    /// SimCLR with this contrastive loss.
    SimClr(ContrastiveLossName),
    /// SimCLR on the banners of many layouts, with broken banners as additional negatives.
    Layouts,
}

impl TrainingMethod {
    /// Returns all methods, with one SimCLR method for each contrastive loss.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Untrained, Self::Count, Self::Location];
        all.extend(ContrastiveLossName::ALL.iter().copied().map(Self::SimClr));
        all.push(Self::Layouts);
        all
    }
}

impl fmt::Display for TrainingMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrained => f.pad("untrained"),
            Self::Count => f.pad("count"),
            Self::Location => f.pad("location"),
            Self::SimClr(loss) => f.pad(&format!("simclr {loss}")),
            Self::Layouts => f.pad("simclr layouts"),
        }
    }
}

impl CompareConfig {
    fn simclr(&self, loss: ContrastiveLossName, seed: u64) -> Result<SimClrConfig> {
        let classes = class_source(&self.preset)?.num_classes();
        let report = SimClrConfig::published_recipe();
        Ok(SimClrConfig {
            architecture: self.architecture,
            preset: self.preset.clone(),
            training: TrainingConfig { seed, batches: self.batches, ..report.training },
            classes_per_batch: classes,
            loss: ContrastiveLossConfig { name: loss, ..ContrastiveLossConfig::default() },
            // Encoders are evaluated only after training.
            evaluation: OnlineEvaluationConfig { every: None, ..report.evaluation },
            ..report
        })
    }

    /// Returns the settings for [`TrainingMethod::Layouts`]. It keeps the batch size of its recipe
    /// and sees about as many images as the other methods.
    fn layouts(&self, seed: u64) -> Result<SimClrConfig> {
        let layouts = SimClrConfig::layouts();
        let images =
            self.batches * self.simclr(ContrastiveLossName::NtXent, seed)?.images_per_batch();
        let batches = images.div_ceil(layouts.images_per_batch());
        let warmup = layouts.training.optimizer.warmup_batches.batches(layouts.training.batches)?;
        let warmup_batches = Warmup::Batches(warmup.min(batches / 10));
        let optimizer = OptimizerConfig { warmup_batches, ..layouts.training.optimizer };
        Ok(SimClrConfig {
            architecture: self.architecture,
            training: TrainingConfig { seed, batches, optimizer, ..layouts.training },
            evaluation: OnlineEvaluationConfig { every: None, ..layouts.evaluation },
            ..layouts
        })
    }

    /// Returns the settings for a supervised method, which sees as many images as the others. It
    /// trains on the preset of the comparison if the classes of that are numbers of clusters, and
    /// on the preset `of_the_task` otherwise.
    fn fine_tune(&self, of_the_task: &str, seed: u64) -> Result<FineTuneConfig> {
        let counts = Preset::named(&self.preset).ok().and_then(|preset| preset.cluster_counts());
        let preset = if counts.is_some() { &self.preset } else { of_the_task };
        let batch_size = self.simclr(ContrastiveLossName::NtXent, seed)?.images_per_batch();
        let report = FineTuneConfig::published_recipe(preset);
        Ok(FineTuneConfig {
            training: TrainingConfig { seed, batches: self.batches, ..report.training },
            architecture: self.architecture,
            batch_size,
            evaluation: HeldOutConfig { samples: 200, ..report.evaluation },
            ..report
        })
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.simclr(ContrastiveLossName::NtXent, 0)?.resolve()?;
        self.layouts(0)?.resolve()?;
        self.fine_tune("count-report", 0)?.resolve(false)?;
        for (field, value) in [("seeds", self.seeds.len()), ("samples per class", self.per_class)] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        Ok(())
    }

    /// Trains an encoder in the folder `path` and saves it there. If the folder already has the
    /// encoder of a run with these settings, nothing is trained; if it has checkpoints of one,
    /// training continues from the newest.
    ///
    /// Returns `true` when the encoder is in the folder, and `false` when the user stopped the
    /// training.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used, when the training fails, or when a file
    /// cannot be read or written.
    pub fn learn(
        &self,
        method: TrainingMethod,
        seed: u64,
        path: &Path,
        device: &Device,
        observer: &dyn RunObserver,
    ) -> Result<bool> {
        let tell = &mut |sentence: &str| observer.tell(sentence);
        match method {
            TrainingMethod::Untrained => {
                let config = self.simclr(ContrastiveLossName::NtXent, seed)?;
                let folder = RunFolder::of(path, &config, tell)?;
                if !folder.file(ENCODER).is_file() {
                    save_encoder(&folder, &untrained_encoder(&config, device))?;
                }
                Ok(true)
            }
            TrainingMethod::Count => {
                let fine_tune = self.fine_tune("count-report", seed)?;
                let config = CountConfig { fine_tune, ..CountConfig::published_recipe() };
                finish(path, &config, observer, |start, folder, options| {
                    let outcome = train_count(&config, &start, folder, device, options)?;
                    Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                })
            }
            TrainingMethod::Location => {
                let fine_tune = self.fine_tune("location-report", seed)?;
                let num_centres = fine_tune.most_clusters()?;
                let config =
                    LocationConfig { fine_tune, num_centres, ..LocationConfig::published_recipe() };
                finish(path, &config, observer, |start, folder, options| {
                    let outcome = train_location(&config, &start, folder, device, options)?;
                    Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                })
            }
            TrainingMethod::SimClr(_) | TrainingMethod::Layouts => {
                let config = match method {
                    TrainingMethod::SimClr(loss) => self.simclr(loss, seed)?,
                    _ => self.layouts(seed)?,
                };
                finish(path, &config, observer, |_, folder, options| {
                    let devices = std::slice::from_ref(device);
                    let outcome = train_simclr(&config, folder, devices, options)?;
                    Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                })
            }
        }
    }
}

/// Trains unless `path` already has the encoder, starting from the newest checkpoint if there is
/// one, and saves the encoder of the last step. It returns `false` when the user stopped the
/// training.
fn finish<C: RunConfig>(
    path: &Path,
    config: &C,
    observer: &dyn RunObserver,
    train: impl FnOnce(C::Resolved, &RunFolder, &TrainingOptions) -> Result<Option<Backbone>>,
) -> Result<bool> {
    let tell = &mut |sentence: &str| observer.tell(sentence);
    let folder = RunFolder::of(path, config, tell)?;
    if folder.file(ENCODER).is_file() {
        return Ok(true);
    }
    let resume = folder.newest_checkpoint(tell)?;
    let options = TrainingOptions {
        selection: Selection::Last,
        shows_progress: observer.shows_progress(),
        ..config.training_options(resume)
    };
    observer.training_begins(&options.interrupter);
    let encoder = config.resolve().and_then(|start| train(start, &folder, &options));
    observer.training_ends();
    let Some(encoder) = encoder? else { return Ok(false) };
    save_encoder(&folder, &encoder)?;
    Ok(true)
}
