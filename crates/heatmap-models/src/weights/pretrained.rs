//! [`Pretrained`]: networks that read and write the weights of other programs.

use std::path::Path;

use burn::module::Module;

use super::layout::Family;
use super::{LoadOptions, LoadReport, TensorFile, export, import};
use crate::Result;
use crate::weight_layout::WeightLayout;

/// A network whose weights other programs read and write.
pub trait Pretrained: Module + Published {
    /// The network with the weights of a file, and what was loaded. The layout is recognised by the
    /// names in the file, behind any prefix (`module.`, `backbone.`, `state_dict.`, ...).
    ///
    /// # Errors
    /// When the layout is not known, when anything is missing, left over or of another shape (the
    /// error lists it all), or when the file cannot be read.
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

/// Implemented by the networks of this crate.
pub trait Published {
    /// How the world names its tensors.
    const FAMILY: &'static Family;
}

impl<M: Module + Published> Pretrained for M {}
