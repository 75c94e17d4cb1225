//! [`ModelName`]: the name of a published network.

use std::fmt;

use serde::{Serialize, Serializer};

/// The name of a network as people know it, such as `resnet50` or `vit-b16` (ViT-B with patches of
/// 16 px). Names are read by [`str::parse`], and those of an encoder are constants beside its
/// configuration, such as [`ModelName::RESNET_50`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelName(&'static str);

impl ModelName {
    /// Makes a name; it is one only if an encoder has it in its list of published networks.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl Serialize for ModelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
