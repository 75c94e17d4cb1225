//! [`SetLoader`]: batches for the set network, which compares a banner with others of its grid.

use std::ops::Range;
use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::{Device, Tensor, TensorData};
use heatmap_core::detect::{
    BannerMaps, CHANNELS, MAX_REFERENCES, NetworkReference, nearest_references, network_input,
};
use heatmap_core::sample_rng;
use heatmap_core::synth::{ReferenceSet, ReferenceSets};
use rand::RngExt;
use rand::seq::IteratorRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Which reference banners the network sees beside the banner that it judges (the query).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// No references: the query alone.
    Nothing,
    /// This many good references, drawn at random, as if somebody had confirmed that they work.
    Anchors(usize),
    /// Up to this many references, those most similar to the query, without knowing which are good.
    Nearest(usize),
}

/// One batch of inputs for a set network, with the ground truth.
#[derive(Debug, Clone)]
pub struct SetBatch {
    /// Input planes `[queries, CHANNELS, BannerMaps::ROWS, BannerMaps::COLUMNS]`; see
    /// [`network_input`].
    pub planes: Tensor<4>,
    /// Whether each query is broken.
    pub broken: Vec<bool>,
}

/// A Burn data loader over reference sets. Batch b holds the queries of sets b * size to (b + 1) *
/// size - 1 of the seed. The data set is endless, so no set comes twice, and a resumed run sees the
/// same data as one that was never interrupted.
#[derive(Clone)]
pub struct SetLoader {
    sets: ReferenceSets,
    seed: u64,
    sets_per_batch: usize,
    device: Device,
    batches: Range<usize>,
}

impl SetLoader {
    /// Creates a loader for the first `batches` batches of this seed, on `device`.
    ///
    /// # Errors
    /// Returns an error when the configuration of the sets is not consistent.
    pub fn new(
        sets: ReferenceSets,
        seed: u64,
        sets_per_batch: usize,
        batches: usize,
        device: Device,
    ) -> Result<Self> {
        sets.check()?;
        Ok(Self { sets, seed, sets_per_batch, device, batches: 0..batches })
    }

    fn load(&self, batch: usize) -> Result<SetBatch> {
        let maps = BannerMaps::new(self.sets.grid);
        let sets = batch * self.sets_per_batch..(batch + 1) * self.sets_per_batch;
        let of = |index: usize| -> Result<(Vec<f32>, Vec<bool>)> {
            let set = self.sets.set(self.seed, index as u64);
            let mut rng = sample_rng(self.seed ^ STREAM, index as u64);
            let comparisons =
                set.queries.iter().map(|_| Comparison::draw(&mut rng)).collect::<Vec<_>>();
            let planes = planes_of(&set, &maps, &comparisons, &mut rng)?;
            Ok((planes, set.queries.iter().map(|query| query.defect.is_some()).collect()))
        };
        let parts: Vec<(Vec<f32>, Vec<bool>)> =
            sets.into_par_iter().map(of).collect::<Result<_>>()?;
        let (planes, broken): (Vec<Vec<f32>>, Vec<Vec<bool>>) = parts.into_iter().unzip();
        let broken = broken.concat();
        let shape = [broken.len(), CHANNELS, BannerMaps::ROWS, BannerMaps::COLUMNS];
        Ok(SetBatch {
            planes: Tensor::from_data(TensorData::new(planes.concat(), shape), &self.device),
            broken,
        })
    }
}

/// Separates the random draws of the comparisons from those that generate the sets.
const STREAM: u64 = 0x636F_6D70_6172_6973;

impl Comparison {
    /// Draws a comparison of a random kind. Three in four are [`Comparison::Nearest`], because that
    /// is the only kind with references that a click log allows without any labels.
    fn draw(rng: &mut impl rand::Rng) -> Self {
        match rng.random_range(0..12) {
            0 => Self::Nothing,
            1 => Self::Anchors(1),
            2 => Self::Anchors(8),
            _ => Self::Nearest(rng.random_range(MAX_REFERENCES / 2..=MAX_REFERENCES)),
        }
    }
}

