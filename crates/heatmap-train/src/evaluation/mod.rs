//! Evaluation on held-out samples: the quality of features (nearest neighbours, linear probe,
//! alignment, uniformity, effective rank), and the accuracy of counting, locating and detection.

mod anchor_task;
mod ceiling;
mod count_report;
mod facets;
mod features;
mod location_baselines;
mod predict;
mod representation;
mod set_scores;

pub use anchor_task::AnchorTask;
pub use ceiling::CountCeiling;
pub use count_report::{Calibration, CountPredictions, CountReport, ReliabilityBin};
pub use facets::{FacetSample, Facets, variance_share};
pub use features::{LabelledFeatures, extract_features};
pub use location_baselines::LocationBaseline;
pub use predict::{
    HeldOut, ProposedMap, Thresholds, count_probabilities, predict_counts, propose_centres,
};
pub use representation::{EvaluationConfig, RepresentationReport, evaluate_representation};
pub use set_scores::{SET_SCORES, SetScores};
