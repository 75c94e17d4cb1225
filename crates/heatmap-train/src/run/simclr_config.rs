//! [`SimClrConfig`]: all settings that determine what a SimCLR run computes.

mod check;

use std::sync::Arc;

use heatmap_core::Normalization;
use heatmap_core::analysis::LogisticRegressionConfig;
use heatmap_core::augment::AugmentConfig;
use heatmap_models::ModelName;
use serde::{Deserialize, Serialize};

use super::online_evaluation::OnlineEvaluationConfig;
use super::run_config::RunConfig;
use super::settings::Settings;
use super::training::Selection;
use super::training_config::TrainingConfig;
use crate::Result;
use crate::data::{
    ClassSource, ImageConfig, LAYOUTS, OwnLog, PairSampler, Split, Views, class_source,
};
use crate::loss::{ContrastiveLossConfig, ContrastiveLossName};
use crate::optim::{OptimizerConfig, Warmup};
use crate::task::Precision;

/// Settings of a SimCLR run, stored as `config.json`. They are enough to repeat the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimClrConfig {
    /// Length, optimiser and checkpoints.
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// Architecture of the encoder.
    pub architecture: ModelName,
    /// Number of layers of the projection head: 2 as in SimCLR, 3 as in SimCLR v2. With 0 there is
    /// no head, and the loss compares the features.
    pub projection_layers: usize,
    /// Width of the layers of the projection head before the last one; `None` for that of the
    /// features, as in SimCLR.
    #[serde(default)]
    pub projection_hidden: Option<usize>,
    /// Dimension of the projections; it has no effect without a projection head.
    pub projection_dim: usize,
    /// Name of the data set: a preset, or `layouts`.
    pub preset: String,
    /// The click log to train on instead of the preset, whose name then says what the log is
    /// called.
    #[serde(default)]
    pub own: Option<OwnLog>,
    /// Number of classes in a batch.
    pub classes_per_batch: usize,
    /// Number of positive pairs of each of these classes; a pair consists of two images.
    pub pairs_per_class: usize,
    /// Number of hard negatives per pair: images that resemble the class of the pair without
    /// belonging to it. It must be 0 if the data set has none.
    #[serde(default)]
    pub negatives_per_pair: usize,
    /// How the two views of a pair are made.
    pub views: Views,
    /// Augmentation of the views, which [`Views::Generator`] does not use; `None` for the
    /// augmentations that leave the classes of the data set unchanged.
    pub augment: Option<AugmentConfig>,
    /// Contrastive loss.
    pub loss: ContrastiveLossConfig,
    /// Number of images per chunk, whose autodiff graph is in memory at a time (GradCache); `None`
    /// for the whole batch.
    pub chunk: Option<usize>,
    /// Number of batches whose gradients are summed before an optimiser step. It must be 1: a
    /// contrastive loss compares all images of a batch with each other, so the gradients of parts
    /// of a batch do not add up to that of the batch.
    pub accumulation: usize,
    /// Decay of the exponential moving average of the encoder per step; `None` for no average.
    pub ema: Option<f64>,
    /// How heatmaps become images.
    pub image: ImageConfig,
    /// Evaluation of the features, during and after training.
    pub evaluation: OnlineEvaluationConfig,
    /// Number of devices that share each batch.
    pub devices: usize,
    /// Numeric type of the encoder's activations during training.
    #[serde(default)]
    pub precision: Precision,
}

impl SimClrConfig {
    /// Returns the recipe of the report. The documentation at the top of `examples/simclr.rs` lists
    /// the settings that the report does not state.
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
            projection_hidden: None,
            projection_dim: 128,
            preset: "simclr-report".to_owned(),
            own: None,
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

    /// Returns the recipe for a data set: that of [`SimClrConfig::layouts`] for `layouts`,
    /// otherwise that of the report with this preset.
    pub fn for_preset(name: &str) -> Self {
        if name == LAYOUTS {
            Self::layouts()
        } else {
            Self { preset: name.to_owned(), ..Self::published_recipe() }
        }
    }

    /// Returns the recipe for `layouts`, which makes the features of good banners of a layout
    /// similar to each other and dissimilar from those of its broken banners: SupCon (Khosla et al.
    /// 2020) with the broken banners as hard negatives, which count four times for anchors of their
    /// own layout.
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
            // Banners are later compared by the cosine similarity of their features, so the loss
            // compares these instead of projections.
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

    /// Returns the number of images per pair: two views and the hard negatives.
    pub fn images_per_pair(&self) -> usize {
        2 + self.negatives_per_pair
    }

    fn pairs_per_batch(&self) -> usize {
        self.classes_per_batch * self.pairs_per_class
    }

    /// Returns the augmentation of the views: that of the configuration, or else the one that
    /// leaves the classes of `source` unchanged.
    pub fn augmentation(&self, source: &dyn ClassSource) -> AugmentConfig {
        self.augment.unwrap_or_else(|| source.class_keeping())
    }

    /// Creates the sampler of the pairs of a split.
    ///
    /// # Errors
    /// Returns an error when the data set cannot provide such batches.
    pub fn sampler(&self, preset: &Arc<dyn ClassSource>, split: Split) -> Result<PairSampler> {
        let for_supervised = self.loss.name == ContrastiveLossName::SupCon;
        PairSampler::new(preset.clone(), split.seed(self.training.seed), self.classes_per_batch)?
            .with_pairs_per_class(self.pairs_per_class)?
            .with_negatives(self.negatives_per_pair)?
            .with_views(self.views, self.augmentation(&**preset), for_supervised)
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
        let preset = match &self.own {
            Some(own) => {
                let (source, grid) = own.source(self.training.seed)?;
                self.image.frame(grid)?;
                source
            }
            None => class_source(&self.preset)?,
        };
        self.image.check_for(self.architecture)?;
        self.check_for(&preset)?;
        Ok(preset)
    }

    fn may_change(key: &str) -> bool {
        key.starts_with("evaluation.")
    }

    fn settings(&self) -> Result<Settings> {
        Settings::of(self)?.with_group("augment", &AugmentConfig::none())?.with_own_log()
    }
}
