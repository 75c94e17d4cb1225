//! [`TrainingMethod`]: a way in which an encoder comes to its features.

use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, ModelName};
use serde::Serialize;

use crate::data::class_source;
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};
use crate::optim::OptimizerConfig;
use crate::run::{
    CountConfig, ENCODER, FineTuneConfig, LocationConfig, OnlineEvaluationConfig, RunFolder,
    RunObserver, Selection, SimClrConfig, TrainingOptions, save_encoder, train_count,
    train_location, train_simclr, untrained_encoder,
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
        all.extend(ContrastiveLossName::ALL.map(Self::SimClr));
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
            seed,
            batches: self.batches,
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
        let warmup_batches = layouts.optimizer.warmup_batches.min(batches / 10);
        Ok(SimClrConfig {
            architecture: self.architecture,
            seed,
            batches,
            optimizer: OptimizerConfig { warmup_batches, ..layouts.optimizer },
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
        let samples = self.batches * batch_size;
        let report = FineTuneConfig::published_recipe(preset);
        Ok(FineTuneConfig {
            architecture: self.architecture,
            seed,
            samples,
            batch_size,
            valid_samples: 200,
            ..report
        })
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// Names the one that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.simclr(ContrastiveLossName::NtXent, 0)?.check()?;
        self.layouts(0)?.check()?;
        self.fine_tune("count-report", 0)?.check()?;
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
                let config = CountConfig {
                    training: self.fine_tune("count-report", seed)?,
                    ..CountConfig::published_recipe()
                };
                let steps = (self.batches, config.training.checkpoint_every());
                finish(
                    path,
                    &config,
                    steps,
                    config.training.batch_size,
                    observer,
                    |folder, options| {
                        let outcome = train_count(&config, folder, device, options)?;
                        Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                    },
                )
            }
            TrainingMethod::Location => {
                let training = self.fine_tune("location-report", seed)?;
                let num_centres = *training.counts()?.end();
                let config =
                    LocationConfig { training, num_centres, ..LocationConfig::published_recipe() };
                let steps = (self.batches, config.training.checkpoint_every());
                finish(
                    path,
                    &config,
                    steps,
                    config.training.batch_size,
                    observer,
                    |folder, options| {
                        let outcome = train_location(&config, folder, device, options)?;
                        Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                    },
                )
            }
            TrainingMethod::SimClr(_) | TrainingMethod::Layouts => {
                let config = match method {
                    TrainingMethod::SimClr(loss) => self.simclr(loss, seed)?,
                    _ => self.layouts(seed)?,
                };
                let steps = (config.batches, config.checkpoint_every);
                finish(
                    path,
                    &config,
                    steps,
                    config.images_per_batch(),
                    observer,
                    |folder, options| {
                        let outcome =
                            train_simclr(&config, folder, std::slice::from_ref(device), options)?;
                        Ok((!outcome.interrupted).then(|| outcome.model.encoder().clone()))
                    },
                )
            }
        }
    }
}

/// Trains unless the encoder is there, from the newest checkpoint on, and saves it.
fn finish(
    path: &Path,
    config: &impl Serialize,
    (steps, checkpoint_every): (usize, usize),
    images_per_step: usize,
    observer: &dyn RunObserver,
    train: impl FnOnce(&RunFolder, &TrainingOptions) -> Result<Option<Backbone>>,
) -> Result<bool> {
    let tell = &mut |sentence: &str| observer.tell(sentence);
    let folder = RunFolder::of(path, config, tell)?;
    if folder.file(ENCODER).is_file() {
        return Ok(true);
    }
    let options = TrainingOptions {
        steps,
        checkpoint_every,
        images_per_step,
        resume: folder.newest_checkpoint(tell)?,
        selection: Selection::Last,
        interrupter: Default::default(),
    };
    observer.training_begins(&options.interrupter);
    let encoder = train(&folder, &options);
    observer.training_ends();
    let Some(encoder) = encoder? else { return Ok(false) };
    save_encoder(&folder, &encoder)?;
    Ok(true)
}
