//! [`Source`]: provides the images whose features are extracted.

use std::ops::Range;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use heatmap_core::synth::Preset;
use heatmap_core::table::{BannerHeatmap, ClickLog};
use heatmap_core::{Grid, Heatmap, write_atomically};
use heatmap_models::TensorFile;

use crate::data::PretrainedProtocol;
use crate::{Error, Result};

/// A sequence of images that can be produced one batch at a time.
pub trait Source {
    /// Returns the number of images.
    fn len(&self) -> usize;

    /// Returns whether there are no images.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the height and width of the images in px.
    fn image_size(&self) -> (usize, usize);

    /// Produces the images `rows`.
    ///
    /// # Shapes
    /// - output: `[rows.len(), channels, height, width]`
    ///
    /// # Errors
    /// Returns an error when the images cannot be made or read.
    fn images(&self, rows: Range<usize>, device: &Device) -> Result<Tensor<4>>;
}

/// Banners of a click log or samples of a preset, prepared for a pretrained network.
#[derive(Debug, Clone)]
pub struct HeatmapSource {
    banners: Banners,
    /// How a heatmap is converted to an image.
    pub protocol: PretrainedProtocol,
}

#[derive(Debug, Clone)]
enum Banners {
    Logged(Vec<LoggedBanner>),
    Synthetic(Box<Preset>, u64, usize),
}

/// A banner of a click log; to save memory, only the bins with clicks are stored.
#[derive(Debug, Clone)]
struct LoggedBanner {
    row: BannerRow,
    grid: Grid,
    /// Row-major index and number of clicks of each bin that has any.
    bins: Vec<(u32, f32)>,
}

impl From<BannerHeatmap> for LoggedBanner {
    fn from(banner: BannerHeatmap) -> Self {
        let BannerHeatmap { banner, display, clicks, heatmap } = banner;
        let (width, height) = (display.width_px, display.height_px);
        Self {
            row: BannerRow {
                domain: banner.domain,
                grid_id: banner.grid_id,
                width,
                height,
                clicks,
                class: None,
            },
            grid: heatmap.grid(),
            bins: (0..)
                .zip(heatmap.values())
                .filter(|(_, v)| **v > 0.0)
                .map(|(bin, &v)| (bin, v))
                .collect(),
        }
    }
}

/// One row of the index file that describes the rows of a feature table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BannerRow {
    /// Site or app of a logged banner; the preset of a synthetic one.
    pub domain: String,
    /// Layout (`grid_id`) of a logged banner; the sample number of a synthetic one.
    pub grid_id: String,
    /// Width of a logged banner in px; that of a synthetic one in bins.
    pub width: u32,
    /// Height of a logged banner in px; that of a synthetic one in bins.
    pub height: u32,
    /// Number of clicks on the banner.
    pub clicks: u64,
    /// Class of a synthetic banner; `None` for a logged one.
    pub class: Option<usize>,
}

impl HeatmapSource {
    /// Takes the banners of a click log, in the order of the log.
    ///
    /// # Errors
    /// Returns an error when a temporary file of the log cannot be read.
    pub fn logged(log: &ClickLog, protocol: PretrainedProtocol) -> Result<Self> {
        let banners =
            log.banners().map(|banner| Ok(banner?.into())).collect::<heatmap_core::Result<_>>()?;
        Ok(Self { banners: Banners::Logged(banners), protocol })
    }

    /// Takes the first `count` samples of a preset under this seed.
    pub fn synthetic(
        preset: Preset,
        seed: u64,
        count: usize,
        protocol: PretrainedProtocol,
    ) -> Self {
        Self { banners: Banners::Synthetic(Box::new(preset), seed, count), protocol }
    }

    /// Returns the heatmap of one row.
    ///
    /// # Panics
    /// Panics when a click log has no such row.
    pub fn heatmap(&self, row: usize) -> Heatmap {
        match &self.banners {
            Banners::Logged(banners) => {
                let LoggedBanner { grid, bins, .. } = &banners[row];
                let mut values = vec![0.0; grid.len()];
                bins.iter().for_each(|&(bin, clicks)| values[bin as usize] = clicks);
                Heatmap::from_values(*grid, values).expect("the values of a heatmap")
            }
            Banners::Synthetic(preset, seed, _) => preset.sample(*seed, row as u64).heatmap,
        }
    }

