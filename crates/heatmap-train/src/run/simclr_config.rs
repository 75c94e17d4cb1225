//! [`SimClrConfig`]: everything that decides what a SimCLR run computes.

use std::sync::Arc;

use heatmap_core::Normalization;
use heatmap_core::analysis::LogisticRegressionConfig;
use heatmap_core::augment::AugmentConfig;
use heatmap_core::synth::Preset;
use heatmap_models::ModelName;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::data::{ImageConfig, PairSampler, Split, Views};
use crate::evaluation::EvaluationConfig;
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
    /// Layers of the projection head: 2 as in SimCLR, 3 as in SimCLR v2.
    pub projection_layers: usize,
    /// Length of a projection.
    pub projection_dim: usize,
    /// Name of the preset.
    pub preset: String,
    /// Seed of parameters and data.
    pub seed: u64,
    /// Steps.
    pub batches: usize,
    /// Classes in a batch.
    pub classes_per_batch: usize,
    /// Pairs of each of its classes; a pair gives two images.
    pub pairs_per_class: usize,
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

/// What is measured of the features, while the run goes on and behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlineEvaluationConfig {
    /// Steps from one measurement to the next, an epoch so to speak; none for never.
    pub every: Option<usize>,
    /// Samples on which neighbours and probe are fitted, and as many on which they are scored.
    pub samples: usize,
    /// As many of the last evaluation, behind the training. It costs nothing but time: a probe on few samples says less than
    /// there is.
    #[serde(default = "final_samples")]
    pub final_samples: usize,
    /// Inverse strength of the probe's penalty, C of scikit-learn; SimCLR too chooses it for a network on held-out samples
    /// (Chen et al. 2020, appendix B.6).
    #[serde(default = "probe_c")]
    pub probe_c: f64,
}

fn probe_c() -> f64 {
    LogisticRegressionConfig::default().c
}

/// Enough for a standard error of about one percent.
fn final_samples() -> usize {
    1_600
}

impl OnlineEvaluationConfig {
    /// How neighbours and probe are fitted.
    pub fn fits(&self) -> EvaluationConfig {
        let probe = LogisticRegressionConfig { c: self.probe_c, ..LogisticRegressionConfig::default() };
        EvaluationConfig { probe, ..EvaluationConfig::default() }
    }
}

impl SimClrConfig {
    /// The recipe of the report; see `docs` of the example for where it is silent.
    pub fn report() -> Self {
        Self {
            architecture: ModelName::ResNet(50),
            projection_layers: 2,
            projection_dim: 128,
            preset: "simclr-report".to_owned(),
            seed: 0,
            batches: 1_000,
            classes_per_batch: 8,
            pairs_per_class: 1,
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
                final_samples: final_samples(),
                probe_c: probe_c(),
            },
            devices: 1,
            precision: Precision::F32,
        }
    }

    /// Images in a batch.
    pub fn images_per_batch(&self) -> usize {
        2 * self.classes_per_batch * self.pairs_per_class
    }

    /// How views are augmented.
    pub fn augmentation(&self, preset: &Preset) -> AugmentConfig {
        self.augment.unwrap_or_else(|| AugmentConfig::class_keeping(preset))
    }

    /// The pairs of a part of the data set.
    ///
    /// # Errors
    /// When the preset cannot give such batches.
    pub fn sampler(&self, preset: &Arc<Preset>, split: Split) -> Result<PairSampler> {
        let for_supervised = self.loss.name == ContrastiveLossName::SupCon;
        PairSampler::new(preset.clone(), split.seed(self.seed), self.classes_per_batch)?
            .with_pairs_per_class(self.pairs_per_class)?
            .with_views(self.views, self.augmentation(preset), for_supervised)
    }

    /// Checks all settings and gives the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<Arc<Preset>> {
        let preset = Arc::new(Preset::named(&self.preset)?);
        self.sampler(&preset, Split::Train)?;
        self.image.check_for(self.architecture)?;
        self.loss.check()?;
        for (field, value) in [
            ("batches", self.batches),
            ("projection layers", self.projection_layers),
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
        self.optimizer.check(self.batches)?;
        if self.accumulation > 1 {
            let reason = "a contrastive loss compares every image with every other, so the gradients of parts of a batch \
                          do not add up to that of the batch; take a larger batch, and `chunk` to have it in little memory";
            return Err(Error::config("accumulation", self.accumulation, reason));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return Err(Error::config("ema", decay, "must be at least 0 and less than 1"));
        }
        let OnlineEvaluationConfig { every, samples, final_samples, probe_c } = self.evaluation;
        if !(probe_c.is_finite() && probe_c > 0.0) {
            return Err(Error::config("probe c", probe_c, "must be above 0"));
        }
        for (field, samples, taken) in
            [("evaluation samples", samples, every.is_some()), ("evaluation final samples", final_samples, true)]
        {
            if taken && samples < 2 * preset.num_classes() {
                let reason =
                    format!("`{}` has {} classes; take two of each or more", preset.name, preset.num_classes());
                return Err(Error::config(field, samples, reason));
            }
        }
        let pairs = self.images_per_batch() / 2;
        if let Some(chunk) = self.chunk {
            // Batch normalisation needs two images, and chunks of one size count alike.
            if chunk < 2 || !chunk.is_multiple_of(2) || !pairs.is_multiple_of(chunk / 2) {
                let reason = format!("must be even and divide the {} images of a batch", 2 * pairs);
                return Err(Error::config("chunk", chunk, reason));
            }
            if self.devices > 1 {
                return Err(Error::config("chunk", chunk, "several devices share a batch in one piece each"));
            }
        }
        if self.precision == Precision::F16 && self.devices > 1 {
            let reason = "each device would have a scale of the loss of its own; take bf16, or one device";
            return Err(Error::config("precision", self.precision, reason));
        }
        if !pairs.is_multiple_of(self.devices) {
            let reason = format!("{pairs} pairs of a batch cannot be shared evenly");
            return Err(Error::config("devices", self.devices, reason));
        }
        Ok(preset)
    }

    /// Checks that a run of `earlier` can go on under this configuration: everything agrees but how far it goes and how
    /// often it is looked at.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        const FREE: [&str; 2] = ["batches", "checkpoint_every"];
        let (now, before) = (Settings::of(self)?, Settings::of(earlier)?);
        now.check_same(&before, |key| FREE.contains(&key) || key.starts_with("evaluation."))
    }
}
