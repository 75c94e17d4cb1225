//! Training of click-heatmap encoders in Burn: data sets, losses, tasks, runs and their evaluation.
//!
//! [`data`] turns heatmaps into tensors, [`loss`] compares, a [`task`] is a network with its loss
//! as Burn's `TrainStep`, [`run`] carries a task through many steps with progress, logs and
//! checkpoints, [`evaluation`] tells what the features are worth, [`features`] writes those of a
//! whole data set to disk, and `study` (feature `plot`) does all of it, with tables and pictures.
//!
//! # SimCLR on heatmaps of your own
//!
//! ```
//! use std::sync::Arc;
//!
//! use heatmap_models::{Encoder, ModelName, burn::tensor::Device};
//! use heatmap_train::data::OwnSamples;
//! use heatmap_train::run::{
//!     NamedEncoder, RunConfig, RunFolder, SimClrConfig, save_encoder, train_simclr_of,
//!     untrained_encoder,
//! };
//! # let preset = heatmap_core::synth::Preset::named("simclr-report")?;
//! # let heatmap = |at: usize| (preset.sample_of_class(1, at % 2, at as u64).heatmap, at % 2);
//! # let heatmaps: Vec<_> = (0..24).map(heatmap).collect();
//! # let path = tempfile::tempdir()?.path().join("run");
//! // heatmaps: Vec<(Heatmap, usize)>, each with the number of its class
//! let recipe = SimClrConfig::published_recipe();
//! let mut config = SimClrConfig { architecture: ModelName::RESNET_18, ..recipe };
//! config.training.batches = 2;
//! config.classes_per_batch = 2;
//! let names = vec!["one cluster".to_owned(), "two clusters".to_owned()];
//! let source = OwnSamples::of_heatmaps("my data", names, heatmaps, config.training.seed)?;
//! let (folder, _) = RunFolder::create(&path, &config)?;
//! let (device, options) = (Device::flex(), config.training_options(None));
//! let encoder = untrained_encoder(&config, &device); // or any Encoder of your own
//! let outcome =
//!     train_simclr_of(&config, encoder, Arc::new(source), &folder, &[device.clone()], &options)?;
//! save_encoder(&folder, outcome.model.encoder())?;
//!
//! // A finished run is an encoder again.
//! let encoder = NamedEncoder::of_run("mine", &path, &device)?;
//! # let some = preset.sample(1, 0).heatmap;
//! let features = encoder.features(&[&some], &device, |_| {})?;
//! assert_eq!((features.nrows(), features.ncols()), (1, 512));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The labelled banners of a click log are [`OwnSamples::of_log`](data::OwnSamples::of_log).
//!
//! # Counting and locating clusters in samples of your own
//!
//! ```
//! use std::sync::Arc;
//!
//! use heatmap_models::{ResNetConfig, burn::tensor::Device};
//! use heatmap_train::data::OwnSamples;
//! use heatmap_train::run::{CountConfig, RunConfig, RunFolder, train_count_of};
//! # let preset = heatmap_core::synth::Preset::named("location-separable")?;
//! # let sample = |at: usize| preset.sample_of_class(1, at % 2, at as u64);
//! # let samples: Vec<_> = (0..40).map(sample).collect();
//! # let path = tempfile::tempdir()?.path().join("run");
//! // samples: Vec<Sample>, each with its class and the centres of its clusters
//! let names = vec!["empty".to_owned(), "one cluster".to_owned()];
//! let source = OwnSamples::new("my data", names, samples, 0)?.with_cluster_counts_from(0);
//! let mut config = CountConfig::published_recipe();
//! config.fine_tune.training.batches = 2;
//! config.fine_tune.batch_size = 8;
//! config.fine_tune.evaluation.samples = 4;
//! let (folder, _) = RunFolder::create(&path, &config)?;
//! let device = Device::flex();
//! let encoder = ResNetConfig::resnet18().with_in_channels(1).init(&device);
//! let options = config.training_options(None);
//! let outcome = train_count_of(&config, encoder, Arc::new(source), &folder, &device, &options)?;
//! assert_eq!(outcome.stats.images, 16);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`run::train_location_of`] takes the same arguments.
//!
//! # Features of a click log, to a file for numpy
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use heatmap_models::{ModelName, TensorFile, burn::tensor::Device};
//! use heatmap_train::features::{
//!     HeatmapSource, Output, PublishedEncoder, RowFile, extract, read_npy,
//! };
//! # use heatmap_core::{BannerSize, table::{BannerKey, ClickLog, ClickLogConfig}};
//! # let folder = tempfile::tempdir()?;
//! # let (weights, npy) = (folder.path().join("w.safetensors"), folder.path().join("f.npy"));
//! # let layout = heatmap_models::WeightLayout::Torchvision;
//! # ModelName::RESNET_18.config().init(&Device::flex()).save_weights(&weights, layout)?;
//! # let preset = heatmap_core::synth::Preset::named("banners")?;
//! # let key = |domain: &str| BannerKey { domain: domain.into(), grid_id: "g".into() };
//! # let size = BannerSize { width_px: 300, height_px: 250 };
//! # let banner = |(domain, at)| (key(domain), size, preset.sample(1, at).heatmap);
//! # let banners = [("a", 0), ("b", 1)].map(banner);
//! # let log = ClickLog::from_heatmaps(&ClickLogConfig::default(), banners)?;
//! // log: ClickLog, from files by ClickLogConfig::read
//! let (device, name) = (Device::flex(), ModelName::RESNET_18);
//! let file = TensorFile::open(&weights)?;
//! let (mut encoder, report) = PublishedEncoder::load(name, &file, &device)?;
//! # encoder.image_size = 64;
//! let source = HeatmapSource::logged(&log, encoder.protocol(0))?;
//! let file = RowFile::npy(&npy, &[log.len(), 512])?;
//! let to = (vec![file], &[(0, 0)][..]);
//! let go_on = |_| ControlFlow::Continue(());
//! extract(&encoder, &source, &[Output::Features], 8, to, &device, go_on)?;
//! assert_eq!(read_npy(&npy)?.nrows(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
// The documentation says which items need which feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod data;
mod device;
mod error;
pub mod evaluation;
pub mod features;
pub mod loss;
pub mod metric;
pub mod optim;
pub mod run;
#[cfg(feature = "plot")]
pub mod study;
pub mod task;
pub mod tuning;

pub use device::DeviceName;
pub use error::{Error, Result};
pub use heatmap_models::burn;

/// The code of the README, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
