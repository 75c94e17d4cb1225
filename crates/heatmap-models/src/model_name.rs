//! [`ModelName`]: the name of a published network.

use std::fmt;

use serde::{Serialize, Serializer};

/// The usual name of a published network, such as `resnet50` or `vit-b16` (ViT-B with patches of 16
/// px). [`str::parse`] reads a name. Each name is also a constant, such as
/// [`ModelName::RESNET_50`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelName(&'static str);

impl ModelName {
    /// Creates a name. Every name must also be in the `PUBLISHED` list of an encoder, where
    /// [`ModelName::config`] looks it up.
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
