//! Metrics that burn-train lacks: scalars of a step for its logs, and the accuracy of predicted
//! cluster centres.

mod location_report;
mod scalar;

pub use location_report::{LocatedMap, LocationReport, PerCount};
pub(crate) use scalar::scalar_metrics;
pub use scalar::{Scalar, ScalarMetric};
