//! [`WeightLayout`]: the ways in which programs name the tensors of a network.

use std::fmt;

/// A way to name tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WeightLayout {
    /// torchvision; for residual networks timm too.
    Torchvision,
    /// timm.
    Timm,
    /// transformers, as it writes files.
    HuggingFace,
    /// transformers from version 5 on, as `state_dict()` gives it.
    HuggingFaceMemory,
    /// `torch.nn.Sequential(*network.children())`, as lightly's recipes keep a torchvision
    /// backbone.
    Sequential,
}

impl WeightLayout {
    pub(crate) const ALL: [Self; 5] = [
        Self::Torchvision,
        Self::Timm,
        Self::HuggingFace,
        Self::HuggingFaceMemory,
        Self::Sequential,
    ];
}

impl fmt::Display for WeightLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torchvision => "torchvision",
            Self::Timm => "timm",
            Self::HuggingFace => "hugging-face",
            Self::HuggingFaceMemory => "hugging-face-memory",
            Self::Sequential => "sequential",
        })
    }
}
