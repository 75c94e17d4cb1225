//! Encoders for click heatmaps, and the heads that go on top of them, written in Burn.
//!
//! Models end at features: [`Encoder::forward_features`] returns `[batch, feature_dim]`, and a task
//! composes heads and losses on top. Image tensors are NCHW everywhere,
//! `[batch, channels, height, width]`.
//!
//! A residual network with fresh parameters:
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use heatmap_models::{Encoder, ResNetConfig};
//!
//! let device = Device::flex();
//! let encoder = ResNetConfig::resnet18().with_in_channels(1).init(&device);
//! let features = encoder.forward_features(Tensor::zeros([2, 1, 64, 64], &device));
//! assert_eq!(features.dims(), [2, 512]);
//! ```
//!
//! From a published file to logits, with the network chosen by name:
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use heatmap_models::{Encoder, LoadOptions, ModelName, TensorFile};
//!
//! let device = Device::flex();
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("resnet18.safetensors");
//! # let published = ModelName::RESNET_18.config().with_num_classes(Some(10)).init(&device);
//! # published.save_weights(&path, published.layout())?;
//! // path: a file of torchvision, timm or transformers, .safetensors or .pth
//! let file = TensorFile::open(&path)?;
//! let name: ModelName = "resnet18".parse()?;
//! let network = name.config_of(&file)?.init(&device);
//! let (network, report) = network.load_weights(&file, &LoadOptions::new())?;
//! println!("{report}"); // how many tensors, in which layout
//! let features = network.forward_features(Tensor::zeros([1, 3, 224, 224], &device));
//! assert_eq!(network.classify(features).dims(), [1, 10]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ResNet`] and [`Vit`] have further examples; [`weights`] says which files can be loaded, and
//! `hub` (feature `hub`) fetches them. A network of your own implements [`Encoder`]; one that
//! programs choose by name also implements [`EncoderConfig`]. [`heads`] count, locate and project.
// The documentation says which items need which feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backbone;
mod encoder;
mod encoder_config;
mod error;
pub mod heads;
#[cfg(feature = "hub")]
pub mod hub;
mod layers;
mod mismatch;
mod model_name;
pub mod ops;
mod pooling;
mod published;
pub mod resnet;
mod stem_kind;
pub mod vit;
mod weight_layout;
pub mod weights;

pub use backbone::{Backbone, BackboneConfig};
pub use burn;
pub use encoder::{Encoder, FeaturesAndMaps};
pub use encoder_config::{EncoderConfig, Preprocessing, PublishedConfig};
pub use error::{Error, Result};
pub use heads::{
    CentrePredictions, CountEncoding, CountHead, CountHeadConfig, Density, DensityHead,
    DensityHeadConfig, FeaturePyramid, FeaturePyramidConfig, LocationHead, LocationHeadConfig,
    ProjectionHead, ProjectionHeadConfig,
};
pub use model_name::ModelName;
pub use pooling::Pooling;
pub use resnet::{FoldedBlock, FoldedConv, FoldedResNet, ResNet, ResNetConfig, StageOutputs};
pub use stem_kind::StemKind;
pub use vit::{Interpolation, Vit, VitConfig};
pub use weights::{LoadOptions, Pretrained, TensorFile, WeightLayout};
