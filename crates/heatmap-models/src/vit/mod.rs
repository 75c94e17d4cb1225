//! Vision transformers (Dosovitskiy et al. 2021), as in timm, torchvision and transformers.

mod attention;
mod block;
mod config;
mod drop_path;
mod encoder_config;
mod layer_norm;
mod network;
mod parameters;
mod patch_embed;
mod position;
mod weights;

pub use config::{Pooling, VitConfig};
pub use network::Vit;
