//! Weights that other programs wrote, and weights for other programs to read.
//!
//! A [`TensorFile`] is opened, never executed: `.safetensors`, or a PyTorch file whose pickle is
//! interpreted without running anything in it. [`Pretrained::load_weights`] recognises the layout
//! by the names in the file and either loads every tensor of the network or fails with the names of
//! all that do not fit; [`Pretrained::save_weights`] writes the same layouts.
//!
//! The way of a tensor: key in the file -> (`layout`: recognised family and prefix) -> path in the
//! module -> (`import`: concatenated, transposed, summed over colours) -> parameter.

mod choice;
mod companions;
mod export;
mod import;
mod layout;
mod modules;
mod numbers;
mod pretrained;
mod pytorch;
mod report;
mod safetensors;
mod shards;
mod stored;
mod tensor_file;

pub use choice::TensorChoice;
pub use companions::Companions;
pub use import::LoadOptions;
pub(crate) use layout::Recognised;
pub use layout::{Family, Layout};
pub use pretrained::{Pretrained, Published};
pub use report::LoadReport;
pub use safetensors::write_safetensors;
pub use tensor_file::TensorFile;

pub use crate::mismatch::{Mismatch, Misshaped};
pub use crate::weight_layout::WeightLayout;
