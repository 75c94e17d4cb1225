//! [`TrainingMethod`]: a way in which an encoder comes to its features.

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
    RunConfig, RunFolder, RunObserver, Selection, SimClrConfig, TrainingConfig, TrainingOptions,
    save_encoder, train_count, train_location, train_simclr, untrained_encoder,
};
use crate::{Error, Result};

/// What every method has in common; `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareConfig {
    /// The encoder.
    pub architecture: ModelName,
    /// Classes that the features are to tell, and that SimCLR learns from.
    pub preset: String,
    /// Seeds, each with encoders of its own.
    pub seeds: Vec<u64>,
    /// Steps of each training.
    pub batches: usize,
    /// Held-out samples of each class that probe and neighbours are fitted on, and as many that are
    /// scored.
    pub per_class: usize,
    /// Grids of banners, broken ones among them.
    pub grids: u64,
    /// Banners of a grid.
    pub banners: u64,
    /// Clicks of a banner.
    pub clicks: u32,
}

/// One method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainingMethod {
    /// Random parameters.
    Untrained,
    /// Supervised, by the number of clusters.
    Count,
    /// Supervised, by their places.
    Location,
    /// SimCLR with this loss.
    SimClr(ContrastiveLossName),
    /// SimCLR on layouts, with broken banners as negatives.
    Layouts,
}

impl TrainingMethod {
    /// All of them.
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
            // What is measured, is measured at the end.
            evaluation: OnlineEvaluationConfig { every: None, ..report.evaluation },
            ..report
        })
    }

    /// With as many images as the others, in batches of its own size.
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

    /// The supervised methods see as many images: of the same preset where its classes are numbers
    /// of clusters, otherwise of the one that the report has for the task.
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
    /// Names the one that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.simclr(ContrastiveLossName::NtXent, 0)?.resolve()?;
        self.layouts(0)?.resolve()?;
        self.fine_tune("count-report", 0)?.resolve()?;
        for (field, value) in [("seeds", self.seeds.len()), ("samples per class", self.per_class)] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        Ok(())
    }

    /// Lets an encoder learn in `path`, or takes the one that is there; `false` when the user
    /// stopped it.
    ///
    /// # Errors
    /// When a run fails.
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
                let num_centres = *fine_tune.counts()?.end();
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

/// Trains unless the encoder is there, from the newest checkpoint on, and saves that of the last
/// step.
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
