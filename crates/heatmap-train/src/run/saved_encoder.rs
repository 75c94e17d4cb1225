//! [`save_encoder`]: saves the encoder of a finished run for other programs.

use burn::tensor::Device;
use heatmap_models::{Backbone, LoadOptions, ModelName, TensorFile};

use super::RunFolder;
use crate::Result;

/// Name of the file in which a finished run saves its encoder.
pub const ENCODER: &str = "encoder.safetensors";

/// Writes the encoder to the file [`ENCODER`] in the folder of a run: a residual network with the
/// tensor names of torchvision, a vision transformer with those of transformers or, if it began
/// with weights of timm or DINOv2, with those of that program ([`Backbone::layout`]).
///
/// # Errors
/// Returns an error when the file cannot be written.
pub fn save_encoder(folder: &RunFolder, encoder: &Backbone) -> Result<()> {
    Ok(encoder.save_weights(folder.file(ENCODER), encoder.layout())?)
}

/// Reads the encoder that a finished run has saved.
///
/// # Errors
/// Returns an error when there is none, or when it is of another architecture.
pub(super) fn load_encoder(
    folder: &RunFolder,
    architecture: ModelName,
    device: &Device,
) -> Result<Backbone> {
    let file = TensorFile::open(folder.file(ENCODER))?;
    let network = architecture.config().of_same_kind(&file)?.with_num_classes(None).init(device);
    Ok(network.load_weights(&file, &LoadOptions::new().without_head())?.0)
}
