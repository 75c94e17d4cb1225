//! Multinomial logistic regression: the linear probe.
//!
//! Features are standardised by the training rows, the weights (not the biases) carry an L2
//! penalty, and the minimum is that of scikit-learn's `LogisticRegression` with `C`: sum of
//! cross-entropies + |W|^2 / (2 C), where W holds the weights of every class, or of two classes
//! their difference.

use faer::{Mat, MatRef};

use super::{Lbfgs, check_features, check_labels};
use crate::{Error, Result};

/// Configures the fit of a multinomial logistic regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticRegressionConfig {
    /// Inverse strength of the L2 penalty, as `C` in scikit-learn.
    pub c: f64,
    /// The minimiser of the mean loss over the samples; its tolerance is on the gradient of that
    /// mean.
    pub lbfgs: Lbfgs,
}

impl Default for LogisticRegressionConfig {
    fn default() -> Self {
        Self { c: 1.0, lbfgs: Lbfgs::default() }
    }
}

/// A fitted multinomial logistic regression.
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// [features + 1, classes]; the last row holds the biases.
    weights: Mat<f64>,
}

impl LogisticRegressionConfig {
    /// Fits a classifier to `features`, [samples, features], and `labels` below `num_classes`.
    ///
    /// # Errors
    /// Returns an error when labels do not fit, values are not finite, or `c` is not positive.
    pub fn fit(
        &self,
        features: MatRef<'_, f64>,
        labels: &[usize],
        num_classes: usize,
    ) -> Result<LogisticRegression> {
        check_features(features)?;
        check_labels(features.nrows(), labels, num_classes)?;
        if !(self.c.is_finite() && self.c > 0.0) {
            return Err(Error::config("c", self.c, "must be positive"));
        }
        let (samples, columns) = (features.nrows(), features.ncols());
        let n = samples as f64;
        let (mean, scale) = (0..columns)
            .map(|j| standardization(&features.col(j).iter().copied().collect::<Vec<_>>()))
            .unzip();
        let mut fitted =
            LogisticRegression { mean, scale, weights: Mat::zeros(columns + 1, num_classes) };
        let inputs = fitted.standardized(features);
        // With two classes the weights of one are minus those of the other, and the square of their
        // difference is twice the sum of their squares.
        let penalty = if num_classes == 2 { 2.0 } else { 1.0 } / (self.c * n);
        let start = vec![0.0; (columns + 1) * num_classes];
        let (weights, _) = self.lbfgs.minimize(start, |flat, gradient| {
            let weights = MatRef::from_column_major_slice(flat, columns + 1, num_classes);
            let mut residual = &inputs * weights;
            let mut loss = 0.0;
            for (i, &label) in labels.iter().enumerate() {
                loss += softmax_row(&mut residual, i, label);
                residual[(i, label)] -= 1.0;
            }
            let slope = inputs.transpose() * &residual;
            for k in 0..num_classes {
                for j in 0..=columns {
                    // The biases are not penalised.
                    let pull = if j < columns { penalty * weights[(j, k)] } else { 0.0 };
                    gradient[k * (columns + 1) + j] = slope[(j, k)] / n + pull;
                    loss += 0.5 * n * pull * weights[(j, k)];
                }
            }
            loss / n
        });
        fitted.weights =
            MatRef::from_column_major_slice(&weights, columns + 1, num_classes).to_owned();
        Ok(fitted)
    }
}

impl LogisticRegression {
    /// Returns the most probable class for each row of `features`.
    ///
    /// # Errors
    /// Returns an error when the number of features differs from the fit, or values are not finite.
    pub fn predict(&self, features: MatRef<'_, f64>) -> Result<Vec<usize>> {
        let logits = self.logits(features)?;
        let best = |row: usize| {
            let larger = |best: usize, k: usize| {
                if logits[(row, k)] > logits[(row, best)] { k } else { best }
            };
            (0..logits.ncols()).fold(0, larger)
        };
        Ok((0..features.nrows()).map(best).collect())
    }

