//! [`PublishedEncoder`]: a network with weights loaded from a file, and its outputs.

use burn::tensor::{Device, Tensor};
use heatmap_core::{Normalization, Upsampling, one_of};
use heatmap_models::weights::LoadReport;
use heatmap_models::{
    Backbone, BackboneConfig, Encoder, LoadOptions, ModelName, Preprocessing, TensorFile,
};
use serde::Serialize;

use crate::data::PretrainedProtocol;
use crate::{Error, Result};

/// An output of a network that can be extracted for each image.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum Output {
    /// The logits of the classification head.
    Logits,
    /// The feature vector that heads take, `[feature_dim]`: 2,048 numbers for a ResNet-50, the
    /// class token or the mean of the patches for a ViT.
    Features,
    /// All tokens of a ViT, `[tokens, feature_dim]`: 197 x 768 for a ViT-B/16 at 224 px. The class
    /// token is the first; register tokens, which some networks have, come before the patches.
    Tokens,
}

/// A network with published weights, and the image preprocessing that it was trained with.
///
/// # Shapes
/// An image is `[in_channels, height, width]`. Its features are `[feature_dim]`, and its tokens
/// `[num_prefix_tokens + rows * columns, feature_dim]`, where the grid of the patches is
/// [`PublishedEncoder::token_grid`]. [`PublishedEncoder::row_shape`] has them for each output.
#[derive(Debug, Clone)]
pub struct PublishedEncoder {
    network: Backbone,
    config: BackboneConfig,
    name: ModelName,
    /// Height and width of the training images in px: 224 for most networks, 518 for DINOv2.
    pub image_size: usize,
    /// Mean that each channel of the training images was standardised with, `[in_channels]`.
    pub mean: Vec<f32>,
    /// Standard deviation that each channel of the training images was standardised with,
    /// `[in_channels]`.
    pub std: Vec<f32>,
    /// Settings that were assumed because neither the weights nor the files beside them state them,
    /// one phrase each.
    pub assumed: Vec<String>,
}

impl PublishedEncoder {
    /// Returns the preprocessing protocol of the report for this network: 50,000 clicks drawn with
    /// replacement and noise of 1.5 bins, divided by the maximum, resized, and standardised as in
    /// the network's training. `seed` is the seed of the draws.
    pub fn protocol(&self, seed: u64) -> PretrainedProtocol {
        PretrainedProtocol {
            upsampling: Some(Upsampling::default()),
            normalization: Normalization::Max,
            image_size: self.image_size,
            mean: self.mean.clone(),
            std: self.std.clone(),
            seed,
        }
    }

    /// Loads the network `name` from a file, with its classification head and pooler if the file
    /// contains them. The number of attention heads, the pooling, the mean and the standard
    /// deviation are taken
    /// from the files beside the weights ([`TensorFile::companions`]); what those do not state is
    /// assumed.
    ///
    /// # Errors
    /// Returns an error when the file holds another network, or when its tensors do not fit.
    pub fn load(name: ModelName, file: &TensorFile, device: &Device) -> Result<(Self, LoadReport)> {
        let config = name.config_of(file)?;
        let (network, report) = config.init(device).load_weights(file, &LoadOptions::new())?;
        let Preprocessing { image_size, mean, std } = config.preprocessing(report.layout);
        let channels = config.in_channels();
        let companions = file.companions();
        let mut assumed = Vec::new();
        if let (Some(heads), None) = (config.num_heads(), companions.heads) {
            assumed.push(format!("{heads} attention heads, one for every 64 of the width"));
        }
        let (usual_mean, usual_std) = standard(channels, (mean, std));
        let known =
            |values: &Option<Vec<f32>>| values.clone().filter(|values| values.len() == channels);
        let (mean, std) = (known(&companions.mean), known(&companions.std));
        // For other numbers of channels there is no common convention, so nothing is reported.
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

    /// Checks that the network has this `output`.
    ///
    /// # Errors
    /// Returns an error when the network has no classification head, or no tokens.
    pub fn check(&self, output: Output) -> Result<()> {
        let reason = match output {
            Output::Tokens if !self.config.has_tokens() => format!("a {} has no tokens", self.name),
            Output::Logits if self.config.num_classes().is_none() => {
                format!("the weights of {} have no classification head", self.name)
            }
            _ => return Ok(()),
        };
        Err(Error::config("outputs", output, reason))
    }

    /// Checks that the network takes images of this size.
    ///
    /// # Errors
    /// Returns an error when such images cannot be cut into whole patches.
    pub fn check_image_size(&self, height: usize, width: usize) -> Result<()> {
        let patch = self.config.size_multiple();
        if height == 0
            || width == 0
            || !height.is_multiple_of(patch)
            || !width.is_multiple_of(patch)
        {
            let reason = format!("a {} takes sides that are multiples of {patch} px", self.name);
            return Err(Error::config("image_size", format!("{height} x {width}"), reason));
        }
        Ok(())
    }

    /// Returns the number of channels of the images.
    pub fn in_channels(&self) -> usize {
        self.mean.len()
    }

    /// Returns the length of a feature vector and of a token.
    pub fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }

