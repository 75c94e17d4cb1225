//! The operations that networks and training are built from, each in the form that is fastest on
//! its device.
//!
//! The networks call `conv_norm`, `max_pool`, `linear`, `layer_norm`, `attention` and `gelu`;
//! training calls `nt_xent`, `adam_step` and, where it runs a batch forward twice,
//! `keep_running_statistics`. On Flex the operations are written here: `cpu` computes over slices,
//! and `flex` connects that to Burn's tensors and autodiff. For half precision, `half` does the
//! same with Burn's kernels.

mod activations;
mod adam;
mod adam_moments;
mod attention;
mod batch_norm;
mod conv_norm;
mod cpu;
#[cfg(feature = "wgpu")]
mod cube;
mod flex;
mod gelu;
mod half;
mod linear;
mod matrix;
mod max_pool;
mod memory;
mod nt_xent;
mod record;
mod running_statistics;
#[cfg(test)]
mod testing;
#[cfg(feature = "wgpu")]
mod unfused;

pub(crate) use activations::Activations;
pub use adam::{AdamFactors, adam_step};
pub use adam_moments::AdamMoments;
pub(crate) use attention::{attention, split_heads};
pub(crate) use batch_norm::batch_norm;
pub(crate) use conv_norm::{Epilogue, conv_norm};
pub use cpu::{MatmulPrecision, matmul_precision, set_matmul_precision};
pub(crate) use gelu::gelu;
pub(crate) use half::{cast_like, in_f32, is_half, to_f32};
pub(crate) use linear::{layer_norm, linear, linear_gelu, product};
pub use matrix::{RightMatrix, matrix_kernel};
pub(crate) use max_pool::max_pool;
pub use memory::release_memory;
pub use nt_xent::nt_xent;
pub use running_statistics::keep_running_statistics;
