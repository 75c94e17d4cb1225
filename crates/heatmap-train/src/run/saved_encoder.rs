//! [`save_encoder`]: the encoder that a finished run leaves for other programs.

use heatmap_models::Backbone;

use super::RunFolder;
use crate::Result;

/// The file that a finished run leaves its encoder in.
pub const ENCODER: &str = "encoder.safetensors";

/// Writes [`ENCODER`], a residual network under the names of torchvision and a vision transformer
/// under those of transformers.
///
/// # Errors
/// When the file cannot be written.
pub fn save_encoder(folder: &RunFolder, encoder: &Backbone) -> Result<()> {
    Ok(encoder.save_weights(folder.file(ENCODER), encoder.layout())?)
}
