//! Detection of broken banners: scores of heatmaps and of feature vectors, their fusion into flags,
//! and their evaluation.
//!
//! The data flow: a [`ReferenceConfig`] chooses the banners of a grid that are taken for good (the
//! [`Reference`]), without labels where there are none, and finds the [`BannerGroups`] of similar
//! banners, each of which shows a layout or a kind of defect. A [`LayoutDetector`] fits every score
//! to them and computes the parts of each banner; a [`PartsTable`] holds these. A
//! [`DecisionConfig`] fuses the parts into one score and flags banners; an [`Explainer`] says why.
//! All scores implement one trait, [`Score`]: they are fitted once, immutable, and higher means
//! more likely broken.

mod anchor;
mod banner_facts;
mod banner_groups;
mod burstiness;
mod cells;
mod click_clustering;
mod click_map;
mod cosine_anchor;
mod decision;
mod detected_group;
mod detector_config;
mod digamma;
mod dirichlet_multinomial;
mod earth_mover;
pub mod evaluation;
mod explanation;
mod fact_notes;
#[cfg(test)]
mod feature_score_tests;
mod feature_vector;
#[cfg(test)]
mod field_tests;
mod findings;
mod fusion;
mod grid_fit;
mod heatmap_features;
mod inputs;
mod isolation_forest;
mod knn_distance;
mod known_defects;
mod layout_detector;
mod likelihood_ratio;
mod log_detection;
mod mahalanobis;
mod null_model;
mod part;
mod part_list;
mod parts_table;
mod pca_reconstruction;
mod quantile;
mod reference;
mod saved_detector;
mod score;
mod set_network;
mod shards;
#[cfg(test)]
mod shared_defect_tests;
mod sinkhorn;
mod smooth;
mod smoothed_shares;
mod streaming;
mod template;
mod words;

pub use anchor::{Anchor, AnchorChoice, BROKEN_LANDING_RATE, CLEAN_LANDING_RATE, Candidate};
pub use banner_facts::BannerFacts;
pub use banner_groups::{BannerGroup, BannerGroups, GroupKind, Verdict};
pub use burstiness::burstiness;
pub use click_clustering::{LayoutDistance, NoiseShare};
pub use click_map::{ClickMap, Smoothing};
pub use cosine_anchor::CosineAnchor;
pub use decision::{Decision, DecisionConfig, DecisionInputs, ScoreMeaning};
pub use detected_group::DetectedGroup;
pub use detector_config::{DetectorConfig, PartSet};
pub use dirichlet_multinomial::DirichletMultinomial;
pub use earth_mover::{EarthMover, EarthMoverConfig};
pub use explanation::{Explainer, Explanation};
pub use fact_notes::FactNotes;
pub use findings::{
    AgainstLabels, Change, Changes, EarlierRun, Findings, ListFormat, LogSummary, Since,
};
pub use fusion::{BulkAverage, FitNorm, LogisticFusion, NetworkAndFit, Parts, RankAverage};
pub use grid_fit::{FIT_PARTS, FitScores, GridFit, NETWORK_PART, PileUp};
pub use heatmap_features::{OnFeatures, PooledShares};
pub use inputs::{LogFiles, LogInputs};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use knn_distance::{KnnDistance, KnnDistanceConfig};
pub use known_defects::{DefectGuess, KnownDefects};
pub use layout_detector::LayoutDetector;
pub use likelihood_ratio::LikelihoodRatio;
pub use log_detection::{DetectedLayout, ExplainedBanner, LogDetection, LogDetectionConfig};
pub use mahalanobis::{Mahalanobis, MahalanobisConfig};
pub use null_model::{NullModel, upper_tail, z_of_false_alarms};
pub use part::{Cost, Needs, Part};
pub use part_list::{PARTS, part_named};
pub use parts_table::PartsTable;
pub use pca_reconstruction::{PcaReconstruction, PcaReconstructionConfig};
pub use reference::{Reference, ReferenceConfig};
pub use saved_detector::SavedDetector;
pub use score::Score;
pub use set_network::{
    BannerMaps, CHANNELS, Convolution, MAX_REFERENCES, NetworkReference, NinthsOfBanner,
    ResidualBlock, SetNetwork, SetScore, nearest_references, network_input,
};
pub use shards::{ShardFile, ShardSet};
pub use smoothed_shares::SmoothedShares;
pub use streaming::{AlarmState, RollingScore};
pub use template::Unlike;
