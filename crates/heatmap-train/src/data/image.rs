//! [`ImageConfig`]: the only place where heatmaps become tensors.

use burn::tensor::{Device, Tensor, TensorData};
use heatmap_core::{Heatmap, Normalization};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a heatmap becomes an image: scaled, then laid in the middle of zeros. Nothing is resampled, so a bin stays a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    /// Height of the image in px.
    pub height: usize,
    /// Width of the image in px.
    pub width: usize,
    /// Channels, all alike: 3 for networks that expect colour.
    pub channels: usize,
    /// Scaling of the values.
    pub normalization: Normalization,
}

impl Default for ImageConfig {
    fn default() -> Self {
        Self { height: 64, width: 64, channels: 1, normalization: Normalization::Max }
    }
}

impl ImageConfig {
    /// A batch of images.
    ///
    /// # Shapes
    /// - output: `[heatmaps.len(), channels, height, width]`, f32
    ///
    /// # Errors
    /// When there is no heatmap, or one is larger than the image.
    pub fn batch<'a>(&self, heatmaps: impl IntoIterator<Item = &'a Heatmap>, device: &Device) -> Result<Tensor<4>> {
        let mut values: Vec<f32> = Vec::new();
        let mut count = 0;
        for heatmap in heatmaps {
            self.append(heatmap, &mut values)?;
            count += 1;
        }
        if count == 0 {
            return Err(Error::config("batch size", 0, "a batch needs an image"));
        }
        let shape = [count, self.channels, self.height, self.width];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    fn append(&self, heatmap: &Heatmap, values: &mut Vec<f32>) -> Result<()> {
        let (rows, columns) = (heatmap.rows(), heatmap.columns());
        if rows > self.height || columns > self.width {
            let size = format!("{} x {}", self.height, self.width);
            return Err(Error::config(
                "image size",
                size,
                format!("smaller than a heatmap of {rows} x {columns} bins"),
            ));
        }
        let (top, left) = ((self.height - rows) / 2, (self.width - columns) / 2);
        let scaled = heatmap.normalized(self.normalization);
        for _ in 0..self.channels {
            let start = values.len();
            values.resize(start + self.height * self.width, 0.0);
            for (row, bins) in scaled.values().chunks_exact(columns).enumerate() {
                let at = start + (top + row) * self.width + left;
                values[at..at + columns].copy_from_slice(bins);
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
        let config = ImageConfig { height: 4, width: 5, channels: 2, normalization: Normalization::Max };
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
    fn what_does_not_fit_is_an_error() {
        let config = ImageConfig::default();
        let error = config.batch([&heatmap(65, 3)], &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("64 x 64") && error.contains("65 x 3"), "{error}");
        assert!(config.batch([], &Device::flex()).is_err());
    }
}
