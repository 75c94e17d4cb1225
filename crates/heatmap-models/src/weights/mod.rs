//! Reading the weights of other programs, and writing weights for other programs to read.
//!
//! A [`TensorFile`] is a `.safetensors` file, or a PyTorch file whose pickle is interpreted without
//! executing anything in it. [`Pretrained::load_weights`] recognises the state dict layout by the
//! names in the file, and either loads every tensor of the network or fails with the names of all
//! that do not fit. [`Pretrained::save_weights`] writes the same layouts.
//!
//! When a file is loaded, `layout` matches the path of each tensor in the module with its key in
//! the file, after the prefix that it recognised. `import` then concatenates split tensors,
//! transposes matrices and, where asked to, sums the colours of the stem.

mod choice;
mod companions;
mod container;
mod export;
mod folder;
mod import;
mod layout;
mod leftover;
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
pub use layout::{Family, Layout};
pub(crate) use layout::{Recognised, Unused};
pub use pretrained::{Pretrained, Published};
pub use report::LoadReport;
pub use safetensors::write_safetensors;
pub use tensor_file::TensorFile;

pub use crate::mismatch::{Mismatch, Misshaped};
pub use crate::weight_layout::WeightLayout;
