//! Counting: a network that predicts the number of clusters in an image.

use burn::module::{Module, ModuleDisplay};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, ExecutionError, Int, Tensor, TensorData};
use burn::train::metric::ItemLazy;
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_core::Point;
use heatmap_models::{CountEncoding, CountHead, Density, DensityHead, Encoder, FeaturesAndMaps};

use crate::data::{ImageFrame, SampleBatch};
use crate::loss::{Coral, Corn, Sord, SordConfig, poisson_nll};
use crate::metric::scalar_metrics;
use crate::task::StepOutput;

/// A counting network: an encoder and a head, with the loss and, optionally, a density of clusters.
#[derive(Module, Debug)]
pub struct Count<E: Encoder + ModuleDisplay> {
    encoder: E,
    density: Option<GuidedDensity>,
    head: CountHead,
    #[module(skip)]
    loss: CountLoss,
}

/// An auxiliary head that is trained, together with the count, to predict where clusters are: their
/// density on a grid of cells.
#[derive(Module, Debug)]
pub struct GuidedDensity {
    head: DensityHead,
    #[module(skip)]
    weight: f64,
    #[module(skip)]
    frame: ImageFrame,
}

/// The loss of a count head, which must match the encoding of the head.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one in a task")]
pub enum CountLoss {
    /// Cross-entropy, with or without label smoothing (Szegedy et al. 2016).
    Softmax(CrossEntropyLoss),
    /// SORD, see [`Sord`]; the head is the same as for the softmax.
    Sord(Sord),
    /// CORAL, see [`Coral`].
    Coral(Coral),
    /// CORN, see [`Corn`].
    Corn(Corn),
}

/// The output of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountOutput {
    /// Loss of the batch.
    pub loss: f64,
    /// Share of images whose most probable count is correct.
    pub exact_accuracy: f64,
    /// Share of images whose most probable count is wrong by at most 1.
    pub within_one: f64,
    /// Mean absolute error of the most probable count.
    pub mae: f64,
    /// Images in the batch.
    pub images: usize,
}

impl CountLoss {
    /// Creates the loss for a head of this encoding; only the softmax loss uses `label_smoothing`.
    pub fn new(encoding: CountEncoding, label_smoothing: f64, device: &Device) -> Self {
        match encoding {
            CountEncoding::Softmax => {
                let smoothing = (label_smoothing > 0.0).then_some(label_smoothing as f32);
                Self::Softmax(CrossEntropyLossConfig::new().with_smoothing(smoothing).init(device))
            }
            CountEncoding::Sord => Self::Sord(SordConfig::new().init()),
            CountEncoding::Coral => Self::Coral(Coral),
            CountEncoding::Corn => Self::Corn(Corn),
        }
    }

    fn forward(&self, logits: Tensor<2>, counts: Tensor<1, Int>) -> Tensor<1> {
        match self {
            Self::Softmax(loss) => loss.forward(logits, counts),
            Self::Sord(loss) => loss.forward(logits, counts),
            Self::Coral(loss) => loss.forward(logits, counts),
            Self::Corn(loss) => loss.forward(logits, counts),
        }
    }

    /// Converts logits to the probabilities of all counts.
    fn probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Softmax(_) | Self::Sord(_) => softmax(logits, 1),
            Self::Coral(loss) => loss.probabilities(logits),
            Self::Corn(loss) => loss.probabilities(logits),
        }
    }
}

impl<E: Encoder + ModuleDisplay> Count<E> {
    /// Combines the parts into a task. If there is a density, the input of the head is the
    /// encoder's features followed by those of the density
    /// ([`Density::features`](heatmap_models::Density)).
    pub fn new(
        encoder: E,
        density: Option<GuidedDensity>,
        head: CountHead,
        loss: CountLoss,
    ) -> Self {
        Self { encoder, density, head, loss }
    }

    /// Returns the encoder, for use after training.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// Predicts the probability of every count.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, num_classes]`
    pub fn probabilities(&self, images: Tensor<4>) -> Tensor<2> {
        self.loss.probabilities(self.logits(images).0)
    }

    /// Computes the logits of the count, and the log rates of the density if there is one.
    fn logits(&self, images: Tensor<4>) -> (Tensor<2>, Option<Tensor<3>>) {
        let Some(density) = &self.density else {
            return (self.head.forward(self.encoder.forward_features(images)), None);
        };
        let FeaturesAndMaps { features, maps } = self.encoder.forward_with_maps(images);
        let Density { log_rates, features: found } = density.head.forward(maps);
        (self.head.forward(Tensor::cat(vec![features, found], 1)), Some(log_rates))
    }

    fn forward(&self, batch: SampleBatch) -> (Tensor<1>, CountOutput) {
        let SampleBatch { images, classes, centres } = batch;
        let (logits, log_rates) = self.logits(images);
        let counts: Vec<i64> = classes.iter().map(|&count| count as i64).collect();
        let counts =
            Tensor::<1, Int>::from_data(TensorData::new(counts, [classes.len()]), &logits.device());
        let mut loss = self.loss.forward(logits.clone(), counts);
        if let (Some(density), Some(log_rates)) = (&self.density, log_rates) {
            let in_cells = density.clusters_in_cells(&centres, &log_rates);
            loss = loss + poisson_nll(log_rates, in_cells) * density.weight;
        }
        let probabilities = self.loss.probabilities(logits.detach());
        (loss.clone(), CountOutput::read(loss, probabilities, &classes))
    }
}

