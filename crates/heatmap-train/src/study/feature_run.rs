//! [`FeatureRun`]: computes the features of a data set with one or more networks, and writes them
//! to tables.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use heatmap_models::ModelName;
use heatmap_models::ops::{MatmulPrecision, set_matmul_precision};
use heatmap_models::weights::{LoadReport, TensorChoice};
use serde::Serialize;

use super::feature_input::{
    FeatureInput, InputName, InputSource, ProtocolChoice, open_weights, write_montage,
};
use super::feature_tables::{FeatureSummary, Tables};
use crate::features::{Extracted, Output, PublishedEncoder, extract};
use crate::run::{RunFolder, RunObserver};
use crate::task::Precision;
use crate::{Error, Result};

/// Settings of a feature run, and the settings that each network was run with; `config.json`.
#[derive(Debug, Clone, Serialize)]
pub struct FeatureRunConfig {
    /// The data set.
    pub input: InputName,
    /// The networks, each with the file or the repository of its weights; see [`open_weights`].
    pub models: Vec<(ModelName, String)>,
    /// Which tensors of these files are used.
    pub weights: TensorChoice,
    /// Which outputs of a network are written for each image.
    pub outputs: Vec<Output>,
    /// Number of images in a batch, which does not affect the results.
    pub batch: usize,
    /// Number type of the two sides of every product: f32, or bf16 on a CPU that multiplies in it.
    pub precision: Precision,
    /// How heatmaps are converted to images.
    pub protocol: ProtocolChoice,
    /// The settings that each network was run with, whether they were chosen or assumed.
    /// [`FeatureRun::open`] fills them in.
    pub used: Vec<UsedSettings>,
}

/// The settings that a network was run with.
#[derive(Debug, Clone, Serialize)]
pub struct UsedSettings {
    /// The network.
    pub model: ModelName,
    /// Number of attention heads; `None` for a network without attention.
    pub heads: Option<usize>,
    /// How the images are made of the heatmaps; `None` for ready-made images, which are passed to
    /// the network unchanged.
    #[serde(flatten)]
    pub images: Option<UsedImages>,
    /// Settings that were assumed because neither the user nor the files of the weights state them,
    /// one phrase each.
    pub assumed: Vec<String>,
}

/// How heatmaps became the images of a network.
#[derive(Debug, Clone, Serialize)]
pub struct UsedImages {
    /// Height and width of the images in px.
    pub image_size: usize,
    /// Mean that is subtracted from each channel.
    pub mean: Vec<f32>,
    /// Standard deviation that each channel is divided by.
    pub std: Vec<f32>,
}

/// Sets the precision of the networks of this process.
///
/// # Errors
/// Returns an error when the device cannot compute features in it.
fn choose(precision: Precision, device: &Device) -> Result<()> {
    let on_the_cpu = *device == Device::flex();
    let can = match precision {
        Precision::F32 => set_matmul_precision(MatmulPrecision::F32),
        Precision::Bf16 => on_the_cpu && set_matmul_precision(MatmulPrecision::Bf16),
        Precision::F16 => false,
    };
    if can {
        return Ok(());
    }
    let reason = "features are computed in f32, or in bf16 on a CPU with AMX or AVX512_BF16";
    Err(Error::config("precision", precision, reason))
}

/// A feature run whose networks and images have been opened and checked.
#[derive(Debug)]
pub struct FeatureRun {
    config: FeatureRunConfig,
    loaded: Vec<(PublishedEncoder, LoadReport, InputSource)>,
}

impl FeatureRun {
    /// Opens the networks and the images, and fills in [`FeatureRunConfig::used`]. The observer is
    /// told what was loaded and what was assumed. All settings and files are checked here, so that
    /// mistakes show before anything is written.
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used, when a file cannot be read, or when weights
    /// or images do not suit a network.
    pub fn open(
        mut config: FeatureRunConfig,
        device: &Device,
        observer: &dyn RunObserver,
    ) -> Result<Self> {
        if config.batch == 0 {
            return Err(Error::config("batch", 0, "must be positive"));
        }
        choose(config.precision, device)?;
        let ready_made = matches!(config.input, InputName::Tensors(_));
        if ready_made && config.models.len() > 1 {
            let reason = "the features of ready-made images are those of one network";
            return Err(Error::config("models", config.models.len(), reason));
        }
        let input = FeatureInput::open(&config.input, observer)?;
        config.used.clear();
        let mut loaded = Vec::new();
        for (name, path) in &config.models {
            let file = config.weights.apply(open_weights(path)?)?;
            let (encoder, report) = PublishedEncoder::load(*name, &file, device)?;
            config.outputs.iter().try_for_each(|output| encoder.check(*output))?;
            let source = input.source(&encoder, &config.protocol)?;
            let (height, width) = source.as_source().image_size();
            encoder.check_image_size(height, width)?;
            observer.tell(&format!("{name}: {report}."));
            let protocol = (!ready_made).then_some(&config.protocol);
            let used = UsedSettings::new(*name, &encoder, protocol);
            if !used.assumed.is_empty() {
                let assumed = used.assumed.join("; ");
                observer.tell(&format!("{name}: assumed, because nothing tells: {assumed}."));
            }
            config.used.push(used);
            loaded.push((encoder, report, source));
        }
        Ok(Self { config, loaded })
    }

