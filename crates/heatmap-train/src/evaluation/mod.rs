//! What features are worth: neighbours, a linear probe, alignment and uniformity on samples that were not trained on.

mod features;
mod representation;

pub use features::{LabelledFeatures, extract_features};
pub use representation::{EvaluationConfig, RepresentationReport, evaluate_representation};
