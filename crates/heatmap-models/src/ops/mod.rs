//! Operations that the networks are written with, in the formulation that is fast where they run.

mod batch_norm;
mod conv;
mod gelu;

pub(crate) use batch_norm::batch_norm;
pub(crate) use conv::conv_norm;
pub(crate) use gelu::gelu;
