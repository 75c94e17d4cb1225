//! Predictions of trained networks for held-out samples, one batch at a time.

use std::ops::Range;

use burn::module::ModuleDisplay;
use burn::tensor::{Device, Tensor};
use heatmap_core::synth::Sample;
use heatmap_core::{Grid, Point};
use heatmap_models::Encoder;
use serde::{Deserialize, Serialize};

use super::CountPredictions;
use crate::Result;
use crate::data::{ClusterData, ImageConfig, SampleSource};
use crate::metric::{LocatedMap, LocationReport};
use crate::task::{Count, Location, ProposedCentre};

/// Held-out samples for an evaluation: the first `samples` samples of a data set under a seed that
/// was not trained on, converted to images.
#[derive(Debug, Clone, Copy)]
pub struct HeldOut<'a> {
    /// The data set.
    pub source: &'a dyn SampleSource,
    /// Seed of a split that no network was trained on.
    pub seed: u64,
    /// Number of samples.
    pub samples: usize,
    /// How heatmaps are converted to images.
    pub image: ImageConfig,
}

/// The centres that a network proposes for a map, with the true centres.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedMap {
    /// Candidate centres, the most probable first.
    pub proposed: Vec<ProposedCentre>,
    /// True centres, in bins.
    pub truth: Vec<Point>,
}

const BATCH: usize = 64;

impl<'a> HeldOut<'a> {
    /// Takes the first `samples` samples of a data set under `seed`; all of them if it has fewer.
    pub fn new(
        source: &'a dyn SampleSource,
        seed: u64,
        samples: usize,
        image: ImageConfig,
    ) -> Self {
        let samples = source.num_samples(seed).map_or(samples, |there| there.min(samples));
        Self { source, seed, samples, image }
    }

    /// Returns sample `index`.
    pub fn sample(&self, index: usize) -> Sample {
        self.source.sample(self.seed, index as u64)
    }

    fn batches(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let samples = self.samples;
        (0..samples).step_by(BATCH).map(move |first| first..(first + BATCH).min(samples))
    }

    fn images(&self, samples: &[Sample], device: &Device) -> Result<Tensor<4>> {
        self.image.batch(samples.iter().map(|sample| &sample.heatmap), device)
    }
}

/// Predicts the probability of every count for every sample. With `flips`, the probabilities are
/// averaged over the image and its three mirror images, which contain the same number of clusters
/// (test-time augmentation). `each_batch` is called after every batch with the number of its
/// samples.
///
/// # Errors
/// Returns an error when the classes of the data set are not numbers of clusters, when a heatmap is
/// larger than the image, or when a probability is NaN.
pub fn predict_counts<E: Encoder + ModuleDisplay>(
    task: &Count<E>,
    device: &Device,
    held_out: &HeldOut<'_>,
    flips: bool,
    mut each_batch: impl FnMut(usize),
) -> Result<CountPredictions> {
    let counts = ClusterData::of(held_out.source)?.counts();
    let (mut probabilities, mut truth) = (Vec::new(), Vec::new());
    for range in held_out.batches() {
        let samples: Vec<Sample> = range.map(|index| held_out.sample(index)).collect();
        let images = held_out.images(&samples, device)?;
        probabilities.extend(count_probabilities(task, images, flips));
        truth.extend(samples.iter().map(|sample| counts.start() + sample.class));
        each_batch(samples.len());
    }
    CountPredictions::new(probabilities, truth, counts)
}

/// Predicts the probability of every count for every image, one image after another; see
/// [`predict_counts`] for `flips`.
///
/// # Shapes
/// - `images`: `[batch, channels, height, width]`
pub fn count_probabilities<E: Encoder + ModuleDisplay>(
    task: &Count<E>,
    images: Tensor<4>,
    flips: bool,
) -> Vec<f64> {
    let mut sum = task.probabilities(images.clone());
    if flips {
        for mirrored in [images.clone().flip([2]), images.clone().flip([3]), images.flip([2, 3])] {
            sum = sum + task.probabilities(mirrored);
        }
        sum = sum / 4.0;
    }
    sum.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64")
}

/// Predicts candidate centres for every sample. `each_batch` is called after every batch with the
/// number of its samples.
///
/// # Errors
/// Returns an error when a heatmap is larger than the image.
pub fn propose_centres<E: Encoder + ModuleDisplay>(
    task: &Location<E>,
    device: &Device,
    held_out: &HeldOut<'_>,
    mut each_batch: impl FnMut(usize),
) -> Result<Vec<ProposedMap>> {
    let mut maps = Vec::with_capacity(held_out.samples);
    for range in held_out.batches() {
        let samples: Vec<Sample> = range.map(|index| held_out.sample(index)).collect();
        let proposed = task.propose(held_out.images(&samples, device)?);
        each_batch(samples.len());
        let truths = samples.into_iter().map(|sample| sample.centres);
        maps.extend(
            proposed
                .into_iter()
                .zip(truths)
                .map(|(proposed, truth)| ProposedMap { proposed, truth }),
        );
    }
    Ok(maps)
}

