//! [`NamedEncoder`]: an encoder for comparisons: untrained, from a finished run, or published.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::analysis::faer::Mat;
use heatmap_models::{Backbone, Encoder, ModelName, TensorFile};

use super::saved_encoder::load_encoder;
use super::{ENCODER, FineTuneConfig, RunFolder};
use crate::data::ImageConfig;
use crate::features::{Output, PublishedEncoder};

use crate::{Error, Result};

/// An encoder with a name, and the conversion of heatmaps to its images.
#[derive(Debug)]
pub struct NamedEncoder {
    name: String,
    kind: Kind,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there are a handful")]
enum Kind {
    Ours(Backbone, ImageConfig),
    Published(PublishedEncoder),
}

const BATCH: usize = 32;

/// Returns the names and folders of the finished runs in `runs/count`, `runs/location` and
/// `runs/simclr`, where the training programs store them by default.
pub fn found_runs() -> Vec<(String, PathBuf)> {
    let runs = ["count", "location", "simclr"].map(|name| (name, PathBuf::from("runs").join(name)));
    let complete = runs.into_iter().filter(|(_, folder)| folder.join(ENCODER).is_file());
    complete.map(|(name, folder)| (name.to_owned(), folder)).collect()
}

impl NamedEncoder {
    /// Loads the encoder that a finished SimCLR, count or location run has saved in `folder`.
    ///
    /// # Errors
    /// Returns an error when the folder contains no finished run.
    pub fn of_run(name: &str, folder: &Path, device: &Device) -> Result<Self> {
        let folder = RunFolder::open(folder)?;
        let config: serde_json::Value = folder.read_json(RunFolder::CONFIG)?;
        // In earlier versions, count and location runs stored these settings under `training`.
        let config = config.get("training").unwrap_or(&config);
        let bad = |what: &str| Error::bad_file(&folder.file(RunFolder::CONFIG), what);
        let architecture =
            config["architecture"].as_str().ok_or_else(|| bad("names no architecture"))?;
        let architecture: ModelName = architecture.parse()?;
        let image: ImageConfig = serde_json::from_value(config["image"].clone())
            .map_err(|error| bad(&format!("image: {error}")))?;
        let network = load_encoder(&folder, architecture, device)?;
        Ok(Self { name: name.to_owned(), kind: Kind::Ours(network, image) })
    }

    /// Loads a network with published weights from a file.
    ///
    /// # Errors
    /// Returns an error when the file contains another network, or cannot be read.
    pub fn published(model: ModelName, file: &Path, device: &Device) -> Result<Self> {
        let (network, _) = PublishedEncoder::load(model, &TensorFile::open(file)?, device)?;
        Ok(Self { name: published_name(model, file), kind: Kind::Published(network) })
    }

    /// Creates a ResNet-50 for images with one channel, with random parameters from `seed`.
    pub fn untrained(seed: u64, device: &Device) -> Self {
        use burn::module::Module;
        device.seed(seed);
        let network = ModelName::RESNET_50.config().with_in_channels(1).init(device).materialize();
        Self {
            name: "untrained".to_owned(),
            kind: Kind::Ours(network, FineTuneConfig::published_recipe("count-report").image),
        }
    }

    /// Returns the name of the encoder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Computes the features of all heatmaps, `[heatmaps.len(), feature_dim]`. `each_batch` is
    /// called after every batch with the number of its images.
    ///
    /// # Errors
    /// Returns an error when a heatmap does not fit into the images.
    pub fn features(
        &self,
        heatmaps: &[&Heatmap],
        device: &Device,
        mut each_batch: impl FnMut(usize),
    ) -> Result<Mat<f64>> {
        let mut values: Vec<f32> = Vec::new();
        for (at, batch) in heatmaps.chunks(BATCH).enumerate() {
            match &self.kind {
                Kind::Ours(network, image) => {
                    let images = image.batch(batch.iter().copied(), device)?;
                    let features = network.forward_features(images).into_data().convert::<f32>();
                    values.extend(features.try_to_vec::<f32>().expect("converted to f32"));
                }
                Kind::Published(network) => {
                    let first = (at * BATCH) as u64;
                    let numbered = (first..).zip(batch.iter().map(|heatmap| (*heatmap).clone()));
                    let numbered: Vec<(u64, Heatmap)> = numbered.collect();
                    let images = network.protocol(0).batch(&numbered, device)?;
                    values.extend(network.forward(images, &[Output::Features]).concat());
                }
            }
            each_batch(batch.len());
        }
        let dim = values.len() / heatmaps.len().max(1);
        Ok(Mat::from_fn(heatmaps.len(), dim, |row, column| f64::from(values[row * dim + column])))
    }
}

/// Returns the name of a network with published weights, made of the name of the model and that of
/// the file.
pub fn published_name(model: ModelName, file: &Path) -> String {
    let file = file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{model} of {file}")
}
