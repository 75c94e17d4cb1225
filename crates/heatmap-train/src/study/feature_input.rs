//! [`FeatureInput`]: the data set whose features a feature run computes.

use std::ops::ControlFlow;
use std::path::PathBuf;

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

/// The data set of a feature run, as `config.json` names it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputName {
    /// The files of a click log, and how they are read.
    Clicks(Vec<PathBuf>, ClickLogConfig),
    /// A preset and the number of samples.
    Preset(String, usize),
    /// A file with a tensor `images`.
    Tensors(PathBuf),
}

/// Settings of the conversion of heatmaps to images that a user can choose. `None` stands for the
/// value with which the network was trained.
#[derive(Debug, Clone, Serialize)]
pub struct ProtocolChoice {
    /// Number of clicks to draw with replacement for each heatmap; 0 uses the clicks as they are.
    pub upsample: u32,
    /// How the values of a heatmap are scaled.
    pub normalization: Normalization,
    /// Height and width of the images in px.
    pub image_size: Option<usize>,
    /// Mean that is subtracted from each channel.
    pub mean: Option<Vec<f32>>,
    /// Standard deviation that each channel is divided by.
    pub std: Option<Vec<f32>>,
    /// Seed of the synthetic samples and of the upsampling.
    pub seed: u64,
}

/// The opened data set of a feature run. The click log has been read and the preset exists; a file
/// of tensors is only opened when a network uses it.
#[derive(Debug)]
pub enum FeatureInput {
    /// The banners of a click log.
    Clicks(Box<ClickLog>),
    /// A preset and the number of samples.
    Preset(Box<Preset>, usize),
    /// A file with a tensor `images`.
    Tensors(PathBuf),
}

/// The images of a data set, prepared for one network.
#[derive(Debug)]
pub(super) enum InputSource {
    /// Heatmaps, which the preprocessing protocol converts to images.
    Heatmaps(HeatmapSource),
    /// Ready-made images.
    Tensors(TensorSource),
}

/// Opens a file of weights. `name` is a path, or `hf:OWNER/NAME` for a repository on a Hugging Face
/// hub.
///
/// # Errors
/// Returns an error when the weights cannot be found or read. It also returns an error for a
/// repository when the crate was built without the feature `hub`.
pub fn open_weights(name: &str) -> Result<TensorFile> {
    let Some(repository) = name.strip_prefix("hf:") else {
        return Ok(TensorFile::open(name)?);
    };
    #[cfg(feature = "hub")]
    return Ok(heatmap_models::hub::Hub::from_env().weights(repository)?);
    #[cfg(not(feature = "hub"))]
    Err(Error::bad_file(
        std::path::Path::new(repository),
        "not part of this build; build with `--features hub`",
    ))
}

/// Reads a click log into heatmaps. The observer is told how many rows were left out and why, what
/// was assumed of the files, and what is doubtful.
///
/// # Errors
/// Returns an error when the log cannot be read, or when it has no usable row.
pub fn read_log(
    paths: &[PathBuf],
    config: &ClickLogConfig,
    observer: &dyn RunObserver,
) -> Result<ClickLog> {
    let log = config.read(paths, &mut |_| ControlFlow::Continue(()))?;
    log.assumptions().iter().for_each(|assumed| observer.tell(&format!("Read {assumed}.")));
    log.warnings().iter().for_each(|warning| observer.tell(&format!("Warning: {warning}")));
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
    /// Opens the data set with this name.
    ///
    /// # Errors
    /// Returns an error when a click log cannot be read or has no usable row, when no preset has
    /// the name, or when the number of samples is 0.
    pub fn open(name: &InputName, observer: &dyn RunObserver) -> Result<Self> {
        Ok(match name {
            InputName::Clicks(paths, config) => {
                Self::Clicks(Box::new(read_log(paths, config, observer)?))
            }
            InputName::Preset(_, 0) => return Err(Error::config("samples", 0, "must be positive")),
            InputName::Preset(name, samples) => {
                Self::Preset(Box::new(Preset::named(name)?), *samples)
            }
            InputName::Tensors(path) => Self::Tensors(path.clone()),
        })
    }

    /// Prepares the images for one network. Heatmaps are converted as `choice` says; ready-made
    /// images are passed to the network unchanged.
    ///
    /// # Errors
    /// Returns an error when a setting or the tensor does not suit the network, or when a file
    /// cannot be read.
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
    /// Returns the images as a trait object, for code that treats all kinds alike.
    pub(super) fn as_source(&self) -> &dyn Source {
        match self {
            Self::Heatmaps(source) => source,
            Self::Tensors(source) => source,
        }
    }
}

/// Writes `montage.png`: the first images as the network sees them, but before standardisation.
///
/// # Errors
/// Returns an error when a heatmap cannot be converted, or when the file cannot be written.
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