impl ProposedMap {
    /// Selects the candidates that exist with at least this probability. A candidate closer than
    /// `apart_bins` to a more probable one is dropped as a duplicate of the same cluster.
    pub fn located(&self, min_probability: f64, apart_bins: f64) -> LocatedMap {
        let chosen = Thresholds { min_probability, apart_bins }.choose(&self.proposed);
        let predicted = chosen.into_iter().map(|centre| centre.place).collect();
        LocatedMap { predicted, truth: self.truth.clone() }
    }
}

/// The thresholds that select centres among the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Smallest existence probability of a selected candidate.
    pub min_probability: f64,
    /// Smallest distance in bins between two selected candidates.
    pub apart_bins: f64,
}

impl Thresholds {
    /// Chooses the thresholds by a grid search for the best F1 on these maps, which must not be
    /// used for scoring later.
    ///
    /// # Errors
    /// Returns an error when there are no maps, or when a position is not finite.
    pub fn fit(maps: &[ProposedMap], grid: Grid) -> Result<Self> {
        let mut best: Option<(f64, Self)> = None;
        for apart_bins in [0.0, 1.0, 2.0, 3.0] {
            for step in 2..=18 {
                let thresholds = Self { min_probability: 0.05 * f64::from(step), apart_bins };
                let f1 = LocationReport::new(&thresholds.locate_all(maps), grid)?.f1_2bins;
                if best.is_none_or(|(least, _)| f1 > least) {
                    best = Some((f1, thresholds));
                }
            }
        }
        Ok(best.expect("the grid of thresholds is not empty").1)
    }

    /// Selects centres among the candidates of one map, the most probable first; see
    /// [`ProposedMap::located`].
    pub fn choose(&self, proposed: &[ProposedCentre]) -> Vec<ProposedCentre> {
        let mut chosen: Vec<ProposedCentre> = Vec::new();
        for &centre in proposed.iter().filter(|it| it.probability >= self.min_probability) {
            let is_apart =
                |other: &ProposedCentre| other.place.distance(centre.place) >= self.apart_bins;
            if chosen.iter().all(is_apart) {
                chosen.push(centre);
            }
        }
        chosen
    }

    /// Selects the centres of all maps with these thresholds.
    pub fn locate_all(&self, maps: &[ProposedMap]) -> Vec<LocatedMap> {
        maps.iter().map(|map| map.located(self.min_probability, self.apart_bins)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_and_a_distance_decide_what_is_there() {
        let centre = |x, probability| ProposedCentre { place: Point { x, y: 5.0 }, probability };
        let map = ProposedMap {
            proposed: vec![centre(10.0, 0.9), centre(10.5, 0.8), centre(20.0, 0.3)],
            truth: vec![],
        };
        let found = |probability, apart| {
            map.located(probability, apart).predicted.iter().map(|p| p.x).collect::<Vec<_>>()
        };
        assert_eq!(found(0.5, 0.0), [10.0, 10.5]);
        assert_eq!(found(0.5, 1.0), [10.0]);
        assert_eq!(found(0.3, 1.0), [10.0, 20.0]);
        assert!(found(0.95, 0.0).is_empty());
    }

    #[test]
    fn thresholds_are_fitted_to_f1() {
        let centre = |x, probability| ProposedCentre { place: Point { x, y: 5.0 }, probability };
        // What is there has 0.7 and more, a copy beside it 0.72, and what is not there 0.4 and
        // less.
        let map = |at: f64| ProposedMap {
            proposed: vec![
                centre(at, 0.9),
                centre(at + 0.5, 0.72),
                centre(at + 20.0, 0.7),
                centre(at + 10.0, 0.4),
            ],
            truth: vec![Point { x: at, y: 5.0 }, Point { x: at + 20.0, y: 5.0 }],
        };
        let maps = [map(3.0), map(12.0)];
        let thresholds = Thresholds::fit(&maps, Grid::MEDIUM_RECTANGLE).unwrap();
        assert!(
            (0.4..0.7).contains(&thresholds.min_probability) && thresholds.apart_bins >= 1.0,
            "{thresholds:?}"
        );
        let report =
            LocationReport::new(&thresholds.locate_all(&maps), Grid::MEDIUM_RECTANGLE).unwrap();
        assert_eq!((report.f1_2bins, report.cardinality_accuracy), (1.0, 1.0));
    }
}
