//! [`OnlineEvaluationConfig`]: how a SimCLR run evaluates its features.

use heatmap_core::analysis::LogisticRegressionConfig;
use serde::{Deserialize, Serialize};

use crate::evaluation::EvaluationConfig;

/// Settings of the evaluation of features, during and after training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlineEvaluationConfig {
    /// Number of steps between evaluations during training, of which one more follows the last
    /// step; `None` for no evaluation during training.
    pub every: Option<usize>,
    /// Number of samples on which nearest neighbours and linear probe are fitted during training;
    /// as many other samples are scored. It is rounded up to a multiple of the number of classes.
    pub samples: usize,
    /// Like `samples`, for the evaluation after training. A larger number costs only time; a probe
    /// that is fitted on few samples underestimates what the features contain.
    #[serde(default = "final_samples")]
    pub final_samples: usize,
    /// Inverse regularisation strength of the linear probe, `C` in scikit-learn. SimCLR, too,
    /// selects it for each network on held-out samples (Chen et al. 2020, appendix B.6).
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
    /// Default number of samples of the evaluation after training, for a standard error of about
    /// one percent.
    pub const FINAL_SAMPLES: usize = 1_600;

    /// Returns the settings of nearest neighbours and linear probe.
    pub fn fits(&self) -> EvaluationConfig {
        let probe =
            LogisticRegressionConfig { c: self.probe_c, ..LogisticRegressionConfig::default() };
        EvaluationConfig { probe, ..EvaluationConfig::default() }
    }
}