impl GuidedDensity {
    /// Creates a density whose loss, [`poisson_nll`], has weight `weight` relative to the loss of
    /// the count. `frame` tells where the grid lies in the images.
    pub fn new(head: DensityHead, weight: f64, frame: ImageFrame) -> Self {
        Self { head, weight, frame }
    }

    /// Counts the true clusters in each cell, for a tensor of the same shape as `like`.
    fn clusters_in_cells(&self, centres: &[Vec<Point>], like: &Tensor<3>) -> Tensor<3> {
        let [batch, rows, columns] = like.dims();
        let mut clusters = vec![0.0_f32; batch * rows * columns];
        for (image, centres) in centres.iter().enumerate() {
            for &centre in centres {
                let [x, y] = self.frame.to_unit(centre);
                let cell =
                    |unit: f32, cells: usize| ((unit * cells as f32) as usize).min(cells - 1);
                clusters[(image * rows + cell(y, rows)) * columns + cell(x, columns)] += 1.0;
            }
        }
        Tensor::from_data(TensorData::new(clusters, [batch, rows, columns]), &like.device())
    }
}

impl<E: Encoder + ModuleDisplay> TrainStep for Count<E> {
    type Input = SampleBatch;
    type Output = CountOutput;

    fn step(&self, batch: SampleBatch) -> TrainOutput<CountOutput> {
        let (loss, output) = self.forward(batch);
        TrainOutput::new(self, loss.backward(), output)
    }
}

impl<E: Encoder + ModuleDisplay> InferenceStep for Count<E> {
    type Input = SampleBatch;
    type Output = CountOutput;

    fn step(&self, batch: SampleBatch) -> CountOutput {
        self.forward(batch).1
    }
}

impl CountOutput {
    fn read(loss: Tensor<1>, probabilities: Tensor<2>, truth: &[usize]) -> Self {
        let modes = probabilities.argmax(1).into_data().convert::<i64>();
        let modes = modes.try_to_vec::<i64>().expect("converted to i64");
        let errors: Vec<u64> =
            modes.iter().zip(truth).map(|(mode, &truth)| mode.abs_diff(truth as i64)).collect();
        let mean = |of: fn(u64) -> u64| {
            errors.iter().map(|&error| of(error)).sum::<u64>() as f64 / truth.len() as f64
        };
        Self {
            loss: loss.into_scalar(),
            exact_accuracy: mean(|error| u64::from(error == 0)),
            within_one: mean(|error| u64::from(error <= 1)),
            mae: mean(|error| error),
            images: truth.len(),
        }
    }
}

impl ItemLazy for CountOutput {
    /// Does nothing, since no value is left on the device.
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for CountOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }

    fn score(&self) -> f64 {
        self.exact_accuracy
    }
}

scalar_metrics!(CountOutput {
    /// Metric that reports the loss.
    CountTrainingLoss = "loss", higher_is_better: false, loss;
    /// Metric that reports the share of correct counts.
    ExactAccuracy = "exact_accuracy", higher_is_better: true, exact_accuracy;
    /// Metric that reports the share of counts that are wrong by at most 1.
    WithinOne = "within_one", higher_is_better: true, within_one;
    /// Metric that reports the mean absolute error.
    CountMae = "mae", higher_is_better: false, mae;
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageConfig;
    use heatmap_core::Grid;
    use heatmap_models::{DensityHeadConfig, FeaturePyramidConfig};

    #[test]
    fn clusters_are_counted_in_the_cells_of_the_image() {
        let device = Device::flex();
        let head = DensityHeadConfig::new(FeaturePyramidConfig::new(vec![2])).init(&device);
        // 60 x 50 bins in the middle of 64 x 56 px: 2 px to the left of them and 3 px above.
        let image = ImageConfig { height: 56, width: 64, ..ImageConfig::default() };
        let frame = image.frame(Grid::MEDIUM_RECTANGLE).expect("it fits");
        let density = GuidedDensity::new(head, 1.0, frame);
        let point = |x, y| Point { x, y };
        let centres = [
            vec![point(0.5, 0.5), point(59.9, 0.5), point(59.9, 0.9)],
            vec![point(5.9, 12.9), point(6.1, 13.1)],
        ];
        let cells = density.clusters_in_cells(&centres, &Tensor::zeros([2, 7, 8], &device));
        let cells = cells.into_data().try_to_vec::<f32>().expect("f32");
        let mut expected = [0.0_f32; 2 * 7 * 8];
        // Cells of 8 px: (x + 2) / 8 and (y + 3) / 8.
        expected[0] = 1.0;
        expected[7] = 2.0;
        expected[56 + 8] = 1.0;
        expected[56 + 2 * 8 + 1] = 1.0;
        assert_eq!(cells, expected);
    }
}
