//! [`FineTuneStart`]: the preset, encoder and weights with which a count or location run starts.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, BackboneConfig, LoadOptions, TensorFile};

use super::fine_tune::FineTuneConfig;
use super::map_shapes::MapShapes;
use crate::Result;
use crate::data::SampleSource;

/// What the settings of a count or location run resolve to: its preset, its encoder, and its weight
/// file, already opened.
#[derive(Debug)]
pub struct FineTuneStart {
    preset: Arc<Preset>,
    seed: u64,
    freeze: usize,
    /// Configuration of the encoder, for the images of the run.
    encoder: BackboneConfig,
    /// File with the initial weights, and how they are loaded; `None` to train from scratch.
    weights: Option<(TensorFile, LoadOptions)>,
    /// Maps of the encoder.
    pub(super) maps: MapShapes,
}

impl FineTuneConfig {
    /// Checks all settings, and opens the preset and the weights.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn resolve(&self) -> Result<FineTuneStart> {
        let preset = Arc::new(Preset::named(&self.preset)?);
        self.check_data(&(preset.clone() as Arc<dyn SampleSource>))?;
        self.image.check_for(self.architecture)?;
        self.check_freeze()?;
        self.check_stem()?;
        FineTuneStart::open(self, preset)
    }
}

impl FineTuneStart {
    /// Opens the weight file that the settings name.
    ///
    /// # Errors
    /// Returns an error when the weights cannot be read or are not those of the architecture.
    pub(super) fn open(config: &FineTuneConfig, preset: Arc<Preset>) -> Result<Self> {
        let FineTuneConfig { architecture, image, freeze, .. } = config;
        let seed = config.training.seed;
        let (encoder, weights) = match &config.weights {
            Some(path) => {
                let file = TensorFile::open(path)?;
                let encoder = architecture.config_of(&file)?.with_num_classes(None);
                let mut options = LoadOptions::new().without_head().without_pooler();
                options.grey_stem = image.channels == 1;
                (encoder, Some((file, options)))
            }
            None => {
                let encoder = architecture.config().with_image_size(image.height);
                (encoder.clone().with_stem(config.stem).unwrap_or(encoder), None)
            }
        };
        let encoder = encoder.with_in_channels(image.channels);
        let maps = MapShapes {
            name: architecture.to_string(),
            strides: encoder.map_strides(),
            channels: encoder.map_channels(),
        };
        Ok(Self { preset, seed, freeze: *freeze, encoder, weights, maps })
    }

    /// Returns the preset.
    pub fn preset(&self) -> &Arc<Preset> {
        &self.preset
    }

    /// Creates the encoder with which the run starts. Its parameters come from the weight file or,
    /// without one, are random values that depend only on the seed.
    ///
    /// # Errors
    /// Returns an error when the weights cannot be read.
    pub fn encoder(&self, device: &Device) -> Result<Backbone> {
        device.seed(self.seed);
        let encoder = self.encoder.clone().init(device);
        let Some((file, options)) = &self.weights else { return Ok(encoder.materialize()) };
        let (encoder, _) = encoder.load_weights(file, options)?;
        Ok(encoder.materialize().freeze_leading(self.freeze))
    }
}
