//! [`RepresentationReport`]: the quality of frozen features, measured by kNN and a linear probe
//! (SimCLR, section 4.1 and appendix B.6), alignment, uniformity and effective rank.
//!
//! Nearest neighbours and probe are fitted on one set of samples and scored on another; the encoder
//! was trained on neither.

use std::collections::BTreeMap;

use heatmap_core::analysis::{
    Knn, LogisticRegressionConfig, accuracy, alignment, effective_rank, uniformity,
};
use serde::Serialize;

use super::LabelledFeatures;
use crate::Result;

/// Settings of the nearest neighbours and the linear probe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluationConfig {
    /// Number of neighbours that vote.
    pub knn_k: usize,
    /// Temperature of the votes, which are weighted by similarity.
    pub knn_temperature: f64,
    /// Settings of the linear probe, a logistic regression.
    pub probe: LogisticRegressionConfig,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { knn_k: 200, knn_temperature: 0.1, probe: LogisticRegressionConfig::default() }
    }
}

/// Scores of the features.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RepresentationReport {
    /// Accuracy of weighted k-nearest-neighbours classification.
    pub knn_accuracy: f64,
    /// Accuracy of the linear probe, a multinomial logistic regression.
    pub probe_accuracy: f64,
    /// Alignment: mean squared distance between normalised features of the same class; lower is
    /// better.
    pub alignment: f64,
    /// Uniformity: logarithm of the mean Gaussian potential of all pairs of normalised features;
    /// lower means more evenly spread.
    pub uniformity: f64,
    /// Effective number of dimensions that the features use (RankMe).
    pub effective_rank: f64,
    /// Number of samples scored.
    pub samples: usize,
}

/// Fits nearest neighbours and probe on `fit`, and scores them on `test`.
///
/// # Errors
/// Returns an error when features are not finite, or when the two sets do not fit together.
pub fn evaluate_representation(
    fit: &LabelledFeatures,
    test: &LabelledFeatures,
    num_classes: usize,
    config: &EvaluationConfig,
) -> Result<RepresentationReport> {
    let (rows, labels) = (fit.features.as_ref(), &fit.labels);
    let knn = Knn::fit(rows, labels, num_classes, config.knn_k, config.knn_temperature)?;
    let probe = config.probe.fit(rows, labels, num_classes)?;
    let rows = test.features.as_ref();
    Ok(RepresentationReport {
        knn_accuracy: accuracy(&knn.predict(rows)?, &test.labels),
        probe_accuracy: accuracy(&probe.predict(rows)?, &test.labels),
        alignment: alignment(rows, &test.labels).unwrap_or(f64::NAN),
        uniformity: uniformity(rows).unwrap_or(f64::NAN),
        effective_rank: effective_rank(rows)?,
        samples: test.labels.len(),
    })
}

impl RepresentationReport {
    /// Returns all scores by name, without the number of samples.
    pub fn values(&self) -> BTreeMap<String, f64> {
        let named = [
            ("knn_accuracy", self.knn_accuracy),
            ("probe_accuracy", self.probe_accuracy),
            ("alignment", self.alignment),
            ("uniformity", self.uniformity),
            ("effective_rank", self.effective_rank),
        ];
        named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns the standard error of the difference of two accuracies, each measured on this many
    /// independent samples. In practice both are measured on the same samples, which makes the true
    /// error smaller, so this is a conservative value.
    pub fn standard_error_of_difference(&self, accuracy: f64, other: f64) -> f64 {
        let variance = |p: f64| p * (1.0 - p) / self.samples as f64;
        (variance(accuracy) + variance(other)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::analysis::faer::Mat;

    /// Two features: the class, and something that has nothing to do with it.
    fn features(samples: usize, informative: f64) -> LabelledFeatures {
        let labels: Vec<usize> = (0..samples).map(|at| at % 2).collect();
        let noise = |at: usize| ((at as f64 * 0.618_034).fract() - 0.5) * 2.0;
        let features = Mat::from_fn(samples, 2, |i, j| match j {
            0 => informative * (labels[i] as f64 - 0.5) + 0.1 * noise(i),
            _ => noise(i * 7 + 3),
        });
        LabelledFeatures { features, labels }
    }

    #[test]
    fn informative_features_score_and_others_do_not() {
        let config = EvaluationConfig { knn_k: 5, ..Default::default() };
        let report = |informative| {
            let (fit, test) = (features(400, informative), features(300, informative));
            evaluate_representation(&fit, &test, 2, &config).unwrap()
        };
        let (good, bad) = (report(8.0), report(0.0));
        assert!(good.knn_accuracy > 0.99 && good.probe_accuracy > 0.99, "{good:?}");
        assert!(bad.probe_accuracy < 0.65, "{bad:?}");
        assert!(good.alignment < bad.alignment, "{good:?} {bad:?}");
        assert_eq!(good.samples, 300);
    }

    #[test]
    fn the_standard_error_is_that_of_two_binomials() {
        let report = evaluate_representation(
            &features(40, 1.0),
            &features(100, 1.0),
            2,
            &EvaluationConfig::default(),
        );
        let error = report.unwrap().standard_error_of_difference(0.5, 0.5);
        assert!((error - 0.5 * (2.0_f64 / 100.0).sqrt()).abs() < 1e-12);
    }
}
