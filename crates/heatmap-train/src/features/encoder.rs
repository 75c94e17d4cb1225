//! [`PublishedEncoder`]: a network with the weights of a file, and what it can give.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Tensor};
use heatmap_models::weights::LoadReport;
use heatmap_models::{
    Backbone, BackboneConfig, Encoder, LoadOptions, ModelName, TensorFile, WeightLayout,
};
use serde::Serialize;

use crate::data::IMAGENET;
use crate::{Error, Result};

/// What a network gives for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Of the classification head.
    Logits,
    /// The vector that heads work on: 2,048 numbers of a ResNet-50, the class token of a ViT.
    Features,
    /// All tokens of a ViT: 197 x 768 of a ViT-B/16 at 224 px.
    Tokens,
}

/// A network, and how the images were standardised that it was trained on.
#[derive(Debug, Clone)]
pub struct PublishedEncoder {
    network: Backbone,
    config: BackboneConfig,
    name: ModelName,
    /// Height and width of the images that it was trained on, in px.
    pub image_size: usize,
    /// Mean of each channel of those images.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel of those images.
    pub std: Vec<f32>,
    /// What neither the weights nor the files beside them say, and was assumed: a sentence each.
    pub assumed: Vec<String>,
}

impl PublishedEncoder {
    /// Loads the network `name` from a file, with head and pooler if the file has them. Heads, mean
    /// and standard deviation are those that the files beside the weights name
    /// ([`TensorFile::companions`]); what they do not, is assumed.
    ///
    /// # Errors
    /// When the file holds another network, or does not fit.
    pub fn load(name: ModelName, file: &TensorFile, device: &Device) -> Result<(Self, LoadReport)> {
        let config = name.config_of(file)?;
        let (network, report) = config.init(device).load_weights(file, &LoadOptions::new())?;
        let (image_size, colours) = match (&config, report.layout) {
            (BackboneConfig::ResNet(_), _) => (224, IMAGENET),
            (BackboneConfig::Vit(config), WeightLayout::Torchvision) => {
                (config.image_size, IMAGENET)
            }
            (BackboneConfig::Vit(config), _) => (config.image_size, ([0.5; 3], [0.5; 3])),
        };
        let channels = config.in_channels();
        let companions = file.companions();
        let mut assumed = Vec::new();
        if let (BackboneConfig::Vit(config), None) = (&config, companions.heads) {
            assumed.push(format!(
                "{} attention heads, one for every 64 of the width",
                config.num_heads
            ));
        }
        let (usual_mean, usual_std) = standard(channels, colours);
        let known =
            |values: &Option<Vec<f32>>| values.clone().filter(|values| values.len() == channels);
        let (mean, std) = (known(&companions.mean), known(&companions.std));
        // Of one grey channel there is no usual one.
        if channels == 3 && (mean.is_none() || std.is_none()) {
            assumed.push(format!(
                "images standardised by mean {usual_mean:?} and standard deviation {usual_std:?}, \
                 as {} does for most",
                report.layout
            ));
        }
        if let Some(beginning) =
            file.averaged().filter(|beginning| !report.prefix.starts_with(beginning))
        {
            assumed.push(format!(
                "the weights of the last step, not the averaged ones under `{beginning}`"
            ));
        }
        let (mean, std) = (mean.unwrap_or(usual_mean), std.unwrap_or(usual_std));
        Ok((Self { network, config, name, image_size, mean, std, assumed }, report))
    }

    /// Checks that the network gives `output`.
    ///
    /// # Errors
    /// When it has no head, or no tokens.
    pub fn check(&self, output: Output) -> Result<()> {
        match (output, &self.network) {
            (Output::Tokens, Backbone::ResNet(_)) => {
                Err(Error::config("outputs", output, format!("a {} has no tokens", self.name)))
            }
            (Output::Logits, _) if self.config.num_classes().is_none() => Err(Error::config(
                "outputs",
                output,
                format!("the weights of {} have no classification head", self.name),
            )),
            _ => Ok(()),
        }
    }

    /// Checks that the network takes square images of this size.
    ///
    /// # Errors
    /// When they cannot be cut into patches.
    pub fn check_image_size(&self, height: usize, width: usize) -> Result<()> {
        let patch = self.config.size_multiple();
        if height == 0
            || width == 0
            || !height.is_multiple_of(patch)
            || !width.is_multiple_of(patch)
        {
            let reason = format!("a {} takes sides that are multiples of {patch} px", self.name);
            return Err(Error::config("image size", format!("{height} x {width}"), reason));
        }
        Ok(())
    }

    /// Channels of the images.
    pub fn in_channels(&self) -> usize {
        self.mean.len()
    }

    /// Attention heads, of a ViT.
    pub fn heads(&self) -> Option<usize> {
        match &self.config {
            BackboneConfig::ResNet(_) => None,
            BackboneConfig::Vit(config) => Some(config.num_heads),
        }
    }

    /// Name of the network.
    pub fn name(&self) -> ModelName {
        self.name
    }

    /// The shape of one row of `output` for images of this size.
    pub fn row_shape(&self, output: Output, height: usize, width: usize) -> Vec<usize> {
        let patch = self.config.size_multiple();
        match output {
            Output::Logits => vec![self.config.num_classes().unwrap_or(0)],
            Output::Features => vec![self.config.feature_dim()],
            Output::Tokens => {
                vec![(height / patch) * (width / patch) + 1, self.config.feature_dim()]
            }
        }
    }

    /// The outputs for a batch of images, each in row-major order. The network runs once, whatever
    /// is asked for.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    ///
    /// # Panics
    /// When the network does not give an output (see [`PublishedEncoder::check`]).
    pub fn forward(&self, images: Tensor<4>, outputs: &[Output]) -> Vec<Vec<f32>> {
        let (features, tokens) = match &self.network {
            Backbone::ResNet(network) => (network.forward_features(images), None),
            Backbone::Vit(network) => {
                let tokens = network.forward_tokens(images);
                (network.pool(tokens.clone()), Some(tokens))
            }
        };
        let read = |data: burn::tensor::TensorData| {
            data.convert::<f32>().try_to_vec().expect("converted to f32")
        };
        let value = |output: &Output| match output {
            Output::Logits => read(self.network.classify(features.clone()).into_data()),
            Output::Features => read(features.clone().into_data()),
            Output::Tokens => read(tokens.clone().expect("checked before").into_data()),
        };
        outputs.iter().map(value).collect()
    }
}

/// The statistics of three colours for a network of three channels; for any other number nothing is
/// known.
fn standard(channels: usize, (mean, std): ([f32; 3], [f32; 3])) -> (Vec<f32>, Vec<f32>) {
    if channels == 3 {
        (mean.to_vec(), std.to_vec())
    } else {
        (vec![0.0; channels], vec![1.0; channels])
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logits => "logits",
            Self::Features => "features",
            Self::Tokens => "tokens",
        })
    }
}

impl FromStr for Output {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = [Self::Logits, Self::Features, Self::Tokens]
            .into_iter()
            .find(|known| known.to_string() == name);
        known.ok_or_else(|| Error::config("outputs", name, "not one of logits, features, tokens"))
    }
}
