//! Batches for contrastive learning: two different samples of each class, always.
//!
//! A positive pair is two *different* heatmaps of one class. A shuffled loader does not give that: in the report it gave
//! all-distinct classes in 0.24 % of the batches in which every class was meant to stand twice. So batches are built by
//! class: step s of a seed draws its classes without replacement and takes samples 2 s and 2 s + 1 of each, hence no
//! sample is ever seen twice and a resumed run sees what it would have seen.

use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, Tensor};
use heatmap_core::sample_rng;
use heatmap_core::synth::{Preset, Sample};
use rand::seq::SliceRandom;

use super::ImageConfig;
use crate::{Error, Result};

/// Two views of every class of a batch.
#[derive(Debug, Clone)]
pub struct PairBatch {
    /// `[2 * classes, channels, height, width]`: the first samples of all classes, then the second ones.
    pub images: Tensor<4>,
    /// Class of each pair, all distinct.
    pub classes: Vec<usize>,
}

/// Draws pairs of samples, by step.
#[derive(Debug, Clone)]
pub struct PairSampler {
    preset: Arc<Preset>,
    seed: u64,
    classes_per_batch: usize,
}

impl PairSampler {
    /// Batches of `classes_per_batch` classes of `preset`.
    ///
    /// # Errors
    /// When the preset is not consistent, or has less than `classes_per_batch` classes, or that is below 2: a contrastive
    /// loss needs something to contrast.
    pub fn new(preset: Arc<Preset>, seed: u64, classes_per_batch: usize) -> Result<Self> {
        preset.check()?;
        if !(2..=preset.num_classes()).contains(&classes_per_batch) {
            let reason = format!("preset `{}` allows 2 to {} classes a batch", preset.name, preset.num_classes());
            return Err(Error::config("classes per batch", classes_per_batch, reason));
        }
        Ok(Self { preset, seed, classes_per_batch })
    }

    /// The pairs of `step`: for each of its classes two different samples.
    pub fn pairs(&self, step: usize) -> Vec<[Sample; 2]> {
        let first = 2 * step as u64;
        let pair = |class| [first, first + 1].map(|index| self.preset.sample_of_class(self.seed, class, index));
        self.classes(step).into_iter().map(pair).collect()
    }

    /// Classes of `step`, distinct, in random order.
    pub fn classes(&self, step: usize) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..self.preset.num_classes()).collect();
        // A stream of its own, apart from those of the samples.
        let (chosen, _) = classes.partial_shuffle(&mut sample_rng(!self.seed, step as u64), self.classes_per_batch);
        chosen.to_vec()
    }
}

/// A Burn data loader over the steps of a [`PairSampler`].
#[derive(Clone)]
pub struct PairLoader {
    sampler: PairSampler,
    image: ImageConfig,
    device: Device,
    steps: std::ops::Range<usize>,
}

impl PairLoader {
    /// Loads the batches of `steps`, on `device`.
    pub fn new(sampler: PairSampler, image: ImageConfig, device: Device, steps: std::ops::Range<usize>) -> Self {
        Self { sampler, image, device, steps }
    }

    fn load(&self, step: usize) -> Result<PairBatch> {
        let pairs = self.sampler.pairs(step);
        let views = (0..2).flat_map(|view| pairs.iter().map(move |pair| &pair[view].heatmap));
        Ok(PairBatch {
            images: self.image.batch(views, &self.device)?,
            classes: pairs.iter().map(|pair| pair[0].class).collect(),
        })
    }
}

impl DataLoader<PairBatch> for PairLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<PairBatch> + 'a> {
        Box::new(PairIterator { loader: self, next: self.steps.start })
    }

    /// Batches: a step is one item.
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
    use heatmap_core::synth::PRESET_NAMES;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn sampler(name: &str, seed: u64, classes: usize) -> PairSampler {
        PairSampler::new(Arc::new(Preset::named(name).unwrap()), seed, classes).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_batch_holds_two_different_samples_of_each_of_its_classes(
            preset in 0..PRESET_NAMES.len(), seed: u64, step in 0..1_000_000_usize, classes in 2..8_usize,
        ) {
            let sampler = sampler(PRESET_NAMES[preset], seed, classes.min(7));
            let pairs = sampler.pairs(step);
            let distinct: HashSet<usize> = pairs.iter().map(|pair| pair[0].class).collect();
            prop_assert_eq!(distinct.len(), classes.min(7));
            for [a, b] in &pairs {
                prop_assert_eq!(a.class, b.class);
                prop_assert!(a.heatmap != b.heatmap, "class {}", a.class);
            }
        }
    }

    #[test]
    fn no_sample_comes_twice() {
        let sampler = sampler("simclr-report", 1, 8);
        let mut seen = HashSet::new();
        for step in 0..50 {
            for sample in sampler.pairs(step).into_iter().flatten() {
                let counts: Vec<u32> = sample.heatmap.values().iter().map(|&v| v as u32).collect();
                assert!(seen.insert(counts), "step {step}, class {}", sample.class);
            }
        }
    }

    #[test]
    fn all_classes_come_up_alike() {
        let sampler = sampler("simclr-wide", 1, 8);
        let mut counts = [0_u32; 33];
        (0..3_300).flat_map(|step| sampler.classes(step)).for_each(|class| counts[class] += 1);
        // Mean 800; without replacement the variance is below that of a binomial, 800 * (1 - 8/33).
        assert!(counts.iter().all(|&c| (f64::from(c) - 800.0).abs() < 4.5 * 24.6), "{counts:?}");
    }

    #[test]
    fn a_loader_gives_views_in_order_and_starts_where_it_is_told() {
        let (device, image) = (Device::flex(), ImageConfig::default());
        let sampler = sampler("simclr-report", 1, 8);
        let loader = PairLoader::new(sampler.clone(), image, device.clone(), 0..5);
        let batches: Vec<PairBatch> = loader.iter().map(|batch| batch.unwrap()).collect();
        assert_eq!((batches.len(), loader.num_items()), (5, 5));
        let resumed = loader.slice(3, 5);
        let batch = resumed.iter().next().unwrap().unwrap();
        assert_eq!(batch.classes, batches[3].classes);
        assert_eq!(batch.images.dims(), [16, 1, 64, 64]);
        let pairs = sampler.pairs(3);
        let expected =
            image.batch(pairs.iter().map(|p| &p[0].heatmap).chain(pairs.iter().map(|p| &p[1].heatmap)), &device);
        assert_eq!(batch.images.into_data(), expected.unwrap().into_data());
        assert_eq!(batches[3].images.clone().into_data(), resumed.iter().next().unwrap().unwrap().images.into_data());
    }

    #[test]
    fn too_few_classes_are_an_error() {
        let preset = Arc::new(Preset::named("simclr-report").unwrap());
        for classes in [0, 1, 9] {
            let error = PairSampler::new(preset.clone(), 0, classes).unwrap_err().to_string();
            assert!(error.contains("allows 2 to 8"), "{error}");
        }
    }
}
