//! SimCLR runs: the task of a [`SimClrConfig`], and its training.

use std::sync::Arc;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Device;
use burn::train::metric::LearningRateMetric;
use burn::train::{InferenceStep, Learner, LearnerModel, TrainLoader, TrainStep};
use heatmap_core::RunFolder;
use heatmap_models::{Backbone, Encoder, ProjectionHeadConfig};

use super::periodic_evaluation::PeriodicEvaluation;
use super::run_config::RunConfig;
use super::simclr_config::SimClrConfig;
use super::training::{Outcome, Plan, TrainingOptions, launch};
use crate::data::{ClassSource, PairBatch, PairLoader, Share, Split};
use crate::evaluation::{AnchorTask, evaluate_representation, extract_features};
use crate::metric::ScalarMetric;
use crate::task::{
    ContrastiveLossMetric, ContrastiveTop1, GradientNorm, SimClr, SimClrOptions, TemperatureMetric,
};
use crate::{Error, Result};

/// Returns the encoder with which a run of this configuration starts. The random values of its
/// parameters depend only on the seed.
pub fn untrained_encoder(config: &SimClrConfig, device: &Device) -> Backbone {
    device.seed(config.training.seed);
    // Burn draws parameters when they are first used; by then, other draws would have advanced the
    // random stream.
    let network = config.architecture.config().with_in_channels(config.image.channels);
    network.with_image_size(config.image.height).init(device).materialize()
}

/// Creates the task with which a run of this configuration starts.
///
/// # Errors
/// Returns an error when a setting cannot be used.
pub fn simclr_task(config: &SimClrConfig, device: &Device) -> Result<SimClr<Backbone>> {
    config.resolve()?;
    Ok(simclr_task_of(config, untrained_encoder(config, device), device))
}

/// Creates the task of the caller's own encoder. The `architecture` in the configuration is
/// ignored.
pub fn simclr_task_of<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    encoder: E,
    device: &Device,
) -> SimClr<E> {
    let projected =
        if config.projection_layers == 0 { encoder.feature_dim() } else { config.projection_dim };
    let projection = ProjectionHeadConfig::new(encoder.feature_dim())
        .with_num_layers(config.projection_layers)
        .with_hidden_dim(config.projection_hidden)
        .with_out_dim(config.projection_dim);
    // Parameters are drawn now, so that no later draw changes their values.
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

/// Trains the encoder of a configuration with SimCLR, on the preset of the configuration. There
/// must be as many `devices` as the configuration states; the optimiser runs on the first.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
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

/// Trains the caller's own encoder with SimCLR, on the caller's own data. The `architecture` and
/// the `preset` in the configuration are ignored.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a file of the run cannot be written or
/// read, or when the loss or the gradient is not finite.
pub fn train_simclr_of<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    encoder: E,
    preset: Arc<dyn ClassSource>,
    folder: &RunFolder,
    devices: &[Device],
    options: &TrainingOptions,
) -> Result<Outcome<SimClr<E>>> {
    let mut plan = pair_plan(config, &preset, devices)?;
    let task = simclr_task_of(config, encoder, &plan.devices[0]);
    plan.watch = watch(config, &preset, &plan.devices[0]);
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

/// Checks the settings, and returns the devices and the batches of pairs of a run on this data set.
pub(super) fn pair_plan<M>(
    config: &SimClrConfig,
    source: &Arc<dyn ClassSource>,
    devices: &[Device],
) -> Result<Plan<M>>
where
    M: LearnerModel + TrainStep<Input = PairBatch> + InferenceStep<Input = PairBatch>,
{
    config.check_for(source)?;
    if devices.len() != config.devices {
        return Err(Error::config(
            "devices",
            config.devices,
            format!("the run was given {} of them", devices.len()),
        ));
    }
    let devices: Vec<Device> = devices.iter().map(|device| device.clone().autodiff()).collect();
    devices.iter().try_for_each(|device| config.precision.check_for(device))?;
    config.precision.take_effect();
    let loader = |split: Split, device: &Device, steps, share| -> Result<PairLoader> {
        let sampler = config.sampler(source, split)?;
        PairLoader::new(sampler, config.image, device.clone(), 0..steps).with_share(share)
    };
    let of = devices.len();
    let shares = devices.iter().enumerate().map(|(rank, device)| -> Result<TrainLoader<M>> {
        Ok(Arc::new(loader(Split::Train, device, config.training.batches, Share { rank, of })?))
    });
    Ok(Plan {
        train: shares.collect::<Result<_>>()?,
        valid: Arc::new(loader(Split::Valid, &devices[0], VALID_BATCHES, Share::WHOLE)?),
        clip_norm: config.training.optimizer.clip_norm,
        watch: None,
        devices,
    })
}

/// Number of held-out batches on which the loss is computed at every checkpoint.
const VALID_BATCHES: usize = 4;

/// Number of held-out layouts on which broken banners are ranked during training.
const WATCHED_LAYOUTS: u64 = 24;

/// Creates the periodic evaluation of the features: accuracy of k-nearest neighbours and of a
/// linear probe, alignment, uniformity and effective rank. Neighbours and probe are fitted on the
/// fit split and scored on the valid split; the network is trained on neither, and the final score
/// is of the test split. If the data set has hard negatives, the evaluation also computes the AUROC
/// (area under the receiver operating characteristic) with which the features find broken banners.
/// `None` when the configuration has no evaluation during training.
fn watch<E: Encoder + ModuleDisplay>(
    config: &SimClrConfig,
    preset: &Arc<dyn ClassSource>,
    device: &Device,
) -> Option<PeriodicEvaluation<SimClr<E>>> {
    let every = config.evaluation.every?;
    let (config, preset, device) = (config.clone(), preset.clone(), device.clone().inner());
    Some(PeriodicEvaluation::new(every, move |task: &SimClr<E>| {
        // A copy in evaluation mode, so that the task in training is not modified and no random
        // values are drawn.
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
