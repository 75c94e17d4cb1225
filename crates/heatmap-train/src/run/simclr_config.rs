//! [`SimClrConfig`]: everything that decides what a SimCLR run computes.

use std::sync::Arc;

use heatmap_core::Normalization;
use heatmap_core::analysis::LogisticRegressionConfig;
use heatmap_core::augment::AugmentConfig;
use heatmap_models::ModelName;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::online_evaluation::OnlineEvaluationConfig;
use super::settings::Settings;
use super::training::{Selection, TrainingOptions};
use crate::data::{ClassSource, ImageConfig, LAYOUTS, PairSampler, Split, Views, class_source};
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};
use crate::optim::OptimizerConfig;
use crate::task::Precision;
use crate::{Error, Result};

/// `config.json` of a run: with it alone the run can be repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimClrConfig {
    /// The encoder.
    pub architecture: ModelName,
    /// Layers of the projection head: 2 as in SimCLR, 3 as in SimCLR v2, 0 for none: the loss
    /// compares the features.
    pub projection_layers: usize,
    /// Length of a projection; without a layer that of the features.
    pub projection_dim: usize,
    /// Name of the preset.
    pub preset: String,
    /// Seed of parameters and data.
    pub seed: u64,
    /// Steps.
    pub batches: usize,
    /// Steps behind which the run went on under a new schedule of the learning rate, up to the next
    /// of these or the last of all; empty for a run under one schedule.
    #[serde(default)]
    pub earlier_batches: Vec<usize>,
    /// Classes in a batch.
    pub classes_per_batch: usize,
    /// Pairs of each of its classes; a pair gives two images.
    pub pairs_per_class: usize,
    /// Images beside each pair that are like its class and do not belong to it, where the preset
    /// has such.
    #[serde(default)]
    pub negatives_per_pair: usize,
    /// Where the two views of a pair come from.
    pub views: Views,
    /// How views are augmented; none for those augmentations that keep the classes of the preset.
    pub augment: Option<AugmentConfig>,
    /// What is minimised.
    pub loss: ContrastiveLossConfig,
    /// Images whose graph is in memory at a time (GradCache); none for all.
    pub chunk: Option<usize>,
    /// Batches whose gradients are summed before a step: 1, for a contrastive loss has no other.
    pub accumulation: usize,
    /// How the parameters follow the gradient.
    pub optimizer: OptimizerConfig,
    /// Share of itself that a moving average of the encoder keeps at a step; none for no average.
    pub ema: Option<f64>,
    /// From heatmap to image.
    pub image: ImageConfig,
    /// Steps between checkpoints, and between looks at held-out pairs.
    pub checkpoint_every: usize,
    /// What is measured of the features on the way.
    pub evaluation: OnlineEvaluationConfig,
    /// Devices that share each batch.
    pub devices: usize,
    /// Type of the activations in training.
    #[serde(default)]
    pub precision: Precision,
}

impl SimClrConfig {
    /// The recipe of the report; see `docs` of the example for where it is silent.
    pub fn published_recipe() -> Self {
        Self {
            architecture: ModelName::ResNet(50),
            projection_layers: 2,
            projection_dim: 128,
            preset: "simclr-report".to_owned(),
            seed: 0,
            batches: 1_000,
            earlier_batches: Vec::new(),
            classes_per_batch: 8,
            pairs_per_class: 1,
            negatives_per_pair: 0,
            views: Views::Generator,
            augment: None,
            loss: ContrastiveLossConfig::default(),
            chunk: None,
            accumulation: 1,
            optimizer: OptimizerConfig::default(),
            ema: None,
            image: ImageConfig { normalization: Normalization::Log1p, ..ImageConfig::default() },
            checkpoint_every: 100,
            evaluation: OnlineEvaluationConfig {
                every: Some(250),
                samples: 400,
                final_samples: OnlineEvaluationConfig::FINAL_SAMPLES,
                probe_c: LogisticRegressionConfig::default().c,
            },
            devices: 1,
            precision: Precision::F32,
        }
    }

    /// The recipe for a preset: for `layouts` that of [`SimClrConfig::layouts`], otherwise that of
    /// the report.
    pub fn for_preset(name: &str) -> Self {
        if name == LAYOUTS {
            Self::layouts()
        } else {
            Self { preset: name.to_owned(), ..Self::published_recipe() }
        }
    }

    /// Good banners of a layout are drawn together and away from its broken ones: SupCon (Khosla et
    /// al. 2020) with the broken banners as negatives, which count four times for their own layout.
    pub fn layouts() -> Self {
        let loss = ContrastiveLossConfig {
            name: ContrastiveLossName::SupCon,
            temperature: 0.1,
            negative_weight: 4.0,
            ..ContrastiveLossConfig::default()
        };
        Self {
            architecture: ModelName::ResNet(18),
            preset: LAYOUTS.to_owned(),
            // The cosine of features is what the recipe is for.
            projection_layers: 0,
            batches: 1_500,
            classes_per_batch: 16,
            pairs_per_class: 1,
            negatives_per_pair: 2,
            loss,
            optimizer: OptimizerConfig { warmup_batches: 100, ..OptimizerConfig::default() },
            image: ImageConfig {
                normalization: Normalization::SqrtShares,
                smoothing: Some(1.5),
                ..ImageConfig::default()
            },
            ..Self::published_recipe()
        }
    }

    /// How far a run of this configuration goes and what it writes on the way.
    pub fn training_options(&self, resume: Option<Checkpoint>) -> TrainingOptions {
        TrainingOptions {
            steps: self.batches,
            checkpoint_every: self.checkpoint_every,
            images_per_step: self.images_per_batch(),
            resume,
            selection: Selection::Last,
            interrupter: Default::default(),
        }
    }

