//! Residual networks (He et al. 2015), 18 to 152 layers, as in torchvision.

mod block;
mod config;
mod encoder_config;
mod folded;
mod network;
mod stage;
mod stem;
mod weights;

pub use config::{BlockKind, ResNetConfig};
pub use folded::{FoldedBlock, FoldedConv, FoldedResNet};
pub use network::{ResNet, StageOutputs};
