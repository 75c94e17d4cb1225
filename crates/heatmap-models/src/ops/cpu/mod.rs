//! The operations in which the networks spend their time, for the CPU: plain functions over
//! channels-last slices, on all threads.
//!
//! Nothing here depends on Burn; the `flex` module connects these functions to its tensors and
//! autodiff.

mod adam;
mod attention;
mod buffer;
mod channel_norm;
mod contrastive;
mod conv;
mod conv_weight;
pub(super) mod layer_norm;
pub(super) mod linear;
mod math;
mod max_pool;
mod patches;
mod product;
mod simd;
#[cfg(test)]
mod speed;
mod winograd;

pub use adam::AdamFactors;
pub(super) use adam::adam;
pub(super) use attention::{AttentionShape, attention, attention_backward};
pub(super) use buffer::{Buffer, release_buffers};
pub(super) use channel_norm::{
    NormGradients, ReluMask, ScaleShift, Statistics, backward, parts, statistics,
};
pub(super) use contrastive::{Contrast, nt_xent};
pub(super) use conv::{Kernel, forward, image_gradient};
pub(super) use conv_weight::weight_gradient;
pub(super) use max_pool::{max_pool, max_pool_backward, max_pool_with_places};
pub(super) use patches::ConvShape;
pub use product::{MatmulPrecision, matmul_precision, set_matmul_precision};
pub(super) use product::{Packed, Source, multiplier_of_networks, parallel_product_into};
pub(super) use simd::on_the_pool;