    /// Returns the probability of each class, [samples, classes].
    ///
    /// # Errors
    /// Returns an error in the same cases as [`LogisticRegression::predict`].
    pub fn probabilities(&self, features: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let mut logits = self.logits(features)?;
        for row in 0..logits.nrows() {
            softmax_row(&mut logits, row, 0);
        }
        Ok(logits)
    }

    fn logits(&self, features: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check_features(features)?;
        if features.ncols() != self.mean.len() {
            let (want, got) = (self.mean.len(), features.ncols());
            return Err(Error::Data(format!("a probe of {want} features got {got}")));
        }
        Ok(self.standardized(features) * &self.weights)
    }

    /// Weights on standardised features, [features + 1, classes]; the last row holds the biases.
    pub fn weights(&self) -> MatRef<'_, f64> {
        self.weights.as_ref()
    }

    /// Standardised features with a column of ones for the biases.
    fn standardized(&self, features: MatRef<'_, f64>) -> Mat<f64> {
        let columns = self.mean.len();
        Mat::from_fn(features.nrows(), columns + 1, |i, j| match j {
            j if j < columns => (features[(i, j)] - self.mean[j]) * self.scale[j],
            _ => 1.0,
        })
    }
}

/// Returns the mean of a feature and the factor that standardises it: one over the standard
/// deviation, or 1 for a feature that is constant up to rounding and so carries no information.
///
/// Rounding makes the variance v of n equal values x at most n e v + (n x e)^2, where e is the
/// rounding unit (Chan, Golub and LeVeque 1983); the limit is scikit-learn's.
fn standardization(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let rough = values.iter().sum::<f64>() / n;
    // The mean of the residuals corrects the rounding of the first mean.
    let mean = rough + values.iter().map(|value| value - rough).sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
    (mean, if variance > rounding { 1.0 / variance.sqrt() } else { 1.0 })
}

