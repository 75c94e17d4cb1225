//! [`OnlineEvaluationConfig`]: what a SimCLR run measures of its features.

use heatmap_core::analysis::LogisticRegressionConfig;
use serde::{Deserialize, Serialize};

use crate::evaluation::EvaluationConfig;

/// What is measured of the features, while the run goes on and behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlineEvaluationConfig {
    /// Steps from one measurement to the next, an epoch so to speak; none for never.
    pub every: Option<usize>,
    /// Samples on which neighbours and probe are fitted, and as many on which they are scored.
    pub samples: usize,
    /// As many of the last evaluation, behind the training. It costs nothing but time: a probe on
    /// few samples says less than there is.
    #[serde(default = "final_samples")]
    pub final_samples: usize,
    /// Inverse strength of the probe's penalty, C of scikit-learn; SimCLR too chooses it for a
    /// network on held-out samples (Chen et al. 2020, appendix B.6).
    #[serde(default = "probe_c")]
    pub probe_c: f64,
}

fn probe_c() -> f64 {
    LogisticRegressionConfig::default().c
}

fn final_samples() -> usize {
    OnlineEvaluationConfig::FINAL_SAMPLES
}

impl OnlineEvaluationConfig {
    /// Samples of the last evaluation that give a standard error of about one percent.
    pub const FINAL_SAMPLES: usize = 1_600;

    /// How neighbours and probe are fitted.
    pub fn fits(&self) -> EvaluationConfig {
        let probe =
            LogisticRegressionConfig { c: self.probe_c, ..LogisticRegressionConfig::default() };
        EvaluationConfig { probe, ..EvaluationConfig::default() }
    }
}
