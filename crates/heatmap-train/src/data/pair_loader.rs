//! [`PairLoader`]: loads pairs as batches of images, either whole batches or one device's share.

use std::ops::Range;
use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, Tensor};

use super::{ImageConfig, PairSampler};
use crate::{Error, Result};

/// One batch of positive pairs as images: the two views of every pair, and its hard negatives.
#[derive(Debug, Clone)]
pub struct PairBatch {
    /// Images `[(2 + negatives) * pairs, channels, height, width]`: the first views of all pairs,
    /// then the second views, then the first negative of each pair, and so on.
    pub images: Tensor<4>,
    /// Label of each pair that a supervised loss may use; see [`Pair::label`](super::Pair).
    pub labels: Vec<usize>,
    /// Which part of the batch this is, when several devices share it.
    pub share: Share,
}

impl PairBatch {
    /// Returns the number of images per pair: two views plus the negatives.
    pub fn images_per_pair(&self) -> usize {
        self.images.dims()[0] / self.labels.len().max(1)
    }
}

/// One device's part of a batch that several devices share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Number of this device, counted from 0.
    pub rank: usize,
    /// Number of devices.
    pub of: usize,
}

impl Share {
    /// The whole batch, for a single device.
    pub const WHOLE: Self = Self { rank: 0, of: 1 };

    /// Returns the range of this share among `all` items.
    pub fn range(self, all: usize) -> Range<usize> {
        self.rank * all / self.of..(self.rank + 1) * all / self.of
    }
}

/// A Burn data loader that turns each step of a [`PairSampler`] into one batch.
#[derive(Clone)]
pub struct PairLoader {
    sampler: PairSampler,
    image: ImageConfig,
    device: Device,
    steps: Range<usize>,
    share: Share,
}

impl PairLoader {
    /// Creates a loader for the batches of `steps`, on `device`.
    pub fn new(
        sampler: PairSampler,
        image: ImageConfig,
        device: Device,
        steps: Range<usize>,
    ) -> Self {
        Self { sampler, image, device, steps, share: Share::WHOLE }
    }

    /// Restricts the loader to one device's part of each batch.
    ///
    /// # Errors
    /// Returns an error when the pairs of a batch cannot be divided into parts of equal size.
    pub fn with_share(self, share: Share) -> Result<Self> {
        let pairs = self.sampler.pairs_per_batch();
        if share.of == 0 || !pairs.is_multiple_of(share.of) {
            let reason = format!("{pairs} pairs of a batch cannot be shared evenly");
            return Err(Error::config("devices", share.of, reason));
        }
        Ok(Self { share, ..self })
    }

    fn load(&self, step: usize) -> Result<PairBatch> {
        let pairs =
            self.sampler.pairs_within(step, self.share.range(self.sampler.pairs_per_batch()));
        let negatives = pairs.first().map_or(0, |pair| pair.negatives.len());
        let pairs_of = pairs.as_slice();
        let views = (0..2).flat_map(|view| pairs_of.iter().map(move |pair| &pair.views[view]));
        let others =
            (0..negatives).flat_map(|at| pairs_of.iter().map(move |pair| &pair.negatives[at]));
        Ok(PairBatch {
            images: self.image.batch(views.chain(others), &self.device)?,
            labels: pairs.iter().map(|pair| pair.label).collect(),
            share: self.share,
        })
    }
}

impl DataLoader<PairBatch> for PairLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<PairBatch> + 'a> {
        Box::new(PairIterator { loader: self, next: self.steps.start })
    }

    /// Returns the number of batches: a step is one item.
    fn num_items(&self) -> usize {
        self.steps.len()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<PairBatch>> {
        Arc::new(Self { device: device.clone(), ..self.clone() })
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<PairBatch>> {
        let steps = self.steps.start + start..(self.steps.start + end).min(self.steps.end);
        Arc::new(Self { steps, ..self.clone() })
    }
}

struct PairIterator<'a> {
    loader: &'a PairLoader,
    next: usize,
}

impl Iterator for PairIterator<'_> {
    type Item = std::result::Result<PairBatch, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.next;
        self.loader.steps.contains(&step).then(|| {
            self.next += 1;
            self.loader.load(step).map_err(DatasetError::new)
        })
    }
}

impl DataLoaderIterator<PairBatch> for PairIterator<'_> {
    fn progress(&self) -> Progress {
        let done = self.next - self.loader.steps.start;
        Progress::new(done, self.loader.num_items(), Some("batches".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::synth::Preset;

    fn sampler(classes: usize) -> PairSampler {
        PairSampler::new(Arc::new(Preset::named("simclr-report").unwrap()), 1, classes).unwrap()
    }

    #[test]
    fn a_loader_gives_views_in_order_and_starts_where_it_is_told() {
        let (device, image, sampler) = (Device::flex(), ImageConfig::default(), sampler(8));
        let loader = PairLoader::new(sampler.clone(), image, device.clone(), 0..5);
        let batches: Vec<PairBatch> = loader.iter().map(|batch| batch.unwrap()).collect();
        assert_eq!((batches.len(), loader.num_items()), (5, 5));
        let resumed = loader.slice(3, 5);
        let batch = resumed.iter().next().unwrap().unwrap();
        assert_eq!(batch.labels, batches[3].labels);
        assert_eq!(batch.images.dims(), [16, 1, 64, 64]);
        let pairs = sampler.pairs(3);
        let expected = image.batch(
            pairs.iter().map(|p| &p.views[0]).chain(pairs.iter().map(|p| &p.views[1])),
            &device,
        );
        assert_eq!(batch.images.into_data(), expected.unwrap().into_data());
        assert_eq!(
            batches[3].images.clone().into_data(),
            resumed.iter().next().unwrap().unwrap().images.into_data()
        );
    }

    #[test]
    fn shares_are_the_parts_of_a_batch() {
        let (device, image) = (Device::flex(), ImageConfig::default());
        let loader = PairLoader::new(sampler(6), image, device.clone(), 0..1);
        let batch = |loader: &PairLoader| loader.iter().next().unwrap().unwrap();
        let whole = batch(&loader);
        let shares =
            [0, 1, 2].map(|rank| batch(&loader.clone().with_share(Share { rank, of: 3 }).unwrap()));
        assert_eq!(
            shares.iter().flat_map(|share| share.labels.clone()).collect::<Vec<_>>(),
            whole.labels
        );
        let view = |view: usize| {
            Tensor::cat(shares.iter().map(|s| s.images.clone().narrow(0, 2 * view, 2)).collect(), 0)
        };
        assert_eq!(Tensor::cat(vec![view(0), view(1)], 0).into_data(), whole.images.into_data());
        let error =
            loader.with_share(Share { rank: 0, of: 4 }).err().expect("an error").to_string();
        assert!(error.contains("`devices` = 4: 6 pairs"), "{error}");
    }
}
