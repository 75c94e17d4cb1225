//! [`save_encoder`]: saves the encoder of a finished run for other programs.

use heatmap_models::Backbone;

use super::RunFolder;
use crate::Result;

/// Name of the file in which a finished run saves its encoder.
pub const ENCODER: &str = "encoder.safetensors";

/// Writes the encoder to the file [`ENCODER`] in the folder of a run: a residual network with the
/// tensor names of torchvision, a vision transformer with those of transformers.
///
/// # Errors
/// Returns an error when the file cannot be written.
pub fn save_encoder(folder: &RunFolder, encoder: &Backbone) -> Result<()> {
    Ok(encoder.save_weights(folder.file(ENCODER), encoder.layout())?)
}
