//! Localisation: a network that predicts where the clusters in an image are.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{ExecutionError, Tensor, TensorData};
use burn::train::metric::ItemLazy;
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_core::{Grid, Point};
use heatmap_models::{CentrePredictions, Encoder, LocationHead};

use crate::data::{ImageFrame, SampleBatch};
use crate::loss::{Chamfer, SetLoss};
use crate::metric::{LocatedMap, LocationReport, scalar_metrics};
use crate::task::StepOutput;

/// A localisation network: an encoder and a head, with the loss.
#[derive(Module, Debug)]
pub struct Location<E: Encoder + ModuleDisplay> {
    encoder: E,
    head: LocationHead,
    #[module(skip)]
    loss: LocationLoss,
    #[module(skip)]
    frame: ImageFrame,
    #[module(skip)]
    grid: Grid,
}

/// The loss of a location head.
#[derive(Debug, Clone)]
pub enum LocationLoss {
    /// Set prediction: every true cluster is matched with one of all candidates; see [`SetLoss`].
    Set(SetLoss),
    /// The Chamfer distance between the K most probable candidates and the true centres, as in the
    /// report. It trains only the positions, so the existence logits are trained as in
    /// [`LocationLoss::Set`].
    Chamfer {
        /// The loss of the positions.
        chamfer: Chamfer,
        /// Weight of the Chamfer distance.
        weight: f64,
        /// The loss of the existence logits; only the existence part of this set loss is used.
        existence: SetLoss,
    },
}

/// The output of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocationOutput {
    /// Loss of the batch.
    pub loss: f64,
    /// F1 within 2 bins of the predicted centres, that is, those with an existence probability
    /// above one half.
    pub f1_2bins: f64,
    /// Share of images with the right number of predicted centres.
    pub cardinality_accuracy: f64,
    /// Mean Chamfer distance in bins.
    pub chamfer_bins: f64,
    /// Images in the batch.
    pub images: usize,
}

/// A candidate centre that the network proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProposedCentre {
    /// Position in bins.
    pub place: Point,
    /// Probability that the centre exists.
    pub probability: f64,
}

impl<E: Encoder + ModuleDisplay> Location<E> {
    /// Combines the parts into a task, for images in which `grid` lies at `frame`.
    pub fn new(
        encoder: E,
        head: LocationHead,
        loss: LocationLoss,
        frame: ImageFrame,
        grid: Grid,
    ) -> Self {
        Self { encoder, head, loss, frame, grid }
    }

