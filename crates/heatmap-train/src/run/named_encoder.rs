//! [`NamedEncoder`]: encoders that are compared: untrained, of a run, or published.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::analysis::faer::Mat;
use heatmap_models::{Backbone, Encoder, LoadOptions, ModelName, TensorFile};

use super::{ENCODER, FineTuneConfig, RunFolder};
use crate::data::ImageConfig;
use crate::features::{Output, PublishedEncoder};

use crate::{Error, Result};

/// An encoder and how heatmaps become its images.
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

/// The runs of the training programs in the folder `runs`, by name.
pub fn found_runs() -> Vec<(String, PathBuf)> {
    let runs = ["count", "location", "simclr"].map(|name| (name, PathBuf::from("runs").join(name)));
    let complete = runs.into_iter().filter(|(_, folder)| folder.join(ENCODER).is_file());
    complete.map(|(name, folder)| (name.to_owned(), folder)).collect()
}

impl NamedEncoder {
    /// The encoder that a finished run of SimCLR, count or location has left in `folder`.
    ///
    /// # Errors
    /// When the folder holds no finished run.
    pub fn of_run(name: &str, folder: &Path, device: &Device) -> Result<Self> {
        let folder = RunFolder::open(folder)?;
        let config: serde_json::Value = folder.read_json(RunFolder::CONFIG)?;
        // Count and location runs of earlier versions kept these under `training`.
        let config = config.get("training").unwrap_or(&config);
        let bad = |what: &str| Error::bad_file(&folder.file(RunFolder::CONFIG), what);
        let architecture =
            config["architecture"].as_str().ok_or_else(|| bad("names no architecture"))?;
        let architecture: ModelName = architecture.parse()?;
        let image: ImageConfig = serde_json::from_value(config["image"].clone())
            .map_err(|error| bad(&format!("image: {error}")))?;
        let file = TensorFile::open(folder.file(ENCODER))?;
        let network =
            architecture.config().of_same_kind(&file)?.with_num_classes(None).init(device);
        let (network, _) = network.load_weights(&file, &LoadOptions::new().without_head())?;
        Ok(Self { name: name.to_owned(), kind: Kind::Ours(network, image) })
    }

    /// A network with published weights.
    ///
    /// # Errors
    /// When the file holds another network.
    pub fn published(model: ModelName, file: &Path, device: &Device) -> Result<Self> {
        let (network, _) = PublishedEncoder::load(model, &TensorFile::open(file)?, device)?;
        Ok(Self { name: published_name(model, file), kind: Kind::Published(network) })
    }

    /// A ResNet-50 with the parameters that `seed` draws.
    pub fn untrained(seed: u64, device: &Device) -> Self {
        use burn::module::Module;
        device.seed(seed);
        let network = ModelName::RESNET_50.config().with_in_channels(1).init(device).materialize();
        Self {
            name: "untrained".to_owned(),
            kind: Kind::Ours(network, FineTuneConfig::published_recipe("count-report").image),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The features of all heatmaps, one a row. `each_batch` is told how many more are done.
    ///
    /// # Errors
    /// When a heatmap does not fit into the images.
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

/// What a network with published weights is called: by its name and its file.
pub fn published_name(model: ModelName, file: &Path) -> String {
    let file = file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{model} of {file}")
}
