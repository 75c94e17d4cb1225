//! [`SimClrConfig`]: everything that decides what a SimCLR run computes.

use std::sync::Arc;

use heatmap_core::Normalization;
use heatmap_core::analysis::LogisticRegressionConfig;
use heatmap_core::augment::AugmentConfig;
use heatmap_models::ModelName;
use serde::{Deserialize, Serialize};

use super::online_evaluation::OnlineEvaluationConfig;
use super::run_config::RunConfig;
use super::training::Selection;
use super::training_config::TrainingConfig;
use crate::data::{ClassSource, ImageConfig, LAYOUTS, PairSampler, Split, Views, class_source};
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};
use crate::optim::{OptimizerConfig, Warmup};
use crate::task::Precision;
use crate::{Error, Result};

/// `config.json` of a run: with it alone the run can be repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimClrConfig {
    /// Length, optimiser and checkpoints.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// The encoder.
    pub architecture: ModelName,
    /// Layers of the projection head: 2 as in SimCLR, 3 as in SimCLR v2, 0 for none: the loss
    /// compares the features.
    pub projection_layers: usize,
    /// Length of a projection; without a layer that of the features.
    pub projection_dim: usize,
    /// Name of the preset.
    pub preset: String,
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
    /// Share of itself that a moving average of the encoder keeps at a step; none for no average.
    pub ema: Option<f64>,
    /// From heatmap to image.
    pub image: ImageConfig,
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
            training: TrainingConfig {
                seed: 0,
                batches: 1_000,
                earlier_batches: Vec::new(),
                optimizer: OptimizerConfig::default(),
                checkpoint_every: Some(100),
            },
            architecture: ModelName::RESNET_50,
            projection_layers: 2,
            projection_dim: 128,
            preset: "simclr-report".to_owned(),
            classes_per_batch: 8,
            pairs_per_class: 1,
            negatives_per_pair: 0,
            views: Views::Generator,
            augment: None,
            loss: ContrastiveLossConfig::default(),
            chunk: None,
            accumulation: 1,
            ema: None,
            image: ImageConfig { normalization: Normalization::Log1p, ..ImageConfig::default() },
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
        let report = Self::published_recipe();
        let optimizer =
            OptimizerConfig { warmup_batches: Warmup::Batches(100), ..report.training.optimizer };
        Self {
            training: TrainingConfig { batches: 1_500, optimizer, ..report.training },
            architecture: ModelName::RESNET_18,
            preset: LAYOUTS.to_owned(),
            // The cosine of features is what the recipe is for.
            projection_layers: 0,
            classes_per_batch: 16,
            pairs_per_class: 1,
            negatives_per_pair: 2,
            loss,
            image: ImageConfig {
                normalization: Normalization::SqrtShares,
                smoothing: Some(1.5),
                ..ImageConfig::default()
            },
            ..report
        }
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
        PairSampler::new(preset.clone(), split.seed(self.training.seed), self.classes_per_batch)?
            .with_pairs_per_class(self.pairs_per_class)?
            .with_negatives(self.negatives_per_pair)?
            .with_views(self.views, self.augmentation(&**preset), for_supervised)
    }

    /// Checks the settings for these data instead of the preset, whatever the encoder.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check_for(&self, preset: &Arc<dyn ClassSource>) -> Result<()> {
        self.training.check()?;
        self.sampler(preset, Split::Train)?;
        self.loss.check()?;
        for (field, value) in [
            ("projection_dim", self.projection_dim),
            ("evaluation.every", self.evaluation.every.unwrap_or(1)),
            ("devices", self.devices),
            ("accumulation", self.accumulation),
        ] {
            if value == 0 {
                return Err(Error::config(field, 0, "must be positive"));
            }
        }
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
            return Err(Error::config("evaluation.probe_c", probe_c, "must be above 0"));
        }
        for (field, samples, taken) in [
            ("evaluation.samples", samples, every.is_some()),
            ("evaluation.final_samples", final_samples, true),
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
}

impl RunConfig for SimClrConfig {
    type Resolved = Arc<dyn ClassSource>;

    fn training(&self) -> &TrainingConfig {
        &self.training
    }

    fn training_mut(&mut self) -> &mut TrainingConfig {
        &mut self.training
    }

    fn images_per_batch(&self) -> usize {
        self.images_per_pair() * self.pairs_per_batch()
    }

    fn selection(&self) -> Selection {
        Selection::Last
    }

    fn resolve(&self) -> Result<Self::Resolved> {
        let preset = class_source(&self.preset)?;
        self.image.check_for(self.architecture)?;
        self.check_for(&preset)?;
        Ok(preset)
    }

    fn may_change(key: &str) -> bool {
        key.starts_with("evaluation.")
    }
}
