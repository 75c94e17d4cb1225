//! Layers that networks and heads share.

mod conv_norm;

pub(crate) use conv_norm::ConvNorm;