    /// Returns the settings of the run, including those that each network is run with.
    pub fn config(&self) -> &FeatureRunConfig {
        &self.config
    }

    /// Computes the features and writes them to tables in `folder`.
    ///
    /// For heatmaps, there is a table `<network>-<output>.npy` for each network and output. The
    /// files `index.csv` and `montage.png` describe the rows and show the first images. For
    /// ready-made images, there is a single file, `features.safetensors`, with one tensor for each
    /// output; it holds the features of one network only. The files `summary.json` and
    /// `metrics.jsonl` are written at the end.
    ///
    /// The observer is told of every batch. `each_batch` is called after every batch and can stop
    /// the run. Returns `true` when the run was completed. When it was stopped, `false` is
    /// returned, and there are no tables of the network that was running.
    ///
    /// # Errors
    /// Returns an error when a file cannot be read or written.
    pub fn write(
        &self,
        folder: &RunFolder,
        device: &Device,
        observer: &dyn RunObserver,
        each_batch: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<bool> {
        if let Some((_, _, InputSource::Heatmaps(source))) = self.loaded.first() {
            source.write_index(&folder.file("index.csv"))?;
            write_montage(folder, source)?;
        }
        let FeatureRunConfig { models, outputs, batch, .. } = &self.config;
        let mut summary = FeatureSummary::default();
        for (at, (encoder, report, source)) in self.loaded.iter().enumerate() {
            let name = file_name(models, at);
            let images = source.as_source();
            let tables = match source {
                InputSource::Heatmaps(_) => Tables::npy(folder, &name, encoder, images, outputs)?,
                InputSource::Tensors(_) => Tables::safetensors(folder, encoder, images, outputs)?,
            };
            let Tables { files, places, described } = tables;
            let start = Instant::now();
            observer.begin(&encoder.name().to_string(), images.len());
            let told = |done| {
                observer.advance(done);
                each_batch()
            };
            let to = (files, &places[..]);
            let ended = extract(encoder, images, outputs, *batch, to, device, told)?;
            observer.finish();
            if ended == Extracted::Stopped {
                observer.tell(&format!("Stopped; nothing of {name} was kept."));
                return Ok(false);
            }
            let seconds = start.elapsed().as_secs_f64();
            summary.add(&name, report, images.len(), seconds, &described);
            let speed = images.len() as f64 / seconds;
            observer.tell(&format!("{}, {speed:.1} images/s", described.join(", ")));
        }
        folder.write_json("summary.json", summary.values())?;
        summary.write_metrics(folder)?;
        Ok(true)
    }
}

impl UsedSettings {
    fn new(model: ModelName, encoder: &PublishedEncoder, said: Option<&ProtocolChoice>) -> Self {
        let images = said.map(|said| UsedImages {
            image_size: said.image_size.unwrap_or(encoder.image_size),
            mean: said.mean.clone().unwrap_or_else(|| encoder.mean.clone()),
            std: said.std.clone().unwrap_or_else(|| encoder.std.clone()),
        });
        let is_chosen = said.is_none_or(|said| said.mean.is_some() && said.std.is_some());
        let counts = |assumed: &&String| !(assumed.starts_with("images") && is_chosen);
        let assumed = encoder.assumed.iter().filter(counts).cloned().collect();
        Self { model, heads: encoder.heads(), images, assumed }
    }
}

/// Returns the name of network `at` for its files. The second and later networks of the same name
/// get a number.
fn file_name(models: &[(ModelName, String)], at: usize) -> String {
    let name = models[at].0;
    match models[..at].iter().filter(|(other, _)| *other == name).count() {
        0 => name.to_string(),
        before => format!("{name}-{}", before + 1),
    }
}
