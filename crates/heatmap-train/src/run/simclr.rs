//! The SimCLR run: training from its configuration.

use std::sync::Arc;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Device;
use burn::train::metric::LearningRateMetric;
use burn::train::{Learner, TrainLoader};
use heatmap_models::{Backbone, Encoder, ProjectionHeadConfig};

use super::folder::RunFolder;
use super::periodic_evaluation::PeriodicEvaluation;
use super::run_config::RunConfig;
use super::simclr_config::SimClrConfig;
use super::training::{Outcome, Plan, TrainingOptions, launch};
use crate::data::{ClassSource, PairLoader, Share, Split};
use crate::evaluation::{AnchorTask, evaluate_representation, extract_features};
use crate::metric::ScalarMetric;
use crate::task::{
    ContrastiveLossMetric, ContrastiveTop1, GradientNorm, SimClr, SimClrOptions, TemperatureMetric,
};
use crate::{Error, Result};

/// The encoder as a run of this configuration starts with: its parameters depend on the seed alone.
pub fn untrained_encoder(config: &SimClrConfig, device: &Device) -> Backbone {
    device.seed(config.training.seed);
    // Burn draws parameters when they are first used; a later draw would come from another place in
    // the stream.
    let network = config.architecture.config().with_in_channels(config.image.channels);
    network.with_image_size(config.image.height).init(device).materialize()
}

/// The task as a run of this configuration starts with it.
///
/// # Errors
/// When a setting cannot be used.
pub fn simclr_task(config: &SimClrConfig, device: &Device) -> Result<SimClr<Backbone>> {
    config.resolve()?;
    Ok(simclr_task_of(config, untrained_encoder(config, device), device))
}

/// The task of an encoder of the caller's own. What the configuration says of the encoder is passed
/// over.
pub fn simclr_task_of<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    encoder: E,
    device: &Device,
) -> SimClr<E> {
    let projected =
        if config.projection_layers == 0 { encoder.feature_dim() } else { config.projection_dim };
    let projection = ProjectionHeadConfig::new(encoder.feature_dim())
        .with_num_layers(config.projection_layers)
        .with_out_dim(config.projection_dim);
    // Drawn here and now: what comes later must not move what is drawn.
    let projection = projection.init(device).materialize();
    let mut task =
        SimClr::new(encoder, projection, config.loss.init()).with_options(SimClrOptions {
            chunk: config.chunk.map(|images| images / config.images_per_pair()),
            ema: config.ema,
            devices: config.devices,
            precision: config.precision,
        });
    if let Some(temperature) = config.loss.init_temperature(device) {
        task = task.with_temperature(temperature);
    }
    if let Some(bank) = config.loss.init_bank(projected, device) {
        task = task.with_memory_bank(bank);
    }
    task
}

/// Trains the encoder of a configuration with SimCLR on its preset and on `devices`, of which there
/// are as many as the configuration says; the first of them has the optimiser.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not
/// finite.
pub fn train_simclr(
    config: &SimClrConfig,
    folder: &RunFolder,
    devices: &[Device],
    options: &TrainingOptions,
) -> Result<Outcome<SimClr<Backbone>>> {
    let preset = config.resolve()?;
    let first = devices.first().ok_or_else(|| Error::config("devices", 0, "must be positive"))?;
    let encoder = untrained_encoder(config, &first.clone().autodiff());
    train_simclr_of(config, encoder, preset, folder, devices, options)
}

/// Trains an encoder of the caller's own with SimCLR on data of the caller's own. What the
/// configuration says of encoder and preset is passed over.
///
/// # Errors
/// When a setting cannot be used, a file of the run cannot be written or read, or the loss is not
/// finite.
pub fn train_simclr_of<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    encoder: E,
    preset: Arc<dyn ClassSource>,
    folder: &RunFolder,
    devices: &[Device],
    options: &TrainingOptions,
) -> Result<Outcome<SimClr<E>>> {
    config.check_for(&preset)?;
    if devices.len() != config.devices {
        return Err(Error::config(
            "devices",
            config.devices,
            format!("the run was given {} of them", devices.len()),
        ));
    }
    let devices: Vec<Device> = devices.iter().map(|device| device.clone().autodiff()).collect();
    devices.iter().try_for_each(|device| config.precision.check_for(device))?;
    let task = simclr_task_of(config, encoder, &devices[0]);
    let loader = |split: Split, device: &Device, steps, share| -> Result<PairLoader> {
        let sampler = config.sampler(&preset, split)?;
        PairLoader::new(sampler, config.image, device.clone(), 0..steps).with_share(share)
    };
    let of = devices.len();
    let shares =
        devices.iter().enumerate().map(|(rank, device)| -> Result<TrainLoader<SimClr<E>>> {
            Ok(Arc::new(loader(Split::Train, device, config.training.batches, Share { rank, of })?))
        });
    let plan = Plan {
        train: shares.collect::<Result<_>>()?,
        valid: Arc::new(loader(Split::Valid, &devices[0], VALID_BATCHES, Share::WHOLE)?),
        clip_norm: config.training.optimizer.clip_norm,
        watch: watch(config, &preset, &devices[0]),
        devices,
    };
    let learns_temperature = config.loss.learnable_temperature;
    let training = &config.training;
    let learner = Learner::new(task, training.optimizer.init(), training.schedule()?);
    launch(folder, plan, options, learner, |training| {
        let training = training
            .metrics((
                ScalarMetric::<ContrastiveLossMetric>::new(),
                ScalarMetric::<ContrastiveTop1>::new(),
            ))
            .metric_train_numeric(ScalarMetric::<GradientNorm>::new())
            .metric_train_numeric(LearningRateMetric::new());
        match learns_temperature {
            true => training.metric_train_numeric(ScalarMetric::<TemperatureMetric>::new()),
            false => training,
        }
    })
}

/// Batches of held-out pairs on which the loss is taken at every checkpoint.
const VALID_BATCHES: usize = 4;

/// Held-out layouts on which broken banners are ranked on the way.
const WATCHED_LAYOUTS: u64 = 24;

/// Neighbours, probe, alignment, uniformity and rank of the features, by samples that are neither
/// trained on nor part of the final score.
fn watch<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    preset: &Arc<dyn ClassSource>,
    device: &Device,
) -> Option<PeriodicEvaluation<SimClr<E>>> {
    let every = config.evaluation.every?;
    let (config, preset, device) = (config.clone(), preset.clone(), device.clone().inner());
    Some(PeriodicEvaluation::new(every, move |task: &SimClr<E>| {
        // A copy in evaluation mode: nothing of the task that trains is touched, and nothing random
        // is drawn.
        let encoder = task.encoder().valid();
        let per_class = config.evaluation.samples.div_ceil(preset.num_classes());
        let features = |split: Split| {
            let seed = split.seed(config.training.seed);
            extract_features(&encoder, &device, (&*preset, seed), &config.image, per_class, |_| {})
        };
        let (fit, valid) = (features(Split::Fit)?, features(Split::Valid)?);
        let report =
            evaluate_representation(&fit, &valid, preset.num_classes(), &config.evaluation.fits())?;
        let mut values = report.values();
        if preset.negatives(0, 0, 0..0).is_some() {
            let task = AnchorTask {
                layouts: WATCHED_LAYOUTS,
                ..AnchorTask::new(Split::Valid.seed(config.training.seed))
            };
            values.insert(
                "broken_auroc".to_owned(),
                task.auroc(&encoder, &device, &config.image, |_| {})?,
            );
        }
        Ok(values)
    }))
}
