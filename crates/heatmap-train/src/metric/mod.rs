//! Metrics that burn-train does not have.

mod scalar;

pub use scalar::{Scalar, ScalarMetric};
