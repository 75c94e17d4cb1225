//! [`Pretrained`]: networks that read and write the weights of other programs.

use std::path::Path;

use burn::module::Module;

use super::layout::Family;
use super::{LoadOptions, LoadReport, TensorFile, export, import};
use crate::Result;
use crate::weight_layout::WeightLayout;

/// A network that can load weights of other programs, and save its own for them.
pub trait Pretrained: Module + Published {
    /// Loads the weights of a file into the network, and reports what was loaded. The state dict
    /// layout is recognised by the names in the file, after any prefix (`module.`, `backbone.`,
    /// `state_dict.`, ...).
    ///
    /// # Errors
    /// When the layout is not known, when a tensor is missing, left over or of another shape (the
    /// error lists all of them), or when the file cannot be read.
    fn load_weights(self, file: &TensorFile, options: &LoadOptions) -> Result<(Self, LoadReport)> {
        import::load(self, Self::FAMILY, file, options)
    }

    /// Writes the network to a safetensors file that the programs of `layout` can load.
    ///
    /// # Errors
    /// When the layout has no name for a tensor of the network, or the file cannot be written.
    fn save_weights(&self, path: impl AsRef<Path>, layout: WeightLayout) -> Result<()> {
        export::save(self, Self::FAMILY, path.as_ref(), layout)
    }
}

/// A network with known state dict layouts; the networks of this crate implement it.
pub trait Published {
    /// The known layouts.
    const FAMILY: &'static Family;
}

impl<M: Module + Published> Pretrained for M {}