/// Turns row `i` of logits into probabilities; returns minus the logarithm of the probability of
/// `label`.
fn softmax_row(logits: &mut Mat<f64>, i: usize, label: usize) -> f64 {
    let classes = logits.ncols();
    let largest = (0..classes).fold(f64::NEG_INFINITY, |largest, k| logits[(i, k)].max(largest));
    let at_label = logits[(i, label)] - largest;
    let mut sum = 0.0;
    for k in 0..classes {
        let exponential = (logits[(i, k)] - largest).exp();
        logits[(i, k)] = exponential;
        sum += exponential;
    }
    for k in 0..classes {
        logits[(i, k)] /= sum;
    }
    sum.ln() - at_label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    fn blobs(per_class: usize, apart: f64) -> (Mat<f64>, Vec<usize>) {
        let mut rng = sample_rng(3, 0);
        let labels: Vec<usize> = (0..3 * per_class).map(|i| i % 3).collect();
        let features = Mat::from_fn(labels.len(), 3, |i, j| {
            let noise: f64 = StandardNormal.sample(&mut rng);
            100.0 + noise + if labels[i] == j { apart } else { 0.0 }
        });
        (features, labels)
    }

    #[test]
    fn it_meets_the_conditions_of_the_minimum() {
        // At the minimum of a convex function the gradient is zero; computed here row by row, apart
        // from the fit.
        let (features, labels) = blobs(40, 1.0);
        let config = LogisticRegressionConfig {
            c: 0.5,
            lbfgs: Lbfgs { gradient_tolerance: 1e-9, ..Default::default() },
        };
        let fitted = config.fit(features.as_ref(), &labels, 3).unwrap();
        let inputs = fitted.standardized(features.as_ref());
        let w = fitted.weights();
        for j in 0..4 {
            for k in 0..3 {
                let mut gradient = if j < 3 { w[(j, k)] / 0.5 } else { 0.0 };
                for (i, &label) in labels.iter().enumerate() {
                    let logits: Vec<f64> =
                        (0..3).map(|k| (0..4).map(|j| inputs[(i, j)] * w[(j, k)]).sum()).collect();
                    let sum: f64 = logits.iter().map(|l| l.exp()).sum();
                    gradient +=
                        inputs[(i, j)] * (logits[k].exp() / sum - f64::from(u8::from(label == k)));
                }
                assert!(gradient.abs() < 1e-5, "weight {j}, {k}: {gradient}");
            }
        }
    }

    #[test]
    fn it_separates_what_can_be_separated() {
        let (features, labels) = blobs(50, 8.0);
        let fitted =
            LogisticRegressionConfig::default().fit(features.as_ref(), &labels, 3).unwrap();
        assert_eq!(fitted.predict(features.as_ref()).unwrap(), labels);
    }

    #[test]
    fn a_constant_feature_does_no_harm() {
        let (features, labels) = blobs(20, 8.0);
        let with_constant = Mat::from_fn(60, 4, |i, j| if j < 3 { features[(i, j)] } else { 1e6 });
        let fitted =
            LogisticRegressionConfig::default().fit(with_constant.as_ref(), &labels, 3).unwrap();
        assert_eq!(fitted.predict(with_constant.as_ref()).unwrap(), labels);
    }

    /// Two classes that one feature tells apart, and another that says little.
    fn two_classes() -> (Mat<f64>, Vec<usize>) {
        let labels: Vec<usize> = (0..60).map(|i| i % 2).collect();
        let features = Mat::from_fn(60, 2, |i, j| match j {
            0 => (i % 2) as f64 + 1.5 * (7.0 * i as f64).sin(),
            _ => (3.0 * i as f64).cos(),
        });
        (features, labels)
    }

    /// The probability of the second class for the first rows.
    fn of_first_rows(c: f64, fitted_to: &Mat<f64>, rows: &Mat<f64>, count: usize) -> Vec<f64> {
        let precise = Lbfgs { gradient_tolerance: 1e-10, ..Default::default() };
        let config = LogisticRegressionConfig { c, lbfgs: precise };
        let fitted = config.fit(fitted_to.as_ref(), &two_classes().1, 2).unwrap();
        let probabilities = fitted.probabilities(rows.as_ref()).unwrap();
        (0..count).map(|row| probabilities[(row, 1)]).collect()
    }

    fn assert_near(got: &[f64], expected: &[f64]) {
        got.iter()
            .zip(expected)
            .for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{got:?} instead of {expected:?}"));
    }

    // Expected values of scikit-learn 1.9: LogisticRegression(C, tol=1e-12) on StandardScaler.
    #[test]
    fn two_classes_carry_the_penalty_of_scikit_learn() {
        let (features, _) = two_classes();
        assert_near(
            &of_first_rows(0.1, &features, &features, 3),
            &[0.38417113, 0.70828424, 0.54727598],
        );
        assert_near(
            &of_first_rows(1.0, &features, &features, 3),
            &[0.31402621, 0.815712, 0.58425223],
        );
    }

    #[test]
    fn features_as_small_as_rounding_of_others_count() {
        let (features, _) = two_classes();
        let tiny = Mat::from_fn(60, 2, |i, j| 1e-13 * features[(i, j)]);
        assert_near(&of_first_rows(1.0, &tiny, &tiny, 3), &[0.31402621, 0.815712, 0.58425223]);
    }

    #[test]
    fn a_feature_that_was_constant_says_nothing_when_it_changes() {
        let (features, _) = two_classes();
        let with =
            |value: f64| Mat::from_fn(60, 2, |i, j| if j == 0 { features[(i, 0)] } else { value });
        for (then, now) in [(1_234.56, 1_234.57), (499.90, 499.91), (450.50, 450.51), (0.0, 1.0)] {
            let got = of_first_rows(1.0, &with(then), &with(now), 6);
            let expected = [0.40276294, 0.7491082, 0.67249859, 0.78512986, 0.47765005, 0.46856589];
            assert_near(&got, &expected);
        }
    }

    #[test]
    fn wrong_input_is_an_error() {
        let (features, labels) = blobs(2, 1.0);
        let config = LogisticRegressionConfig::default();
        assert!(
            config.fit(features.as_ref(), &labels, 2).unwrap_err().to_string().contains("label 2")
        );
        assert!(
            LogisticRegressionConfig { c: 0.0, ..config }
                .fit(features.as_ref(), &labels, 3)
                .is_err()
        );
    }
}
