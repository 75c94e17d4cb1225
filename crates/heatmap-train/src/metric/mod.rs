//! Metrics that burn-train does not have: numbers of a step for its logs, and how well centres are
//! located.

mod location_report;
mod scalar;

pub use location_report::{LocatedMap, LocationReport, PerCount};
pub(crate) use scalar::scalar_metrics;
pub use scalar::{Scalar, ScalarMetric};
