//! Operations that the networks are written with, in the formulation that is fast where they run.
//!
//! The networks call `conv_norm`, `max_pool`, `linear`, `layer_norm`, `attention` and `gelu`;
//! training calls `nt_xent` and `adam_step`, and `keep_running_statistics` where it looks at a
//! batch twice. On Flex each operation is one of ours: `flex` puts it behind Burn's tensors,
//! `cpu` computes it; in half precision it is one of `half`.

mod activations;
mod adam;
mod adam_moments;
mod attention;
mod batch_norm;
mod conv_norm;
mod cpu;
mod flex;
mod gelu;
mod half;
mod linear;
mod max_pool;
mod nt_xent;
mod record;
mod running_statistics;
#[cfg(test)]
mod testing;

pub(crate) use activations::Activations;
pub use adam::{AdamFactors, adam_step};
pub use adam_moments::AdamMoments;
pub(crate) use attention::{attention, split_heads};
pub(crate) use batch_norm::batch_norm;
pub(crate) use conv_norm::{Epilogue, conv_norm};
pub(crate) use gelu::gelu;
pub(crate) use half::{cast_like, in_f32, is_half, to_f32};
pub(crate) use linear::{layer_norm, linear, linear_gelu, product};
pub(crate) use max_pool::max_pool;
pub use nt_xent::nt_xent;
pub use running_statistics::keep_running_statistics;
