//! [`ModelName`]: networks by the names that people use.

use std::fmt;
use std::str::FromStr;

use heatmap_models::{ResNetConfig, VitConfig};
use serde::Serialize;

use crate::{Error, Result};

/// `resnet18` to `resnet152`, or `vit-SIZEPATCH` such as `vit-b16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum ModelName {
    /// A residual network of so many layers: 18, 34, 50, 101 or 152.
    ResNet(u16),
    /// A vision transformer: `ti`, `s`, `b` or `l`, and the side of a patch in px, 8, 16 or 32.
    Vit(&'static str, u8),
}

const VIT_SIZES: [&str; 4] = ["ti", "s", "b", "l"];
const VIT_PATCHES: [u8; 3] = [8, 16, 32];

impl ModelName {
    /// All names.
    pub fn all() -> impl Iterator<Item = Self> {
        let vits = VIT_SIZES.into_iter().flat_map(|size| VIT_PATCHES.map(|patch| Self::Vit(size, patch)));
        [18, 34, 50, 101, 152].into_iter().map(Self::ResNet).chain(vits)
    }

    /// The configuration, if this is a residual network.
    pub fn resnet(self) -> Option<ResNetConfig> {
        match self {
            Self::ResNet(18) => Some(ResNetConfig::resnet18()),
            Self::ResNet(34) => Some(ResNetConfig::resnet34()),
            Self::ResNet(50) => Some(ResNetConfig::resnet50()),
            Self::ResNet(101) => Some(ResNetConfig::resnet101()),
            Self::ResNet(152) => Some(ResNetConfig::resnet152()),
            _ => None,
        }
    }

    /// The configuration, if this is a vision transformer.
    pub fn vit(self) -> Option<VitConfig> {
        match self {
            Self::Vit("ti", patch) => Some(VitConfig::tiny(patch.into())),
            Self::Vit("s", patch) => Some(VitConfig::small(patch.into())),
            Self::Vit("b", patch) => Some(VitConfig::base(patch.into())),
            Self::Vit("l", patch) => Some(VitConfig::large(patch.into())),
            _ => None,
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResNet(layers) => write!(f, "resnet{layers}"),
            Self::Vit(size, patch) => write!(f, "vit-{size}{patch}"),
        }
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|known| known.to_string() == name).ok_or_else(|| {
            let known: Vec<String> = Self::all().map(|known| known.to_string()).collect();
            Error::config("model", name, format!("not one of {}", known.join(", ")))
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
            assert!(name.resnet().is_some() != name.vit().is_some(), "{name}");
        }
        assert_eq!("vit-b16".parse::<ModelName>().unwrap().vit().unwrap().embed_dim, 768);
        let error = "vit-b14".parse::<ModelName>().unwrap_err().to_string();
        assert!(error.starts_with("`model` = vit-b14: not one of resnet18, "), "{error}");
    }
}
