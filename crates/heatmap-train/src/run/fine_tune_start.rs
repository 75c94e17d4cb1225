//! [`FineTuneStart`]: the data, encoder and weights with which a count or location run starts.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use heatmap_core::synth::Preset;
use heatmap_models::{Backbone, BackboneConfig, LoadOptions, TensorFile};

use super::fine_tune::FineTuneConfig;
use super::map_shapes::MapShapes;
use crate::data::SampleSource;
use crate::{Error, Result};

/// What the settings of a count or location run resolve to: its data set, its encoder, and its
/// weight file, already opened.
#[derive(Debug)]
pub struct FineTuneStart {
    source: Arc<dyn SampleSource>,
    /// The data set if it is a preset, whose generator tells more than its samples.
    preset: Option<Arc<Preset>>,
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
    /// Checks all settings, and opens the data set and the weights. `located` says whether the
    /// centres of the clusters must be known.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    pub fn resolve(&self, located: bool) -> Result<FineTuneStart> {
        let (source, preset): (Arc<dyn SampleSource>, _) = match &self.own {
            Some(own) => (own.clusters(self.training.seed, located)?, None),
            None => {
                let preset = Arc::new(Preset::named(&self.preset)?);
                (preset.clone(), Some(preset))
            }
        };
        self.check_data(&source)?;
        self.image.check_for(self.architecture)?;
        self.check_freeze()?;
        self.check_stem()?;
        FineTuneStart::open(self, source, preset)
    }
}

impl FineTuneStart {
    /// Opens the weight file that the settings name.
    ///
    /// # Errors
    /// Returns an error when the weights cannot be read or are not those of the architecture, or
    /// when names are to be left out of no weights.
    fn open(
        config: &FineTuneConfig,
        source: Arc<dyn SampleSource>,
        preset: Option<Arc<Preset>>,
    ) -> Result<Self> {
        let FineTuneConfig { architecture, image, freeze, .. } = config;
        let seed = config.training.seed;
        let (encoder, weights) = match &config.weights {
            Some(path) => {
                let file = TensorFile::open(path)?.without(&config.ignore_weights);
                let encoder = architecture.config_of(&file)?.with_num_classes(None);
                let mut options = LoadOptions::new().without_head().without_pooler();
                options.grey_stem = image.channels == 1;
                (encoder, Some((file, options)))
            }
            None if !config.ignore_weights.is_empty() => {
                let reason = "names in weights; give weights to start from";
                let ignored = config.ignore_weights.join(", ");
                return Err(Error::config("ignore_weights", ignored, reason));
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
        Ok(Self { source, preset, seed, freeze: *freeze, encoder, weights, maps })
    }

    /// Returns the data set.
    pub fn source(&self) -> &Arc<dyn SampleSource> {
        &self.source
    }

    /// Returns the preset that generates the data set, or `None` for a click log.
    pub fn preset(&self) -> Option<&Preset> {
        self.preset.as_deref()
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
