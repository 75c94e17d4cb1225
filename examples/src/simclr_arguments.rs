//! What a user may say about a SimCLR run.

use std::path::PathBuf;

use clap::Args;
use heatmap_cli::TableArguments;
use heatmap_core::Normalization;
use heatmap_models::ModelName;
use heatmap_train::Result;
use heatmap_train::data::{OwnLog, Views};
use heatmap_train::loss::ContrastiveLossName;
use heatmap_train::run::SimClrConfig;
use heatmap_train::task::Precision;

use crate::training_arguments::{TrainingArguments, put};

/// Encoder, data, loss and optimisation.
#[derive(Debug, Clone, Args)]
pub struct SimClrArguments {
    #[command(flatten)]
    training: TrainingArguments,

    /// Encoder: resnet18 to resnet152, or vit-ti8, vit-ti16, vit-s8 and so on [default: resnet50]
    #[arg(long, visible_alias = "arch", value_name = "NAME")]
    architecture: Option<ModelName>,

    /// Synthetic data set: a preset, which the gallery example shows, or `layouts`: banners by
    /// layout, with broken ones as negatives [default: simclr-report]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,

    /// Train on the banners of a click table instead, as detect reads them; repeatable. Without
    /// labels the two images of a pair are halves of one banner's clicks
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    clicks: Vec<PathBuf>,

    /// Labels of these banners: the classes are then the good and the broken ones; repeatable
    #[arg(long, value_name = "FILE", requires = "clicks")]
    labels: Vec<PathBuf>,

    #[command(flatten)]
    tables: TableArguments,

    /// With --clicks, leave out banners with fewer clicks [default: 20]
    #[arg(long, value_name = "N", requires = "clicks")]
    min_clicks: Option<u64>,

    /// Scaling of the heatmaps: max, total, log1p, sqrt, logcounts, sqrtcounts or sqrtshares
    /// [default: log1p]
    #[arg(long, value_name = "NAME")]
    normalization: Option<Normalization>,

    /// Classes in a batch [default: 8]
    #[arg(long, value_name = "N")]
    classes_per_batch: Option<usize>,

    /// Pairs of images of each class in a batch [default: 1]
    #[arg(long, value_name = "N")]
    pairs_per_class: Option<usize>,

    /// Broken banners beside each pair, with --preset layouts [default: 2 there, else 0]
    #[arg(long, value_name = "N")]
    negatives_per_pair: Option<usize>,

    /// The two images of a pair: generator (two samples of a class), augmented (one sample, twice
    /// augmented) or both [default: generator]
    #[arg(long, value_name = "NAME")]
    views: Option<Views>,

    /// Loss: nt-xent, sup-con, dcl or dclw [default: nt-xent]
    #[arg(long, value_name = "NAME")]
    loss: Option<ContrastiveLossName>,

    /// Temperature of the loss [default: 0.5]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,

    /// Let the temperature learn, from --temperature on
    #[arg(long)]
    learnable_temperature: bool,

    /// Projections of earlier batches that are kept as further negatives [default: 0]
    #[arg(long, value_name = "ROWS")]
    memory_bank: Option<usize>,

    /// Images whose graph is in memory at a time: the gradient of a large batch in the memory of a
    /// small one (GradCache) [default: all]
    #[arg(long, value_name = "IMAGES")]
    chunk: Option<usize>,

    /// Use a moving average of the encoder, which keeps this share of itself at a step, such as
    /// 0.99 [default: none]
    #[arg(long, value_name = "SHARE")]
    ema: Option<f64>,

    /// Type of the activations in training: f32, f16 or bf16, where the device has it; statistics,
    /// loss and parameters are f32 [default: f32]
    #[arg(long, value_name = "TYPE")]
    precision: Option<Precision>,

    /// Devices that share each batch [default: 1]
    #[arg(long, value_name = "N")]
    devices: Option<usize>,

    /// Batches between measurements of the features (neighbours, probe, alignment, uniformity,
    /// rank); 0 for never [default: 250]
    #[arg(long, value_name = "N")]
    evaluate_every: Option<usize>,

    /// Held-out samples on which neighbours and probe are fitted behind the training, and as many
    /// on which they are scored [default: 1600]
    #[arg(long, value_name = "N")]
    evaluate_samples: Option<usize>,

    /// Inverse strength of the penalty of the linear probe [default: 1]
    #[arg(long, value_name = "C")]
    probe_c: Option<f64>,
}

impl SimClrArguments {
    /// The preset that the user named.
    pub fn preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// Puts a click log in the place of the preset, with batches and evaluations that fit its
    /// classes.
    fn take_own_log(&self, config: &mut SimClrConfig) {
        if self.clicks.is_empty() {
            return;
        }
        let mut own = OwnLog::new(self.clicks.clone(), self.labels.clone());
        put(&mut own.min_clicks, &self.min_clicks);
        config.preset = own.name();
        if !own.labels.is_empty() {
            // Good and broken, and as many images as a batch has by default.
            (config.classes_per_batch, config.pairs_per_class) = (2, 4);
        }
        let fewest = 2 * OwnLog::MAX_EVALUATED_CLASSES;
        config.evaluation.samples = config.evaluation.samples.max(fewest);
        config.evaluation.final_samples = config.evaluation.final_samples.max(fewest);
        config.own = Some(own);
    }

    /// `config` with what the user said in its place.
    ///
    /// # Errors
    /// When tables cannot be written as the user said, or none is read.
    pub fn overlay(&self, seed: Option<u64>, mut config: SimClrConfig) -> Result<SimClrConfig> {
        self.training.overlay(seed, &mut config.training);
        put(&mut config.architecture, &self.architecture);
        if self.preset.is_some() {
            config.own = None;
        }
        put(&mut config.preset, &self.preset);
        self.take_own_log(&mut config);
        self.tables.check_read(config.own.is_some())?;
        if let Some(own) = &mut config.own {
            self.tables.overlay(&mut own.unit, &mut own.format)?;
        }
        put(&mut config.image.normalization, &self.normalization);
        put(&mut config.classes_per_batch, &self.classes_per_batch);
        put(&mut config.pairs_per_class, &self.pairs_per_class);
        put(&mut config.negatives_per_pair, &self.negatives_per_pair);
        put(&mut config.views, &self.views);
        put(&mut config.loss.name, &self.loss);
        put(&mut config.loss.temperature, &self.temperature);
        config.loss.learnable_temperature |= self.learnable_temperature;
        put(&mut config.loss.memory_bank, &self.memory_bank);
        config.chunk = self.chunk.or(config.chunk);
        config.ema = self.ema.or(config.ema);
        put(&mut config.precision, &self.precision);
        put(&mut config.devices, &self.devices);
        put(&mut config.evaluation.final_samples, &self.evaluate_samples);
        put(&mut config.evaluation.probe_c, &self.probe_c);
        if let Some(every) = self.evaluate_every {
            config.evaluation.every = Some(every).filter(|every| *every > 0);
        }
        Ok(config)
    }
}
