//! Which banners are broken: scores of heatmaps and of feature vectors, and what they are worth.

mod anchor;
mod click_clustering;
mod click_map;
mod fusion;
mod heatmap_features;
mod known_defects;
mod likelihood_ratio;
mod null_model;
mod score;
mod smooth;
mod streaming;

pub use anchor::{Anchor, AnchorChoice, CLEAN_LANDING_RATE, Candidate};
pub use click_clustering::{LayoutDistance, NoiseShare};
pub use click_map::{ClickMap, Smoothing};
pub use fusion::{BulkAverage, LogisticFusion, Parts, RankAverage, standardized};
pub use heatmap_features::{OnFeatures, PooledShares};
pub use known_defects::{DefectGuess, KnownDefects};
pub use likelihood_ratio::LikelihoodRatio;
pub use null_model::{NullModel, upper_tail, z_of_false_alarms};
pub use score::Score;
pub use streaming::{RollingScore, Watch};
