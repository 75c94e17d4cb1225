//! Which banners are broken: scores of heatmaps and of feature vectors, and what they are worth.
//!
//! The way of the data: an [`AnchorChoice`] makes the good map of a grid; a [`GridDetector`] fits every score to it and gives the parts of
//! each banner; a [`PartsTable`] holds them; a [`DecisionConfig`] makes one score of them and flags. All scores are behind one trait,
//! [`Score`]: fitted, immutable, higher = more broken.

mod anchor;
mod burstiness;
mod cells;
mod click_clustering;
mod click_map;
mod cosine_anchor;
mod decision;
mod detector;
mod digamma;
mod dirichlet_multinomial;
mod earth_mover;
pub mod evaluation;
#[cfg(test)]
mod feature_score_tests;
mod feature_vector;
mod fusion;
mod heatmap_features;
mod isolation_forest;
mod knn_distance;
mod known_defects;
mod likelihood_ratio;
mod log_detection;
mod mahalanobis;
mod null_model;
mod parts_table;
mod pca_reconstruction;
mod quantile;
mod score;
mod sinkhorn;
mod smooth;
mod streaming;

pub use anchor::{Anchor, AnchorChoice, CLEAN_LANDING_RATE, Candidate};
pub use burstiness::burstiness;
pub use click_clustering::{LayoutDistance, NoiseShare};
pub use click_map::{ClickMap, Smoothing};
pub use cosine_anchor::CosineAnchor;
pub use decision::{Decision, DecisionConfig, Evidence, ScoreMeaning};
pub use detector::{DetectorConfig, GridDetector, Needs, PARTS, PartSet};
pub use dirichlet_multinomial::DirichletMultinomial;
pub use earth_mover::{EarthMover, EarthMoverConfig};
pub use fusion::{BulkAverage, LogisticFusion, Parts, RankAverage};
pub use heatmap_features::{OnFeatures, PooledShares};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use knn_distance::{KnnDistance, KnnDistanceConfig};
pub use known_defects::{DefectGuess, KnownDefects};
pub use likelihood_ratio::LikelihoodRatio;
pub use log_detection::{DetectedGrid, Known, LogDetection, LogDetectionConfig};
pub use mahalanobis::{Mahalanobis, MahalanobisConfig};
pub use null_model::{NullModel, upper_tail, z_of_false_alarms};
pub use parts_table::PartsTable;
pub use pca_reconstruction::{PcaReconstruction, PcaReconstructionConfig};
pub use score::Score;
pub use streaming::{RollingScore, Watch};
