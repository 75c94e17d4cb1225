//! [`FeatureInput`]: where the images come from whose features are written.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use heatmap_core::plot::{Tile, montage};
use heatmap_core::synth::Preset;
use heatmap_core::table::{ClickLog, ClickLogConfig};
use heatmap_core::{Grid, Heatmap, Normalization, Upsampling};
use heatmap_models::TensorFile;
use serde::Serialize;

use crate::data::PretrainedProtocol;
use crate::features::{HeatmapSource, PublishedEncoder, Source, TensorSource};
use crate::run::{RunFolder, RunObserver};
use crate::{Error, Result};

/// A data set by its name, as `config.json` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputName {
    /// A click log and the edge of a bin in px.
    Clicks(PathBuf, f64),
    /// A preset and the number of samples.
    Preset(String, usize),
    /// A file with a tensor `images`.
    Tensors(PathBuf),
}

/// How heatmaps become images, as far as a user says.
#[derive(Debug, Clone, Serialize)]
pub struct ProtocolChoice {
    /// Clicks to draw; none to take the clicks as they are.
    pub upsample: u32,
    /// Scaling.
    pub normalization: Normalization,
    /// Side of the image in px, if not that of the network.
    pub image_size: Option<usize>,
    /// Mean of each channel, if not that of the network.
    pub mean: Option<Vec<f32>>,
    /// Standard deviation of each channel, if not that of the network.
    pub std: Option<Vec<f32>>,
    /// Seed of samples and upsampling.
    pub seed: u64,
}

/// An input that was read and checked.
#[derive(Debug)]
pub enum FeatureInput {
    /// The banners of a log.
    Clicks(Box<ClickLog>),
    /// A preset and the number of samples.
    Preset(Box<Preset>, usize),
    /// A file with a tensor `images`.
    Tensors(PathBuf),
}

/// The images of an input as one network takes them.
#[derive(Debug)]
pub(super) enum InputSource {
    /// By the protocol.
    Heatmaps(HeatmapSource),
    /// Ready-made.
    Tensors(TensorSource),
}

/// Opens weights: a file, or `hf:OWNER/NAME` for a repository on a Hugging Face hub.
///
/// # Errors
/// When there are none, or the crate was built without its feature `hub`.
pub fn open_weights(name: &str) -> Result<TensorFile> {
    let Some(repository) = name.strip_prefix("hf:") else {
        return Ok(TensorFile::open(name)?);
    };
    #[cfg(feature = "hub")]
    return Ok(heatmap_models::hub::Hub::from_env().weights(repository)?);
    #[cfg(not(feature = "hub"))]
    Err(Error::bad_file(
        Path::new(repository),
        "not part of this build; build with `--features hub`",
    ))
}

/// Reads a click log with bins of this size; the observer is told what was left out.
///
/// # Errors
/// When it cannot be read, or has no row that can be used.
pub fn read_log(path: &Path, bin_size_px: f64, observer: &dyn RunObserver) -> Result<ClickLog> {
    let config = ClickLogConfig { bin_size_px, ..ClickLogConfig::default() };
    let log = config.read(&[path.to_owned()], &mut |_| ControlFlow::Continue(()))?;
    let mut left_out = String::new();
    for dropped in log.drops().by_reason() {
        let (reason, rows, clicks, first) =
            (dropped.reason, dropped.rows, dropped.clicks, &dropped.first);
        left_out += &format!("\n  {rows} with {clicks} clicks: {reason}, such as {first}");
    }
    if !left_out.is_empty() {
        let (rows, dropped) = (log.rows(), log.drops().rows());
        observer.tell(&format!("Of {rows} rows {dropped} were left out:{left_out}"));
    }
    Ok(log)
}

impl FeatureInput {
    /// Reads what the name says.
    ///
    /// # Errors
    /// When a file cannot be read, there is no such preset, or there is no banner.
    pub fn open(name: &InputName, observer: &dyn RunObserver) -> Result<Self> {
        Ok(match name {
            InputName::Clicks(path, bin_size_px) => {
                Self::Clicks(Box::new(read_log(path, *bin_size_px, observer)?))
            }
            InputName::Preset(_, 0) => return Err(Error::config("samples", 0, "must be positive")),
            InputName::Preset(name, samples) => {
                Self::Preset(Box::new(Preset::named(name)?), *samples)
            }
            InputName::Tensors(path) => Self::Tensors(path.clone()),
        })
    }

    /// The images for one network.
    ///
    /// # Errors
    /// When a setting or the tensor does not suit the network.
    pub(super) fn source(
        &self,
        encoder: &PublishedEncoder,
        choice: &ProtocolChoice,
    ) -> Result<InputSource> {
        if let Self::Tensors(path) = self {
            let source = TensorSource::new(TensorFile::open(path)?, encoder.in_channels())?;
            return Ok(InputSource::Tensors(source));
        }
        let upsampling = Upsampling { clicks: choice.upsample, ..Upsampling::default() };
        let protocol = PretrainedProtocol {
            upsampling: (choice.upsample > 0).then_some(upsampling),
            normalization: choice.normalization,
            image_size: choice.image_size.unwrap_or(encoder.image_size),
            mean: choice.mean.clone().unwrap_or_else(|| encoder.mean.clone()),
            std: choice.std.clone().unwrap_or_else(|| encoder.std.clone()),
            seed: choice.seed,
        };
        protocol.check()?;
        if protocol.mean.len() != encoder.in_channels() {
            let (given, taken) = (protocol.mean.len(), encoder.in_channels());
            let reason = format!("has {given} channels, {} takes {taken}", encoder.name());
            return Err(Error::config("--mean and --std", given, reason));
        }
        Ok(InputSource::Heatmaps(match self {
            Self::Clicks(log) => HeatmapSource::logged(log, protocol)?,
            Self::Preset(preset, samples) => {
                HeatmapSource::synthetic(preset.as_ref().clone(), choice.seed, *samples, protocol)
            }
            Self::Tensors(_) => unreachable!("handled before"),
        }))
    }
}

impl InputSource {
    /// For the loop that does not care.
    pub(super) fn as_source(&self) -> &dyn Source {
        match self {
            Self::Heatmaps(source) => source,
            Self::Tensors(source) => source,
        }
    }
}

/// Draws the first images as the network sees them, before they are standardised.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write_montage(folder: &RunFolder, source: &HeatmapSource) -> Result<()> {
    const SHOWN: usize = 8;
    let size = source.protocol.image_size;
    let grid = Grid { rows: size, columns: size, bin_size_px: 1.0 };
    let image = |row: usize| -> Result<(String, Heatmap)> {
        let key = source.row(row);
        let plane = source.protocol.plane(row as u64, &source.heatmap(row))?;
        Ok((
            format!("{}  {}  {} clicks", key.domain, key.grid_id, key.clicks),
            Heatmap::from_values(grid, plane)?,
        ))
    };
    let images = (0..source.len().min(SHOWN)).map(image).collect::<Result<Vec<_>>>()?;
    let tiles: Vec<Tile<'_>> =
        images.iter().map(|(label, heatmap)| Tile { label, heatmap }).collect();
    montage("The first images, as the network sees them", &tiles, 4)?
        .save_png(&folder.file("montage.png"))?;
    Ok(())
}
