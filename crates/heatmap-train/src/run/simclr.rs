//! The SimCLR run: configuration, and training from it.

use std::sync::Arc;

use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::tensor::Device;
use burn::train::Learner;
use burn::train::metric::LearningRateMetric;
use heatmap_core::Normalization;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, Encoder, ModelName, ProjectionHeadConfig};
use serde::{Deserialize, Serialize};

use super::folder::{RunFolder, check_same};
use super::training::{Outcome, TrainingOptions, launch};
use crate::data::{ImageConfig, PairLoader, PairSampler, Split};
use crate::loss::NtXentConfig;
use crate::metric::ScalarMetric;
use crate::optim::AdamConfig;
use crate::task::{ContrastiveLoss, ContrastiveTop1, SimClr};
use crate::{Error, Result};

/// Everything that decides what a SimCLR run computes; `config.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimClrConfig {
    /// The encoder.
    pub architecture: ModelName,
    /// Name of the preset.
    pub preset: String,
    /// Seed of parameters and data.
    pub seed: u64,
    /// Steps.
    pub batches: usize,
    /// Classes in a batch; each gives two images.
    pub classes_per_batch: usize,
    /// Of NT-Xent.
    pub temperature: f64,
    /// Learning rate of Adam at the start; it falls to zero along a cosine.
    pub learning_rate: f64,
    /// From heatmap to image.
    pub image: ImageConfig,
}

impl SimClrConfig {
    /// The recipe of the report; see `docs` of the example for where it is silent.
    pub fn report() -> Self {
        Self {
            architecture: ModelName::ResNet(50),
            preset: "simclr-report".to_owned(),
            seed: 0,
            batches: 1_000,
            classes_per_batch: 8,
            temperature: 0.5,
            learning_rate: 1e-3,
            image: ImageConfig { normalization: Normalization::Log1p, ..ImageConfig::default() },
        }
    }

    /// Checks all settings and gives the preset.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> Result<Arc<Preset>> {
        let preset = Arc::new(Preset::named(&self.preset)?);
        PairSampler::new(preset.clone(), self.seed, self.classes_per_batch)?;
        if self.batches == 0 {
            return Err(Error::config("batches", 0, "must be positive"));
        }
        self.image.check_for(self.architecture)?;
        for (field, value, most) in
            [("temperature", self.temperature, f64::MAX), ("learning rate", self.learning_rate, 1.0)]
        {
            if !(value > 0.0 && value <= most) {
                let reason = if most == 1.0 { "must be above 0 and at most 1" } else { "must be above 0" };
                return Err(Error::config(field, value, reason));
            }
        }
        Ok(preset)
    }

    /// Checks that a run of `earlier` can go on under this configuration: everything but the number of batches agrees.
    ///
    /// # Errors
    /// Names the first setting that differs.
    pub fn check_resumes(&self, earlier: &Self) -> Result<()> {
        let fields = |config: &Self| {
            [
                ("architecture", config.architecture.to_string()),
                ("preset", config.preset.clone()),
                ("seed", config.seed.to_string()),
                ("classes per batch", config.classes_per_batch.to_string()),
                ("temperature", config.temperature.to_string()),
                ("learning rate", config.learning_rate.to_string()),
                ("image", format!("{:?}", config.image)),
            ]
        };
        check_same(fields(self), fields(earlier))
    }
}

/// The encoder as a run of this configuration starts with: its parameters depend on the seed alone.
pub fn untrained_encoder(config: &SimClrConfig, device: &Device) -> Backbone {
    use burn::module::Module;
    device.seed(config.seed);
    // Burn draws parameters when they are first used; a later draw would come from another place in the stream.
    let network = config.architecture.config().with_in_channels(config.image.channels);
    network.with_image_size(config.image.height).init(device).materialize()
}

/// Trains an encoder with SimCLR.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not finite.
pub fn train_simclr(
    config: &SimClrConfig,
    folder: &RunFolder,
    device: &Device,
    options: &TrainingOptions,
) -> Result<Outcome<SimClr<Backbone>>> {
    let preset = config.check()?;
    let device = device.clone().autodiff();
    let encoder = untrained_encoder(config, &device);
    let projection = ProjectionHeadConfig::new(encoder.feature_dim()).init(&device);
    let loss = NtXentConfig::new().with_temperature(config.temperature).init();
    let schedule = CosineAnnealingLrSchedulerConfig::new(config.learning_rate, config.batches);
    let schedule = schedule.init().map_err(|reason| Error::config("learning rate", config.learning_rate, reason))?;
    let loader = |split: Split, steps| -> Result<PairLoader> {
        let sampler = PairSampler::new(preset.clone(), split.seed(config.seed), config.classes_per_batch)?;
        Ok(PairLoader::new(sampler, config.image, device.clone(), 0..steps))
    };
    launch(
        folder,
        &device,
        options,
        Learner::new(SimClr::new(encoder, projection, loss), AdamConfig::new().init(), schedule),
        (Arc::new(loader(Split::Train, config.batches)?), Arc::new(loader(Split::Valid, VALID_BATCHES)?)),
        |training| {
            training
                .metrics((ScalarMetric::<ContrastiveLoss>::new(), ScalarMetric::<ContrastiveTop1>::new()))
                .metric_train_numeric(LearningRateMetric::new())
        },
    )
}

/// Batches of held-out pairs on which the loss is taken at every checkpoint.
const VALID_BATCHES: usize = 4;
