//! [`ModelName`]: networks by the names that people use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BackboneConfig, Error, ResNetConfig, Result, TensorFile, VitConfig};

/// `resnet18` to `resnet152`, or `vit-SIZEPATCH` such as `vit-b16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ModelName {
    /// A residual network of so many layers: 18, 34, 50, 101 or 152.
    ResNet(u16),
    /// A vision transformer and the side of a patch in px: 8, 16 or 32.
    Vit(VitSize, u8),
}

/// Sizes of vision transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VitSize {
    /// `ti`
    Tiny,
    /// `s`
    Small,
    /// `b`
    Base,
    /// `l`
    Large,
}

const VIT_SIZES: [VitSize; 4] = [VitSize::Tiny, VitSize::Small, VitSize::Base, VitSize::Large];
const VIT_PATCHES: [u8; 3] = [8, 16, 32];

impl ModelName {
    /// All names.
    pub fn all() -> impl Iterator<Item = Self> {
        let vits =
            VIT_SIZES.into_iter().flat_map(|size| VIT_PATCHES.map(|patch| Self::Vit(size, patch)));
        [18, 34, 50, 101, 152].into_iter().map(Self::ResNet).chain(vits)
    }

    /// The network of this name whose weights a file holds; image size, channels and classes are
    /// the file's.
    ///
    /// # Errors
    /// When the file holds another network.
    pub fn config_of(self, file: &TensorFile) -> Result<BackboneConfig> {
        let asked = self.config();
        let found = asked.of_same_kind(file)?;
        if found.is_like(&asked) {
            return Ok(found);
        }
        Err(Error::bad_file(
            file.path(),
            format!("holds {}, which is not {self}", found.describe()),
        ))
    }

    /// The network as published, for three colours and without a head.
    ///
    /// # Panics
    /// When no residual network has so many layers.
    pub fn config(self) -> BackboneConfig {
        match self {
            Self::ResNet(18) => BackboneConfig::ResNet(ResNetConfig::resnet18()),
            Self::ResNet(34) => BackboneConfig::ResNet(ResNetConfig::resnet34()),
            Self::ResNet(50) => BackboneConfig::ResNet(ResNetConfig::resnet50()),
            Self::ResNet(101) => BackboneConfig::ResNet(ResNetConfig::resnet101()),
            Self::ResNet(152) => BackboneConfig::ResNet(ResNetConfig::resnet152()),
            Self::Vit(VitSize::Tiny, patch) => BackboneConfig::Vit(VitConfig::tiny(patch.into())),
            Self::Vit(VitSize::Small, patch) => BackboneConfig::Vit(VitConfig::small(patch.into())),
            Self::Vit(VitSize::Base, patch) => BackboneConfig::Vit(VitConfig::base(patch.into())),
            Self::Vit(VitSize::Large, patch) => BackboneConfig::Vit(VitConfig::large(patch.into())),
            Self::ResNet(layers) => panic!("no ResNet has {layers} layers"),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResNet(layers) => write!(f, "resnet{layers}"),
            Self::Vit(size, patch) => {
                let size = match size {
                    VitSize::Tiny => "ti",
                    VitSize::Small => "s",
                    VitSize::Base => "b",
                    VitSize::Large => "l",
                };
                write!(f, "vit-{size}{patch}")
            }
        }
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ModelName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|known| known.to_string() == name).ok_or_else(|| {
            let known: Vec<String> = Self::all().map(|known| known.to_string()).collect();
            let reason = format!("not one of {}", known.join(", "));
            Error::Unknown { what: "model", value: name.to_owned(), reason }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_have_a_network() {
        assert_eq!(ModelName::all().count(), 17);
        for name in ModelName::all() {
            assert_eq!(name.to_string().parse::<ModelName>().unwrap(), name);
            assert_eq!(
                matches!(name.config(), BackboneConfig::ResNet(_)),
                name.to_string().starts_with("resnet")
            );
        }
        assert_eq!("vit-b16".parse::<ModelName>().unwrap().config().feature_dim(), 768);
        let error = "vit-b14".parse::<ModelName>().unwrap_err().to_string();
        assert!(error.starts_with("model `vit-b14`: not one of resnet18, "), "{error}");
    }
}
