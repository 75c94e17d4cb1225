//! Operations that the networks are written with, in the formulation that is fast where they run.
//!
//! `conv_norm`, `max_pool` and `gelu` are what the networks call. On Flex a layer is one operation of ours: `flex` puts it behind Burn's
//! tensors, `cpu` computes it.

mod adam;
mod batch_norm;
mod conv_norm;
mod cpu;
mod flex;
mod gelu;
mod image;
mod max_pool;

pub use adam::{AdamFactors, AdamMoments, adam_step};
pub(crate) use batch_norm::batch_norm;
pub(crate) use conv_norm::{After, conv_norm};
pub(crate) use gelu::gelu;
pub(crate) use image::Image;
pub(crate) use max_pool::max_pool;
