//! [`PretrainedProtocol`]: prepares heatmaps for networks that were trained on photographs.

use burn::tensor::{Device, Tensor, TensorData};
use heatmap_core::{Heatmap, Normalization, Upsampling, sample_rng};
use heatmap_models::Preprocessing;
use serde::{Deserialize, Serialize};

use super::resize::resize;
use crate::{Error, Result};

/// Preprocessing for a pretrained network: the heatmap is upsampled, scaled, resized, copied to
/// every channel, and standardised like the images that the network was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedProtocol {
    /// How sparse heatmaps are filled up by a bootstrap with noise; `None` uses the clicks as they
    /// are.
    pub upsampling: Option<Upsampling>,
    /// How the values are scaled.
    pub normalization: Normalization,
    /// Height and width of the image in px.
    pub image_size: usize,
    /// Mean that is subtracted from each channel; its length is the number of channels.
    pub mean: Vec<f32>,
    /// Standard deviation that each channel is divided by.
    pub std: Vec<f32>,
    /// Seed of the random numbers of the upsampling.
    pub seed: u64,
}

/// Mean and standard deviation of the ImageNet colour channels, as torchvision uses them.
pub const IMAGENET: ([f32; 3], [f32; 3]) = Preprocessing::IMAGENET;

/// Separates the random numbers of the upsampling from those that generated a synthetic sample with
/// the same seed.
const UPSAMPLING_STREAM: u64 = 0x7570_7361_6d70_6c65;

impl PretrainedProtocol {
    /// Checks that the settings can be used.
    ///
    /// # Errors
    /// Returns an error that names the first setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        if self.image_size == 0 {
            return Err(Error::config("image_size", 0, "must be positive"));
        }
        if self.mean.is_empty() || self.mean.len() != self.std.len() {
            let counts = format!("{} and {}", self.mean.len(), self.std.len());
            return Err(Error::config(
                "mean and std",
                counts,
                "need one number for every channel of the network",
            ));
        }
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return Err(Error::config("mean", mean, "must be finite"));
        }
        if let Some(std) = self.std.iter().find(|std| !std.is_finite() || **std <= 0.0) {
            return Err(Error::config("std", std, "must be positive"));
        }
        Ok(())
    }

    /// Converts heatmaps to a batch of images. Each heatmap comes with its index in the data set,
    /// which seeds its upsampling, so that an image does not depend on the batch it is in.
    ///
    /// # Shapes
    /// - output: `[heatmaps.len(), mean.len(), image_size, image_size]`, f32
    ///
    /// # Errors
    /// Returns an error when a setting cannot be used, or when there is no heatmap.
    pub fn batch(&self, heatmaps: &[(u64, Heatmap)], device: &Device) -> Result<Tensor<4>> {
        self.check()?;
        if heatmaps.is_empty() {
            return Err(Error::config("batch_size", 0, "a batch needs an image"));
        }
        let mut values =
            Vec::with_capacity(heatmaps.len() * self.mean.len() * self.image_size.pow(2));
        for (at, heatmap) in heatmaps {
            let plane = self.plane(*at, heatmap)?;
            for (mean, std) in self.mean.iter().zip(&self.std) {
                values.extend(plane.iter().map(|value| (value - mean) / std));
            }
        }
        let shape = [heatmaps.len(), self.mean.len(), self.image_size, self.image_size];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    /// Returns the grey image before standardisation: `image_size` x `image_size` values, row by
    /// row.
    ///
    /// # Errors
    /// Returns an error when the upsampling cannot be used.
    pub fn plane(&self, at: u64, heatmap: &Heatmap) -> Result<Vec<f32>> {
        let upsampled = match &self.upsampling {
            Some(upsampling) => Some(
                upsampling.apply(heatmap, &mut sample_rng(self.seed ^ UPSAMPLING_STREAM, at))?,
            ),
            None => None,
        };
        let scaled = upsampled.as_ref().unwrap_or(heatmap).normalized(self.normalization);
        let from = (scaled.rows(), scaled.columns());
        Ok(resize(scaled.values(), from, (self.image_size, self.image_size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::synth::Preset;

    fn protocol() -> PretrainedProtocol {
        let (mean, std) = (IMAGENET.0.to_vec(), IMAGENET.1.to_vec());
        let upsampling = Some(Upsampling { clicks: 500, sigma_bins: 1.5 });
        PretrainedProtocol {
            upsampling,
            normalization: Normalization::Max,
            image_size: 56,
            mean,
            std,
            seed: 3,
        }
    }

    fn heatmaps() -> Vec<(u64, Heatmap)> {
        let preset = Preset::named("banners").unwrap();
        (0..4).map(|at| (at, preset.sample(1, at).heatmap)).collect()
    }

    #[test]
    fn channels_are_grey_and_standardised() {
        let images = protocol().batch(&heatmaps(), &Device::flex()).unwrap();
        assert_eq!(images.dims(), [4, 3, 56, 56]);
        let values = images.into_data().try_to_vec::<f32>().unwrap();
        let pixels = 56 * 56;
        let grey = |channel: usize| -> Vec<f32> {
            let (mean, std) = (IMAGENET.0[channel], IMAGENET.1[channel]);
            values[channel * pixels..(channel + 1) * pixels]
                .iter()
                .map(|value| value * std + mean)
                .collect()
        };
        let first = grey(0);
        for channel in 1..3 {
            assert!(grey(channel).iter().zip(&first).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        let largest = first.iter().copied().fold(0.0, f32::max);
        assert!(
            first.iter().all(|value| *value > -1e-6) && (0.5..=1.0 + 1e-6).contains(&largest),
            "{largest}"
        );
    }

    #[test]
    fn an_image_does_not_depend_on_its_batch() {
        let (protocol, heatmaps, device) = (protocol(), heatmaps(), Device::flex());
        let whole = protocol.batch(&heatmaps, &device).unwrap().narrow(0, 2, 1).into_data();
        let alone = protocol.batch(&heatmaps[2..3], &device).unwrap().into_data();
        assert_eq!(whole, alone);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let (heatmaps, device) = (heatmaps(), Device::flex());
        for (wrong, words) in [
            (PretrainedProtocol { image_size: 0, ..protocol() }, "`image_size` = 0"),
            (PretrainedProtocol { mean: vec![0.5], ..protocol() }, "`mean and std` = 1 and 3"),
            (PretrainedProtocol { std: vec![0.2, 0.0, 0.1], ..protocol() }, "`std` = 0"),
            (PretrainedProtocol { mean: vec![f32::NAN, 0.0, 0.1], ..protocol() }, "`mean` = NaN"),
        ] {
            let error = wrong.batch(&heatmaps, &device).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        assert!(protocol().batch(&[], &device).is_err());
    }
}