    /// Returns the number of classes of the classification head; `None` without a head.
    pub fn num_classes(&self) -> Option<usize> {
        self.config.num_classes()
    }

    /// Returns the numbers of rows and columns of patches in an image of this size, whose tokens
    /// are in this order; `None` for a network without tokens.
    pub fn token_grid(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let patch = self.config.size_multiple();
        self.config.has_tokens().then(|| [height / patch, width / patch])
    }

    /// Returns the number of tokens before those of the patches, which are the class token and the
    /// register tokens; 0 for a network without tokens.
    pub fn num_prefix_tokens(&self) -> usize {
        self.config.num_prefix_tokens().unwrap_or(0)
    }

    /// Returns the configuration of the network.
    pub fn config(&self) -> &BackboneConfig {
        &self.config
    }

    /// Returns the number of attention heads; `None` for a network without attention.
    pub fn heads(&self) -> Option<usize> {
        self.config.num_heads()
    }

    /// Returns the name of the network.
    pub fn name(&self) -> ModelName {
        self.name
    }

    /// Returns the shape of one row of `output`, that is, for one image of this size.
    pub fn row_shape(&self, output: Output, height: usize, width: usize) -> Vec<usize> {
        match output {
            Output::Logits => vec![self.num_classes().unwrap_or(0)],
            Output::Features => vec![self.feature_dim()],
            Output::Tokens => {
                let [rows, columns] = self.token_grid(height, width).unwrap_or([0, 0]);
                vec![self.num_prefix_tokens() + rows * columns, self.feature_dim()]
            }
        }
    }

    /// Computes the outputs for a batch of images, each in row-major order. The network runs only
    /// once, however many outputs are requested.
    ///
    /// # Shapes
    /// - `images`: `[batch, in_channels, height, width]`
    /// - each output: `[batch, ..]`, where the rest is [`PublishedEncoder::row_shape`]
    ///
    /// # Panics
    /// Panics when the network does not have an output (see [`PublishedEncoder::check`]).
    pub fn forward(&self, images: Tensor<4>, outputs: &[Output]) -> Vec<Vec<f32>> {
        let (features, tokens) = self.network.forward_with_tokens(images);
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

/// Returns the mean and standard deviation for a network with this number of channels. They are
/// known for three colours only; otherwise images are not standardised.
fn standard(channels: usize, (mean, std): ([f32; 3], [f32; 3])) -> (Vec<f32>, Vec<f32>) {
    if channels == 3 {
        (mean.to_vec(), std.to_vec())
    } else {
        (vec![0.0; channels], vec![1.0; channels])
    }
}

fn unknown(name: &str) -> Error {
    Error::config("outputs", name, one_of::<Output>())
}