    /// The steps at which a schedule of the learning rate ends.
    pub fn schedule_ends(&self) -> Vec<usize> {
        self.earlier_batches.iter().copied().chain([self.batches]).collect()
    }

    /// As a run of `earlier` goes on behind its last step: under a schedule of its own.
    pub fn with_new_schedule(self, earlier: &Self) -> Self {
        Self { earlier_batches: earlier.schedule_ends(), ..self }
    }

    /// Images in a batch.
    pub fn images_per_batch(&self) -> usize {
        self.images_per_pair() * self.pairs_per_batch()
    }

    /// Views and negatives of a pair.
    pub fn images_per_pair(&self) -> usize {
        2 + self.negatives_per_pair
    }

    fn pairs_per_batch(&self) -> usize {
        self.classes_per_batch * self.pairs_per_class
    }

    /// How views are augmented.
    pub fn augmentation(&self, source: &dyn ClassSource) -> AugmentConfig {
        self.augment.unwrap_or_else(|| source.class_keeping())
    }

    /// The pairs of a part of the data set.
    ///
    /// # Errors
    /// When the preset cannot give such batches.
    pub fn sampler(&self, preset: &Arc<dyn ClassSource>, split: Split) -> Result<PairSampler> {
        let for_supervised = self.loss.name == ContrastiveLossName::SupCon;
        PairSampler::new(preset.clone(), split.seed(self.seed), self.classes_per_batch)?
            .with_pairs_per_class(self.pairs_per_class)?
            .with_negatives(self.negatives_per_pair)?
            .with_views(self.views, self.augmentation(&**preset), for_supervised)
    }

    /// Checks all settings and gives the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<Arc<dyn ClassSource>> {
        let preset = class_source(&self.preset)?;
        self.image.check_for(self.architecture)?;
        self.check_for(&preset)?;
        Ok(preset)
    }

    /// Checks the settings for these data instead of the preset, whatever the encoder.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check_for(&self, preset: &Arc<dyn ClassSource>) -> Result<()> {
        self.sampler(preset, Split::Train)?;
        self.loss.check()?;
        for (field, value) in [
            ("batches", self.batches),
            ("projection dim", self.projection_dim),
            ("checkpoint every", self.checkpoint_every),
            ("evaluation every", self.evaluation.every.unwrap_or(1)),
            ("devices", self.devices),
            ("accumulation", self.accumulation),
        ] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
        self.optimizer.check(self.schedule_ends()[0])?;
        self.optimizer.schedule(&self.schedule_ends())?;
        if self.accumulation > 1 {
            let reason = "a contrastive loss compares every image with every other, so the \
                          gradients of parts of a batch \
                          do not add up to that of the batch; take a larger batch, and `chunk` to \
                          have it in little memory";
            return Err(Error::config("accumulation", self.accumulation, reason));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return Err(Error::config("ema", decay, "must be at least 0 and less than 1"));
        }
        let OnlineEvaluationConfig { every, samples, final_samples, probe_c } = self.evaluation;
        if !(probe_c.is_finite() && probe_c > 0.0) {
            return Err(Error::config("probe c", probe_c, "must be above 0"));
        }
        for (field, samples, taken) in [
            ("evaluation samples", samples, every.is_some()),
            ("evaluation final samples", final_samples, true),
        ] {
            if taken && samples < 2 * preset.num_classes() {
                let reason = format!(
                    "`{}` has {} classes; take two of each or more",
                    preset.name(),
                    preset.num_classes()
                );
                return Err(Error::config(field, samples, reason));
            }
        }
        let (pairs, of_each) = (self.pairs_per_batch(), self.images_per_pair());
        if let Some(chunk) = self.chunk {
            // Batch normalisation needs two images, and chunks of one size count alike.
            if chunk < of_each
                || !chunk.is_multiple_of(of_each)
                || !pairs.is_multiple_of(chunk / of_each)
            {
                let multiple = if of_each == 2 {
                    "even".to_owned()
                } else {
                    format!("a multiple of {of_each}")
                };
                let reason = format!(
                    "must be {multiple} and divide the {} images of a batch",
                    of_each * pairs
                );
                return Err(Error::config("chunk", chunk, reason));
            }
            if self.devices > 1 {
                return Err(Error::config(
                    "chunk",
                    chunk,
                    "several devices share a batch in one piece each",
                ));
            }
        }
        if self.precision == Precision::F16 && self.devices > 1 {
            let reason =
                "each device would have a scale of the loss of its own; take bf16, or one device";
            return Err(Error::config("precision", self.precision, reason));
        }
        if !pairs.is_multiple_of(self.devices) {
            let reason = format!("{pairs} pairs of a batch cannot be shared evenly");
            return Err(Error::config("devices", self.devices, reason));
        }
        Ok(())
    }

    /// Checks that a run of `earlier` can go on under this configuration: everything agrees but how
    /// often it is looked at, and how far it goes where that is under a new schedule; see
    /// [`SimClrConfig::with_new_schedule`]. A schedule that is stretched while it is followed would
    /// be neither the old one nor the new one.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        const FREE: [&str; 3] = ["batches", "checkpoint_every", "earlier_batches"];
        if self.schedule_ends() != earlier.schedule_ends()
            && self.earlier_batches != earlier.schedule_ends()
        {
            let reason = format!(
                "the run to resume has {}, over which its learning rate falls to zero; \
                 `--new-schedule` lets it rise again behind them",
                earlier.batches
            );
            return Err(Error::config("batches", self.batches, reason));
        }
        let (now, before) = (Settings::of(self)?, Settings::of(earlier)?);
        now.check_same(&before, |key| FREE.contains(&key) || key.starts_with("evaluation."))
    }
}
