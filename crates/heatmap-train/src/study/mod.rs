//! Studies: a run, the evaluation of its result, and the tables and pictures that present it.
//!
//! - [`run_simclr`], [`run_count`] and [`run_location`] train a network, evaluate it on held-out
//!   samples and write tables and pictures.
//! - [`sweep_simclr`] repeats [`run_simclr`] for every combination of some settings.
//! - [`measure_detector`] and [`write_detector`] evaluate a set network and present the results.
//! - [`PresetGallery`] draws samples of the presets.
//! - [`comparison`], [`FacetView`] and [`EmbedView`] compare the features of several encoders.
//! - [`predict`] applies the network of a finished run to a click log.
//! - [`FeatureRun`] writes the features of encoders to files.

mod banners;
pub mod comparison;
mod count;
mod count_run;
mod detector;
mod detector_measure;
mod embedding;
mod encoder_scores;
mod facets;
mod feature_input;
mod feature_run;
mod feature_table;
mod feature_tables;
mod gallery;
mod location;
mod location_run;
mod predictions;
mod principal_plane;
mod simclr;
mod simclr_report;
mod spread;
mod sweep;
mod training_curve;

pub use banners::{Banners, synthetic_banners, tabled_banners};
pub use count::{CountResults, CountSummary, write_count};
pub use count_run::run_count;
pub use detector::{DetectorSummary, NETWORK_FILE, write_detector};
pub use detector_measure::{BUDGETS, MeasuredDetector, measure_detector};
pub use embedding::{EmbedView, write_embeddings};
pub use encoder_scores::EncoderScores;
pub use facets::{FacetView, write_facets};
pub use feature_input::{FeatureInput, InputName, ProtocolChoice, open_weights, read_log};
pub use feature_run::{FeatureRun, FeatureRunConfig, UsedImages, UsedSettings};
pub use feature_table::FeatureTable;
pub use gallery::{PresetGallery, write_banner_gallery};
pub use location::{LocationResults, LocationSummary, write_location, write_location_montage};
pub use location_run::run_location;
pub use predictions::{Prediction, PredictionInput, PredictionSummary, log_config, predict};
pub use simclr::run_simclr;
pub use simclr_report::{BrokenBanners, SimClrSummary};
pub use sweep::{SweepAxis, sweep_simclr};
pub use training_curve::write_training_curve;
