//! [`SampleLoader`]: batches of labelled samples for supervised tasks.

use std::ops::Range;
use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, Tensor};
use heatmap_core::Point;
use heatmap_core::synth::Sample;

use super::{ImageConfig, SampleSource};
use crate::{Error, Result};

/// One batch of images with their ground truth.
#[derive(Debug, Clone)]
pub struct SampleBatch {
    /// Images `[batch, channels, height, width]`.
    pub images: Tensor<4>,
    /// Class of each image; in the presets of the count and location tasks, the number of clusters.
    pub classes: Vec<usize>,
    /// True cluster centres of each image, in bins.
    pub centres: Vec<Vec<Point>>,
}

/// A Burn data loader over the samples of a data set. Batch b of a seed holds samples b * size to
/// (b + 1) * size - 1. From an endless data set no sample comes twice, and a resumed run sees the
/// same data as one that was never interrupted.
#[derive(Clone)]
pub struct SampleLoader {
    source: Arc<dyn SampleSource>,
    seed: u64,
    image: ImageConfig,
    device: Device,
    /// Indices of the samples of all batches; the last batch may be smaller.
    samples: Range<usize>,
    batch_size: usize,
}

impl SampleLoader {
    /// Creates a loader for the first `samples` samples of `source` with this `seed`, in batches of
    /// `batch_size`, on `device`.
    ///
    /// # Errors
    /// Returns an error when the source is not consistent, when its heatmaps do not fit into the
    /// images, or when there is no sample or the batch size is 0.
    pub fn new(
        source: Arc<dyn SampleSource>,
        seed: u64,
        image: ImageConfig,
        device: Device,
        samples: usize,
        batch_size: usize,
    ) -> Result<Self> {
        source.check()?;
        image.frame(source.grid())?;
        for (field, value) in [("samples", samples), ("batch_size", batch_size)] {
            if value == 0 {
                return Err(Error::config(field, value, "must be positive"));
            }
        }
        Ok(Self { source, seed, image, device, samples: 0..samples, batch_size })
    }

    fn load(&self, range: Range<usize>) -> Result<SampleBatch> {
        let samples: Vec<Sample> =
            range.map(|index| self.source.sample(self.seed, index as u64)).collect();
        Ok(SampleBatch {
            images: self.image.batch(samples.iter().map(|sample| &sample.heatmap), &self.device)?,
            classes: samples.iter().map(|sample| sample.class).collect(),
            centres: samples.into_iter().map(|sample| sample.centres).collect(),
        })
    }
}

impl DataLoader<SampleBatch> for SampleLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<SampleBatch> + 'a> {
        Box::new(SampleIterator { loader: self, next: self.samples.start })
    }

    /// Returns the number of batches.
    fn num_items(&self) -> usize {
        self.samples.len().div_ceil(self.batch_size)
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<SampleBatch>> {
        Arc::new(Self { device: device.clone(), ..self.clone() })
    }

    /// Restricts the loader to batches `start` to `end - 1`.
    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<SampleBatch>> {
        let at =
            |batch: usize| (self.samples.start + batch * self.batch_size).min(self.samples.end);
        Arc::new(Self { samples: at(start)..at(end), ..self.clone() })
    }
}

struct SampleIterator<'a> {
    loader: &'a SampleLoader,
    next: usize,
}

impl Iterator for SampleIterator<'_> {
    type Item = std::result::Result<SampleBatch, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = (self.next + self.loader.batch_size).min(self.loader.samples.end);
        (self.next < end).then(|| {
            let range = std::mem::replace(&mut self.next, end)..end;
            self.loader.load(range).map_err(DatasetError::new)
        })
    }
}

impl DataLoaderIterator<SampleBatch> for SampleIterator<'_> {
    fn progress(&self) -> Progress {
        let done = (self.next - self.loader.samples.start).div_ceil(self.loader.batch_size);
        Progress::new(done, self.loader.num_items(), Some("batches".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use heatmap_core::synth::Preset;

    fn loader(samples: usize, batch_size: usize) -> Result<SampleLoader> {
        let preset = Arc::new(Preset::named("location-report").expect("a preset"));
        SampleLoader::new(preset, 5, ImageConfig::default(), Device::flex(), samples, batch_size)
    }

    #[test]
    fn batches_hold_every_sample_once_with_its_truth() {
        let loader = loader(10, 4).expect("a loader");
        let batches: Vec<SampleBatch> =
            loader.iter().map(|batch| batch.expect("a batch")).collect();
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.images.dims()[0]).collect();
        assert_eq!((sizes, loader.num_items()), (vec![4, 4, 2], 3));
        let preset = Preset::named("location-report").expect("a preset");
        for at in 0..10 {
            let (batch, sample) = (&batches[at / 4], preset.sample(5, at as u64));
            assert_eq!(
                (batch.classes[at % 4], &batch.centres[at % 4]),
                (sample.class, &sample.centres)
            );
            let image = batch.images.clone().narrow(0, at % 4, 1).into_data();
            let expected =
                ImageConfig::default().batch([&sample.heatmap], &Device::flex()).expect("an image");
            assert_eq!(image, expected.into_data());
        }
    }

    #[test]
    fn a_resumed_run_goes_on_where_it_was() {
        let loader = loader(10, 4).expect("a loader");
        let all: Vec<SampleBatch> = loader.iter().map(|batch| batch.expect("a batch")).collect();
        let resumed = loader.slice(1, 3);
        let rest: Vec<SampleBatch> = resumed.iter().map(|batch| batch.expect("a batch")).collect();
        assert_eq!((rest.len(), resumed.num_items()), (2, 2));
        for (rest, all) in rest.iter().zip(&all[1..]) {
            assert_eq!(rest.images.clone().into_data(), all.images.clone().into_data());
        }
    }

    #[test]
    fn no_samples_are_an_error() {
        assert!(loader(0, 4).err().expect("an error").to_string().contains("`samples` = 0"));
        assert!(loader(4, 0).err().expect("an error").to_string().contains("`batch_size` = 0"));
    }
}
