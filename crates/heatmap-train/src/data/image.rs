//! [`ImageConfig`]: how heatmaps become image tensors.

use burn::tensor::{Device, Tensor, TensorData};
use heatmap_core::{Grid, Heatmap, Normalization};
use heatmap_models::ModelName;
use serde::{Deserialize, Serialize};

use super::ImageFrame;
use crate::{Error, Result};

/// Settings that turn a heatmap into an image: its values are scaled, then it is centred in an
/// image of zeros. Nothing is resampled: each bin becomes a square of whole px, as large as fits
/// ([`ImageFrame`]); at the usual 64 x 64 px that is one px per bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    /// Height of the image in px.
    pub height: usize,
    /// Width of the image in px.
    pub width: usize,
    /// Number of channels, which all hold the same values; networks that expect colour need 3.
    pub channels: usize,
    /// How the values are scaled.
    pub normalization: Normalization,
    /// Standard deviation, in bins, of the Gaussian that smooths the heatmap before it is scaled;
    /// `None` for no smoothing.
    #[serde(default)]
    pub smoothing: Option<f64>,
}

impl Default for ImageConfig {
    fn default() -> Self {
        Self {
            height: 64,
            width: 64,
            channels: 1,
            normalization: Normalization::Max,
            smoothing: None,
        }
    }
}

impl ImageConfig {
    /// Returns where the bins of a grid lie in these images.
    ///
    /// # Errors
    /// Returns an error when the grid is larger than the image.
    pub fn frame(&self, grid: Grid) -> Result<ImageFrame> {
        ImageFrame::new([self.height, self.width], grid)
    }

    /// Checks that a network accepts these images: a vision transformer needs square images that
    /// can be cut into whole patches.
    ///
    /// # Errors
    /// Returns an error when the network does not accept them, or the smoothing is out of range.
    pub fn check_for(&self, architecture: ModelName) -> Result<()> {
        if let Some(smoothing) = self.smoothing.filter(|smoothing| !(0.0..=1e3).contains(smoothing))
        {
            return Err(Error::config(
                "image.smoothing",
                smoothing,
                "must be from 0 to 1,000 bins",
            ));
        }
        let (multiple, Self { height, width, .. }) = (architecture.config().size_multiple(), self);
        if multiple > 1 && (height != width || !height.is_multiple_of(multiple)) {
            let reason =
                format!("{architecture} takes squares whose side is a multiple of {multiple} px");
            return Err(Error::config("image_size", format!("{height} x {width}"), reason));
        }
        Ok(())
    }

    /// Converts heatmaps to a batch of images.
    ///
    /// # Shapes
    /// - output: `[heatmaps.len(), channels, height, width]`, f32
    ///
    /// # Errors
    /// Returns an error when there is no heatmap, or when one is larger than the image.
    pub fn batch<'a>(
        &self,
        heatmaps: impl IntoIterator<Item = &'a Heatmap>,
        device: &Device,
    ) -> Result<Tensor<4>> {
        let mut values: Vec<f32> = Vec::new();
        let mut count = 0;
        for heatmap in heatmaps {
            self.append(heatmap, &mut values)?;
            count += 1;
        }
        if count == 0 {
            return Err(Error::config("batch_size", 0, "a batch needs an image"));
        }
        let shape = [count, self.channels, self.height, self.width];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    /// Returns the heatmap with the values that its image shows, one per bin: smoothed and scaled.
    pub fn scaled(&self, heatmap: &Heatmap) -> Heatmap {
        match self.smoothing {
            Some(sigma_bins) => heatmap.smoothed(sigma_bins).normalized(self.normalization),
            None => heatmap.normalized(self.normalization),
        }
    }

    fn append(&self, heatmap: &Heatmap, values: &mut Vec<f32>) -> Result<()> {
        let ImageFrame { left, top, bin_px, .. } = self.frame(heatmap.grid())?;
        let scaled = self.scaled(heatmap);
        for _ in 0..self.channels {
            let start = values.len();
            values.resize(start + self.height * self.width, 0.0);
            for (row, bins) in scaled.values().chunks_exact(heatmap.columns()).enumerate() {
                for line in 0..bin_px {
                    let at = start + (top + row * bin_px + line) * self.width + left;
                    let squares = values[at..at + bins.len() * bin_px].chunks_exact_mut(bin_px);
                    squares.zip(bins).for_each(|(square, bin)| square.fill(*bin));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::Grid;

    fn heatmap(rows: usize, columns: usize) -> Heatmap {
        let values = (1..=rows * columns).map(|v| v as f32).collect();
        Heatmap::from_values(Grid { rows, columns, bin_size_px: 5.0 }, values).unwrap()
    }

    #[test]
    fn a_heatmap_lies_in_the_middle_of_every_channel() {
        let config = ImageConfig { height: 4, width: 5, channels: 2, ..ImageConfig::default() };
        let images = config.batch([&heatmap(2, 3)], &Device::flex()).unwrap();
        assert_eq!(images.dims(), [1, 2, 4, 5]);
        let sixth = |v: u8| f32::from(v) / 6.0;
        #[rustfmt::skip]
        let one = [
            0.0, 0.0, 0.0, 0.0, 0.0,
            0.0, sixth(1), sixth(2), sixth(3), 0.0,
            0.0, sixth(4), sixth(5), sixth(6), 0.0,
            0.0, 0.0, 0.0, 0.0, 0.0,
        ];
        assert_eq!(images.into_data().try_to_vec::<f32>().unwrap(), [one, one].concat());
    }

    #[test]
    fn in_a_large_image_a_bin_is_a_square() {
        let config = ImageConfig { height: 5, width: 6, channels: 1, ..ImageConfig::default() };
        let images = config.batch([&heatmap(1, 2)], &Device::flex()).unwrap();
        let three = [[0.5; 3], [1.0; 3]].concat();
        let expected = [vec![0.0; 6], three.clone(), three.clone(), three, vec![0.0; 6]].concat();
        assert_eq!(images.into_data().try_to_vec::<f32>().unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let config = ImageConfig::default();
        let error = config.batch([&heatmap(65, 3)], &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("64 x 64") && error.contains("65 x 3"), "{error}");
        assert!(config.batch([], &Device::flex()).is_err());
    }
}