    /// Returns the index entry of one row.
    pub fn row(&self, row: usize) -> BannerRow {
        match &self.banners {
            Banners::Logged(banners) => banners[row].row.clone(),
            Banners::Synthetic(preset, seed, _) => {
                let sample = preset.sample(*seed, row as u64);
                BannerRow {
                    domain: preset.name.to_string(),
                    grid_id: row.to_string(),
                    width: sample.heatmap.columns() as u32,
                    height: sample.heatmap.rows() as u32,
                    clicks: sample.heatmap.total() as u64,
                    class: Some(sample.class),
                }
            }
        }
    }

    /// Writes the index as a CSV file: row number, domain, grid_id, size, clicks and, for synthetic
    /// banners, class.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub fn write_index(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer
                .write_record(["row", "domain", "grid_id", "width", "height", "clicks", "class"])?;
            for at in 0..self.len() {
                let row = self.row(at);
                let numbers =
                    [row.width.to_string(), row.height.to_string(), row.clicks.to_string()];
                let class = row.class.map(|class| class.to_string()).unwrap_or_default();
                let [width, height, clicks] = &numbers;
                writer.write_record([
                    &at.to_string(),
                    &row.domain,
                    &row.grid_id,
                    width,
                    height,
                    clicks,
                    &class,
                ])?;
            }
            writer.flush()
        })?)
    }
}

impl Source for HeatmapSource {
    fn len(&self) -> usize {
        match &self.banners {
            Banners::Logged(banners) => banners.len(),
            Banners::Synthetic(_, _, count) => *count,
        }
    }

    fn image_size(&self) -> (usize, usize) {
        (self.protocol.image_size, self.protocol.image_size)
    }

    fn images(&self, rows: Range<usize>, device: &Device) -> Result<Tensor<4>> {
        let heatmaps: Vec<(u64, Heatmap)> =
            rows.map(|row| (row as u64, self.heatmap(row))).collect();
        self.protocol.batch(&heatmaps, device)
    }
}

/// Ready-made images, stored in a file as a tensor `images` of shape
/// `[n, channels, height, width]`. They are passed to the network as they are.
#[derive(Debug)]
pub struct TensorSource {
    file: TensorFile,
    shape: [usize; 4],
}

impl TensorSource {
    const NAME: &'static str = "images";

    /// Opens the images in a file, for a network that takes `channels` channels.
    ///
    /// # Errors
    /// Returns an error when there is no such tensor, when it does not have four axes, when an axis
    /// is empty, or when the number of channels differs.
    pub fn new(file: TensorFile, channels: usize) -> Result<Self> {
        let found = file.shape(Self::NAME).map(<[usize]>::to_vec);
        let Some(found) = found else {
            let keys: Vec<&str> = file.keys().take(20).collect();
            return Err(Error::bad_file(
                file.path(),
                format!("no tensor `images`; the file holds {}", keys.join(", ")),
            ));
        };
        match <[usize; 4]>::try_from(&found[..]) {
            Ok(shape) if shape[1] == channels && !shape.contains(&0) => Ok(Self { file, shape }),
            _ => {
                let reason = format!(
                    "`images` has the shape {found:?}; the network takes [n, {channels}, height, \
                     width]"
                );
                Err(Error::bad_file(file.path(), reason))
            }
        }
    }
}

impl Source for TensorSource {
    fn len(&self) -> usize {
        self.shape[0]
    }

    fn image_size(&self) -> (usize, usize) {
        (self.shape[2], self.shape[3])
    }

    fn images(&self, rows: Range<usize>, device: &Device) -> Result<Tensor<4>> {
        let [_, channels, height, width] = self.shape;
        let shape = [rows.len(), channels, height, width];
        let values = self.file.read_rows(Self::NAME, rows)?;
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }
}