/// Returns the network's input planes for all queries of a set, concatenated in their order;
/// `comparisons` holds one entry per query.
///
/// # Errors
/// Returns an error when the heatmaps lie on a grid other than the one that `maps` was made for.
pub fn planes_of(
    set: &ReferenceSet,
    maps: &BannerMaps,
    comparisons: &[Comparison],
    rng: &mut impl rand::Rng,
) -> Result<Vec<f32>> {
    let of_references: Vec<(Vec<f32>, f64)> = set
        .references
        .iter()
        .map(|banner| Ok((maps.of(&banner.heatmap)?, banner.heatmap.total())))
        .collect::<heatmap_core::Result<_>>()?;
    let good = || (0..of_references.len()).filter(|&at| set.references[at].defect.is_none());
    let mut planes = Vec::with_capacity(set.queries.len() * CHANNELS * BannerMaps::POINTS);
    for (query, comparison) in set.queries.iter().zip(comparisons) {
        let own = maps.of(&query.heatmap)?;
        let references = match *comparison {
            Comparison::Nothing => Vec::new(),
            Comparison::Anchors(number) => {
                let chosen = good().sample(rng, number).into_iter();
                chosen
                    .map(|at| NetworkReference {
                        maps: &of_references[at].0,
                        clicks: of_references[at].1,
                    })
                    .collect()
            }
            Comparison::Nearest(number) => nearest_references(&own, &of_references, None, number),
        };
        network_input(&own, query.heatmap.total(), &references, &mut planes);
    }
    Ok(planes)
}

impl DataLoader<SetBatch> for SetLoader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<SetBatch> + 'a> {
        Box::new(SetIterator { loader: self, next: self.batches.start })
    }

    /// Returns the number of batches.
    fn num_items(&self) -> usize {
        self.batches.len()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<SetBatch>> {
        Arc::new(Self { device: device.clone(), ..self.clone() })
    }

    /// Restricts the loader to batches `start` to `end - 1`.
    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<SetBatch>> {
        let batches = self.batches.start + start..(self.batches.start + end).min(self.batches.end);
        Arc::new(Self { batches, ..self.clone() })
    }
}

struct SetIterator<'a> {
    loader: &'a SetLoader,
    next: usize,
}

impl Iterator for SetIterator<'_> {
    type Item = std::result::Result<SetBatch, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.loader.batches.end).then(|| {
            self.next += 1;
            self.loader.load(self.next - 1).map_err(DatasetError::new)
        })
    }
}

impl DataLoaderIterator<SetBatch> for SetIterator<'_> {
    fn progress(&self) -> Progress {
        let done = self.next - self.loader.batches.start;
        Progress::new(done, self.loader.num_items(), Some("batches".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::synth::Span;

    fn loader() -> SetLoader {
        let sets =
            ReferenceSets { queries: 3, references: Span::new(24, 24), ..Default::default() };
        SetLoader::new(sets, 5, 2, 3, Device::flex()).expect("a loader")
    }

    #[test]
    fn batches_hold_the_queries_of_their_sets_and_a_resumed_run_goes_on_where_it_was() {
        let loader = loader();
        let all: Vec<SetBatch> = loader.iter().map(|batch| batch.expect("a batch")).collect();
        assert_eq!((all.len(), loader.num_items()), (3, 3));
        for (at, batch) in all.iter().enumerate() {
            let sets = [2 * at, 2 * at + 1].map(|index| loader.sets.set(5, index as u64));
            let broken: Vec<bool> =
                sets.iter().flat_map(|set| &set.queries).map(|q| q.defect.is_some()).collect();
            assert_eq!(batch.broken, broken);
            assert_eq!(batch.planes.dims(), [6, CHANNELS, BannerMaps::ROWS, BannerMaps::COLUMNS]);
        }
        let resumed = loader.slice(1, 3);
        for (rest, all) in resumed.iter().zip(&all[1..]) {
            assert_eq!(rest.expect("a batch").planes.into_data(), all.planes.clone().into_data());
        }
    }

    #[test]
    fn a_comparison_decides_what_the_network_sees_of_the_others() {
        let loader = loader();
        let (set, maps) = (loader.sets.set(7, 0), BannerMaps::new(loader.sets.grid));
        let planes = |comparison| {
            planes_of(&set, &maps, &[comparison; 3], &mut sample_rng(1, 0)).expect("planes")
        };
        // The last plane says how many there are.
        let number = |comparison| {
            (planes(comparison)[CHANNELS * BannerMaps::POINTS - 1] * 4.0).exp_m1().round()
        };
        assert_eq!(number(Comparison::Nothing), 0.0);
        assert_eq!(number(Comparison::Anchors(1)), 1.0);
        assert_eq!(number(Comparison::Anchors(8)), 8.0);
        assert_eq!(number(Comparison::Nearest(20)), 20.0);
        let own = maps.of(&set.queries[1].heatmap).expect("maps");
        assert_eq!(planes(Comparison::Nothing)[CHANNELS * BannerMaps::POINTS..][..own.len()], own);
    }
}
