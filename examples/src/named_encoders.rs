//! Encoders that examples compare: untrained, of a run, or published.

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

use heatmap_core::analysis::faer::Mat;
use heatmap_core::{Heatmap, Normalization, Upsampling};
use heatmap_models::burn::tensor::{Device, Tensor};
use heatmap_models::{Backbone, Encoder, LoadOptions, ModelName, TensorFile};
use heatmap_train::data::{ImageConfig, PretrainedProtocol};
use heatmap_train::features::{Output, PublishedEncoder};
use heatmap_train::run::{FineTuneConfig, RunFolder};

use crate::arguments::name_and_path;
use crate::fine_tune::ENCODER;

/// `NAME=DIR`: a run and what it is called.
#[derive(Debug, Clone)]
pub struct RunName {
    name: String,
    folder: PathBuf,
}

/// `MODEL=FILE`: published weights.
#[derive(Debug, Clone)]
pub struct PretrainedName {
    model: ModelName,
    file: PathBuf,
}

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

impl FromStr for RunName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, folder) = name_and_path(text).ok_or("is not NAME=DIR")?;
        Ok(Self { name, folder })
    }
}

impl FromStr for PretrainedName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (model, file) = text.split_once('=').ok_or("is not MODEL=FILE")?;
        let model = model.parse().map_err(|error: heatmap_models::Error| error.to_string())?;
        Ok(Self { model, file: file.into() })
    }
}

/// The runs of the other examples in the folder `runs`.
pub fn found_runs() -> Vec<RunName> {
    let runs = ["count", "location", "simclr"].map(|name| (name, PathBuf::from("runs").join(name)));
    let complete = runs.into_iter().filter(|(_, folder)| folder.join(ENCODER).is_file());
    complete.map(|(name, folder)| RunName { name: name.to_owned(), folder }).collect()
}

impl RunName {
    /// A run by this name.
    pub fn new(name: &str, folder: PathBuf) -> Self {
        Self { name: name.to_owned(), folder }
    }

    /// What the run is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The encoder that the run has left.
    ///
    /// # Errors
    /// When the folder holds no finished run.
    pub fn open(&self, device: &Device) -> Result<NamedEncoder, Box<dyn Error>> {
        let folder = RunFolder::open(&self.folder)?;
        let config: serde_json::Value = folder.read_json(RunFolder::CONFIG)?;
        // count and location keep these under `training`, simclr at the top.
        let config = config.get("training").unwrap_or(&config);
        let bad = |what: &str| format!("{}: {what}", folder.file(RunFolder::CONFIG).display());
        let architecture =
            config["architecture"].as_str().ok_or_else(|| bad("names no architecture"))?;
        let architecture: ModelName = architecture.parse()?;
        let image: ImageConfig = serde_json::from_value(config["image"].clone())
            .map_err(|error| bad(&format!("image: {error}")))?;
        let file = TensorFile::open(folder.file(ENCODER))?;
        let network =
            architecture.config().of_same_kind(&file)?.with_num_classes(None).init(device);
        let (network, _) = network.load_weights(&file, &LoadOptions::new().without_head())?;
        Ok(NamedEncoder { name: self.name.clone(), kind: Kind::Ours(network, image) })
    }
}

impl PretrainedName {
    /// What the network is called: by its name and its file.
    pub fn name(&self) -> String {
        let file = self.file.file_stem().unwrap_or_default().to_string_lossy();
        format!("{} of {file}", self.model)
    }

    /// The network with these weights.
    ///
    /// # Errors
    /// When the file holds another network.
    pub fn open(&self, device: &Device) -> Result<NamedEncoder, Box<dyn Error>> {
        let (network, _) =
            PublishedEncoder::load(self.model, &TensorFile::open(&self.file)?, device)?;
        Ok(NamedEncoder { name: self.name(), kind: Kind::Published(network) })
    }
}

impl NamedEncoder {
    /// A ResNet-50 with the parameters that `seed` draws.
    pub fn untrained(seed: u64, device: &Device) -> Self {
        use heatmap_models::burn::module::Module;
        device.seed(seed);
        let network = ModelName::ResNet(50).config().with_in_channels(1).init(device).materialize();
        Self {
            name: "untrained".to_owned(),
            kind: Kind::Ours(network, FineTuneConfig::report("count-report").image),
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
    ) -> Result<Mat<f64>, Box<dyn Error>> {
        let mut values: Vec<f32> = Vec::new();
        for (at, batch) in heatmaps.chunks(BATCH).enumerate() {
            match &self.kind {
                Kind::Ours(network, image) => {
                    let images = image.batch(batch.iter().copied(), device)?;
                    let features = network.forward_features(images).into_data().convert::<f32>();
                    values.extend(features.try_to_vec::<f32>().expect("converted to f32"));
                }
                Kind::Published(network) => {
                    let images = published_images(network, at * BATCH, batch, device)?;
                    values.extend(network.forward(images, &[Output::Features]).concat());
                }
            }
            each_batch(batch.len());
        }
        let dim = values.len() / heatmaps.len().max(1);
        Ok(Mat::from_fn(heatmaps.len(), dim, |row, column| f64::from(values[row * dim + column])))
    }
}

/// The protocol of the report for pretrained networks.
fn published_images(
    network: &PublishedEncoder,
    first: usize,
    batch: &[&Heatmap],
    device: &Device,
) -> heatmap_train::Result<Tensor<4>> {
    let protocol = PretrainedProtocol {
        upsampling: Some(Upsampling::default()),
        normalization: Normalization::Max,
        image_size: network.image_size,
        mean: network.mean.clone(),
        std: network.std.clone(),
        seed: 0,
    };
    let numbered =
        batch.iter().enumerate().map(|(at, heatmap)| ((first + at) as u64, (*heatmap).clone()));
    protocol.batch(&numbered.collect::<Vec<(u64, Heatmap)>>(), device)
}
