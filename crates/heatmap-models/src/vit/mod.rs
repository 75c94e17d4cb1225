//! Vision transformers (Dosovitskiy et al. 2021), as in timm, torchvision and transformers, and
//! DINOv2 (Oquab et al. 2024) without its ViT-g.

mod attention;
mod block;
mod config;
mod drop_path;
mod encoder;
mod encoder_config;
mod hugging_face;
mod interpolation;
mod layer_norm;
mod layer_scale;
mod layouts;
mod network;
mod parameters;
mod patch_embed;
mod position;
mod weights;

pub use config::VitConfig;
pub use interpolation::Interpolation;
pub use network::Vit;

pub use crate::pooling::Pooling;
