//! SORD (soft ordinal labels): cross-entropy with soft targets that decrease with the distance from
//! the true class.
//!
//! Diaz and Marathe 2019 (SORD, equation 1): the target of class k is the softmax over k of
//! `-phi(k, y)`, where y is the true class. Here phi is the squared distance divided by twice the
//! squared width, so the targets are a discretised Gaussian. Being off by one is then a small error
//! and being off by ten a large one, and a sample of one count also teaches the network about the
//! neighbouring counts. The predicted distributions become wider than the true ones, by as much as
//! the targets are.

use burn::config::Config;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

/// Configuration of [`Sord`].
#[derive(Config, Debug)]
pub struct SordConfig {
    /// Standard deviation of the targets, in classes.
    #[config(default = 0.6)]
    pub width: f64,
}

/// The SORD loss, made by [`SordConfig::init`].
#[derive(Debug, Clone)]
pub struct Sord {
    width: f64,
}

impl SordConfig {
    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the width is not positive.
    pub fn init(&self) -> Sord {
        assert!(
            self.width > 0.0 && self.width.is_finite(),
            "the width of the targets must be positive, got {}",
            self.width
        );
        Sord { width: self.width }
    }
}

impl Sord {
    /// Computes the loss, averaged over the batch.
    ///
    /// # Shapes
    /// - `logits`: `[batch, num_classes]`
    /// - `classes`: `[batch]`, each from 0 to `num_classes - 1`
    /// - output: `[1]`
    ///
    /// # Panics
    /// Panics when the shapes do not fit.
    pub fn forward(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let [batch, num_classes] = logits.dims();
        assert_eq!(classes.dims(), [batch], "one class a row of logits");
        let targets = self.targets(num_classes);
        let options = (&logits.device(), logits.dtype());
        let targets =
            Tensor::<2>::from_data(TensorData::new(targets, [num_classes, num_classes]), options);
        let targets = targets.select(0, classes);
        -(log_softmax(logits, 1) * targets).sum_dim(1).mean()
    }

    /// Returns the soft targets, row-major `[num_classes, num_classes]`, with one row per true
    /// class.
    fn targets(&self, num_classes: usize) -> Vec<f64> {
        let weight = |truth: usize, class: usize| {
            let steps = truth.abs_diff(class) as f64 / self.width;
            (-0.5 * steps * steps).exp()
        };
        let row = |truth: usize| {
            let weights: Vec<f64> = (0..num_classes).map(|class| weight(truth, class)).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(move |weight| weight / sum)
        };
        (0..num_classes).flat_map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn loss(width: f64, logits: &[[f32; 4]], classes: &[i64]) -> f64 {
        let device = Device::flex();
        let values = logits.concat();
        let logits = Tensor::<2>::from_data(TensorData::new(values, [classes.len(), 4]), &device);
        let classes = Tensor::<1, Int>::from_data(
            TensorData::new(classes.to_vec(), [classes.len()]),
            &device,
        );
        SordConfig::new().with_width(width).init().forward(logits, classes).into_scalar()
    }

    #[test]
    fn it_is_the_cross_entropy_with_gaussian_targets() {
        let logits = [[0.3_f32, -1.2, 2.0, 0.1], [1.0, 0.0, -0.5, 0.7]];
        let classes = [2_i64, 0];
        let mut expected = 0.0;
        for (logits, class) in logits.iter().zip(classes) {
            let sum: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
            let weight = |k: i64| (-((k - class) as f64).powi(2) / (2.0 * 0.8 * 0.8)).exp();
            let total: f64 = (0..4).map(weight).sum();
            for (k, &logit) in (0..).zip(logits) {
                expected -= weight(k) / total * (f64::from(logit) - sum.ln()) / 2.0;
            }
        }
        assert!((loss(0.8, &logits, &classes) - expected).abs() < 1e-6);
    }

    #[test]
    fn narrow_targets_are_plain_cross_entropy_and_a_near_miss_costs_less() {
        let logits = [[0.3_f32, -1.2, 2.0, 0.1]];
        let sum: f64 = logits[0].iter().map(|&x| f64::from(x).exp()).sum();
        assert!((loss(0.05, &logits, &[2]) - (sum.ln() - 2.0)).abs() < 1e-6);
        let sure_of = |class: usize| {
            let mut logits = [[-4.0_f32; 4]];
            logits[0][class] = 4.0;
            loss(0.6, &logits, &[0])
        };
        assert!(
            sure_of(0) < sure_of(1) && sure_of(1) < sure_of(2) && sure_of(2) <= sure_of(3) + 1e-6
        );
    }

    #[test]
    fn extreme_logits_stay_finite() {
        assert!(loss(0.6, &[[1e4, -1e4, 0.0, 1e4]], &[1]).is_finite());
    }

    #[test]
    #[should_panic(expected = "width of the targets")]
    fn targets_without_width_are_refused() {
        SordConfig::new().with_width(0.0).init();
    }
}
