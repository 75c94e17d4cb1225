//! Layers that the networks and the heads share.

mod conv_norm;

pub(crate) use conv_norm::ConvNorm;
