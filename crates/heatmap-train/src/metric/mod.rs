//! Metrics that burn-train does not have.

mod scalar;

pub(crate) use scalar::scalar_metrics;
pub use scalar::{Scalar, ScalarMetric};
