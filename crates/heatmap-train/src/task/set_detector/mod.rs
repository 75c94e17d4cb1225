//! Defect detection: a network that compares a banner with others of its grid and predicts whether
//! it is broken.

mod export;

use burn::module::{Module, ModuleDisplay};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, ExecutionError, Tensor, TensorData};
use burn::train::metric::ItemLazy;
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use heatmap_core::detect::evaluation::auroc;
use heatmap_models::Encoder;

use crate::data::SetBatch;
use crate::metric::scalar_metrics;
use crate::task::StepOutput;

/// A set network: an encoder and a linear layer that outputs one logit.
#[derive(Module, Debug)]
pub struct SetDetector<E: Encoder + ModuleDisplay> {
    encoder: E,
    head: Linear,
}

/// The output of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetDetectorOutput {
    /// Mean binary cross-entropy in nats.
    pub loss: f64,
    /// Area under the receiver operating characteristic (AUROC) over the batch; 0.5 if all banners
    /// have the same label.
    pub auroc: f64,
    /// Share of banners that are classified correctly at a logit of 0.
    pub accuracy: f64,
    /// Number of banners in the batch.
    pub images: usize,
}

impl<E: Encoder + ModuleDisplay> SetDetector<E> {
    /// Combines the encoder with a newly initialised linear head.
    pub fn new(encoder: E, device: &Device) -> Self {
        let head = LinearConfig::new(encoder.feature_dim(), 1).init(device);
        Self { encoder, head }
    }

    /// Returns the encoder, for use after training.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// Computes the log-odds that each banner is broken, assuming that half of all banners are.
    ///
    /// # Shapes
    /// - `planes`: `[batch, channels, rows, columns]`
    /// - output: `[batch]`
    pub fn logits(&self, planes: Tensor<4>) -> Tensor<1> {
        let logits = self.head.forward(self.encoder.forward_features(planes));
        let [batch, _] = logits.dims();
        logits.reshape([batch])
    }

    fn forward(&self, batch: SetBatch) -> (Tensor<1>, SetDetectorOutput) {
        let SetBatch { planes, broken } = batch;
        let logits = self.logits(planes);
        // The logit of the true label: its sigmoid is the probability that the network assigns to
        // it.
        let signs: Vec<f32> =
            broken.iter().map(|&broken| if broken { 1.0 } else { -1.0 }).collect();
        let signs =
            Tensor::<1>::from_data(TensorData::new(signs, [broken.len()]), &logits.device());
        let loss = -log_sigmoid(logits.clone() * signs).mean();
        let output = SetDetectorOutput::read(loss.clone(), logits.detach(), &broken);
        (loss, output)
    }
}

impl<E: Encoder + ModuleDisplay> TrainStep for SetDetector<E> {
    type Input = SetBatch;
    type Output = SetDetectorOutput;

    fn step(&self, batch: SetBatch) -> TrainOutput<SetDetectorOutput> {
        let (loss, output) = self.forward(batch);
        TrainOutput::new(self, loss.backward(), output)
    }
}

impl<E: Encoder + ModuleDisplay> InferenceStep for SetDetector<E> {
    type Input = SetBatch;
    type Output = SetDetectorOutput;

    fn step(&self, batch: SetBatch) -> SetDetectorOutput {
        self.forward(batch).1
    }
}

impl SetDetectorOutput {
    fn read(loss: Tensor<1>, logits: Tensor<1>, broken: &[bool]) -> Self {
        let logits: Vec<f64> =
            logits.into_data().convert::<f64>().try_to_vec().expect("converted to f64");
        let right =
            logits.iter().zip(broken).filter(|(logit, broken)| (**logit > 0.0) == **broken).count();
        Self {
            loss: loss.into_scalar(),
            // A NaN logit makes the loss NaN too, and that ends the run.
            auroc: auroc(&logits, broken).unwrap_or(0.5),
            accuracy: right as f64 / broken.len().max(1) as f64,
            images: broken.len(),
        }
    }
}

impl ItemLazy for SetDetectorOutput {
    /// Does nothing, since no value is left on the device.
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

impl StepOutput for SetDetectorOutput {
    fn loss(&self) -> f64 {
        self.loss
    }

    fn images(&self) -> usize {
        self.images
    }
}

scalar_metrics!(SetDetectorOutput {
    /// Metric that reports the loss.
    SetDetectorLoss = "loss", higher_is_better: false, loss;
    /// Metric that reports the area under the receiver operating characteristic (AUROC).
    SetDetectorAuroc = "auroc", higher_is_better: true, auroc;
    /// Metric that reports the accuracy.
    SetDetectorAccuracy = "accuracy", higher_is_better: true, accuracy;
});
