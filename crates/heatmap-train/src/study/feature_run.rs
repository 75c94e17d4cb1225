//! [`FeatureRun`]: the features of a data set, from one network or several, as tables on disk.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use heatmap_models::ModelName;
use heatmap_models::weights::{LoadReport, TensorChoice};
use serde::Serialize;

use super::feature_input::{
    FeatureInput, InputName, InputSource, ProtocolChoice, open_weights, write_montage,
};
use super::feature_tables::{FeatureSummary, Tables};
use crate::features::{Extracted, Output, PublishedEncoder, extract};
use crate::run::{RunFolder, RunObserver};
use crate::{Error, Result};

/// What is asked for, and what each network was run with; `config.json`.
#[derive(Debug, Clone, Serialize)]
pub struct FeatureRunConfig {
    /// Of what.
    pub input: InputName,
    /// Networks, each with the file or repository of its weights.
    pub models: Vec<(ModelName, String)>,
    /// Which tensors of those files are taken.
    pub weights: TensorChoice,
    /// What is written of each image.
    pub outputs: Vec<Output>,
    /// Images in a batch; the result does not depend on it.
    pub batch: usize,
    /// How heatmaps become images.
    pub protocol: ProtocolChoice,
    /// What each network was run with, whatever was said and whatever was assumed; filled in by
    /// [`FeatureRun::open`].
    pub used: Vec<UsedSettings>,
}

/// What a network was run with.
#[derive(Debug, Clone, Serialize)]
pub struct UsedSettings {
    /// The network.
    pub model: ModelName,
    /// Its attention heads, where it has such.
    pub heads: Option<usize>,
    /// Side of its images in px.
    pub image_size: usize,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel.
    pub std: Vec<f32>,
    /// What nothing told, in words.
    pub assumed: Vec<String>,
}

/// Networks and images, read and checked.
#[derive(Debug)]
pub struct FeatureRun {
    config: FeatureRunConfig,
    loaded: Vec<(PublishedEncoder, LoadReport, InputSource)>,
}

impl FeatureRun {
    /// Reads networks and images; the observer is told what was loaded and assumed. Whatever can be
    /// wrong is found here, before anything is written.
    ///
    /// # Errors
    /// When a setting cannot be used, or a file cannot be read or does not fit.
    pub fn open(
        mut config: FeatureRunConfig,
        device: &Device,
        observer: &dyn RunObserver,
    ) -> Result<Self> {
        if config.batch == 0 {
            return Err(Error::config("batch", 0, "must be positive"));
        }
        let input = FeatureInput::open(&config.input, observer)?;
        let mut loaded = Vec::new();
        for (name, path) in &config.models {
            let file = config.weights.apply(open_weights(path)?)?;
            let (encoder, report) = PublishedEncoder::load(*name, &file, device)?;
            config.outputs.iter().try_for_each(|output| encoder.check(*output))?;
            let source = input.source(&encoder, &config.protocol)?;
            let (height, width) = source.as_source().image_size();
            encoder.check_image_size(height, width)?;
            observer.tell(&format!("{name}: {report}."));
            let used = UsedSettings::new(*name, &encoder, &config.protocol);
            if !used.assumed.is_empty() {
                let assumed = used.assumed.join("; ");
                observer.tell(&format!("{name}: assumed, because nothing tells: {assumed}."));
            }
            config.used.push(used);
            loaded.push((encoder, report, source));
        }
        Ok(Self { config, loaded })
    }

    /// What is asked for, and what each network is run with.
    pub fn config(&self) -> &FeatureRunConfig {
        &self.config
    }

    /// Writes a table for each network and output, `index.csv`, `montage.png`, `summary.json` and
    /// `metrics.jsonl`. The observer is told of every batch; `each_batch` may stop the run, which
    /// then gives false and leaves nothing of the network that it was at.
    ///
    /// # Errors
    /// When a file cannot be read or written.
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
    fn new(model: ModelName, encoder: &PublishedEncoder, said: &ProtocolChoice) -> Self {
        let normalised = said.mean.is_some() && said.std.is_some();
        let counts = |assumed: &&String| !(assumed.starts_with("images") && normalised);
        Self {
            model,
            heads: encoder.heads(),
            image_size: said.image_size.unwrap_or(encoder.image_size),
            mean: said.mean.clone().unwrap_or_else(|| encoder.mean.clone()),
            std: said.std.clone().unwrap_or_else(|| encoder.std.clone()),
            assumed: encoder.assumed.iter().filter(counts).cloned().collect(),
        }
    }
}

/// The name of a network, numbered if it occurs more than once.
fn file_name(models: &[(ModelName, String)], at: usize) -> String {
    let name = models[at].0;
    match models[..at].iter().filter(|(other, _)| *other == name).count() {
        0 => name.to_string(),
        before => format!("{name}-{}", before + 1),
    }
}