    /// Returns the encoder, for use after training.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// Predicts the K most probable centres of each image, the most probable first.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    pub fn propose(&self, images: Tensor<4>) -> Vec<Vec<ProposedCentre>> {
        self.read(self.head.forward(self.encoder.forward_maps(images)))
    }

    fn read(&self, centres: CentrePredictions) -> Vec<Vec<ProposedCentre>> {
        let count = centres.existence.dims()[1];
        let values =
            |data: TensorData| data.convert::<f32>().try_to_vec::<f32>().expect("converted to f32");
        let places = values(centres.places.into_data());
        let existence = values(centres.existence.into_data());
        let centre = |(place, &logit): (&[f32], &f32)| ProposedCentre {
            place: self.frame.to_bins([place[0], place[1]]),
            probability: 1.0 / (1.0 + (-f64::from(logit)).exp()),
        };
        let images = places.chunks_exact(2 * count).zip(existence.chunks_exact(count));
        images
            .map(|(places, existence)| places.chunks_exact(2).zip(existence).map(centre).collect())
            .collect()
    }

    fn forward(&self, batch: SampleBatch) -> (Tensor<1>, LocationOutput) {
        let SampleBatch { images, centres: truth, .. } = batch;
        let candidates = self.head.candidates(self.encoder.forward_maps(images));
        let best = self.head.most_probable(candidates.clone());
        let (targets, mask) = self.targets(&truth, &candidates);
        let loss = match &self.loss {
            LocationLoss::Set(loss) => {
                loss.forward(candidates.places, candidates.existence, targets, mask)
            }
            LocationLoss::Chamfer { chamfer, weight, existence } => {
                let parts = existence.parts(
                    candidates.places,
                    candidates.existence,
                    targets.clone(),
                    mask.clone(),
                );
                chamfer.forward(best.places.clone(), None, targets, mask) * *weight
                    + parts.existence
            }
        };
        let best =
            CentrePredictions { places: best.places.detach(), existence: best.existence.detach() };
        let maps: Vec<LocatedMap> =
            self.read(best).into_iter().zip(truth).map(LocatedMap::likely).collect();
        (loss.clone(), LocationOutput::read(loss, &maps, self.grid))
    }

    /// Returns the true centres as fractions of the image's width and height, padded to the largest
    /// number in the batch, with their mask.
    fn targets(&self, truth: &[Vec<Point>], like: &CentrePredictions) -> (Tensor<3>, Tensor<2>) {
        let (batch, most) = (truth.len(), truth.iter().map(Vec::len).max().unwrap_or(0).max(1));
        let (mut places, mut mask) = (vec![0.0_f32; batch * most * 2], vec![0.0_f32; batch * most]);
        for (image, centres) in truth.iter().enumerate() {
            for (at, centre) in centres.iter().enumerate() {
                places[2 * (image * most + at)..][..2]
                    .copy_from_slice(&self.frame.to_unit(*centre));
                mask[image * most + at] = 1.0;
            }
        }
        let device = &like.places.device();
        let places = Tensor::from_data(TensorData::new(places, [batch, most, 2]), device);
        (places, Tensor::from_data(TensorData::new(mask, [batch, most]), device))
    }
}

impl LocatedMap {
    /// Pairs the true centres with the predicted centres that more likely exist than not.
    fn likely((proposed, truth): (Vec<ProposedCentre>, Vec<Point>)) -> Self {
        let likely = proposed.into_iter().filter(|centre| centre.probability > 0.5);
        Self { predicted: likely.map(|centre| centre.place).collect(), truth }
    }
}

impl<E: Encoder + ModuleDisplay> TrainStep for Location<E> {
    type Input = SampleBatch;
    type Output = LocationOutput;

    fn step(&self, batch: SampleBatch) -> TrainOutput<LocationOutput> {
        let (loss, output) = self.forward(batch);
        TrainOutput::new(self, loss.backward(), output)
    }
}

impl<E: Encoder + ModuleDisplay> InferenceStep for Location<E> {
    type Input = SampleBatch;
    type Output = LocationOutput;

    fn step(&self, batch: SampleBatch) -> LocationOutput {
        self.forward(batch).1
    }
}

impl LocationOutput {
    fn read(loss: Tensor<1>, maps: &[LocatedMap], grid: Grid) -> Self {
        let loss = loss.into_scalar();
        // Positions that are not finite come with a loss that is not finite, which ends the run.
        let report = LocationReport::new(maps, grid).ok();
        let number = |of: fn(&LocationReport) -> f64| report.as_ref().map_or(f64::NAN, of);
        Self {
            loss,
            f1_2bins: number(|report| report.f1_2bins),
            cardinality_accuracy: number(|report| report.cardinality_accuracy),
            chamfer_bins: number(|report| report.chamfer_bins),
            images: maps.len(),
        }
    }
}

impl ItemLazy for LocationOutput {
    /// Does nothing, since no value is left on the device.
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for LocationOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }

    fn score(&self) -> f64 {
        self.f1_2bins
    }
}

scalar_metrics!(LocationOutput {
    /// Metric that reports the loss.
    LocationTrainingLoss = "loss", higher_is_better: false, loss;
    /// Metric that reports F1 within 2 bins.
    LocationF1 = "f1_2bins", higher_is_better: true, f1_2bins;
    /// Metric that reports the share of images with the right number of centres.
    CardinalityAccuracy = "cardinality_accuracy", higher_is_better: true, cardinality_accuracy;
    /// Metric that reports the mean Chamfer distance in bins.
    LocationChamfer = "chamfer_bins", higher_is_better: false, chamfer_bins;
});
