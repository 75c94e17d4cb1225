//! Lookup of published networks by [`ModelName`].

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::{BackboneConfig, Error, ModelName, Result, TensorFile};

impl ModelName {
    /// Returns the names of all published networks.
    pub fn all() -> impl Iterator<Item = Self> {
        BackboneConfig::published().map(|(name, _)| name)
    }

    /// Returns the configuration of the published network, with three input channels and no head.
    pub fn config(self) -> BackboneConfig {
        let mut published = BackboneConfig::published();
        let found = published.find(|(name, _)| *name == self);
        found.expect("a name is made from the list alone").1
    }

    /// Returns the configuration of the network with this name whose weights are in a file.
    /// Settings that the name leaves open, such as image size, channels and classes, are taken from
    /// the file.
    ///
    /// # Errors
    /// Returns an error when the file contains another network.
    pub fn config_of(self, file: &TensorFile) -> Result<BackboneConfig> {
        let asked = self.config();
        let found = asked.of_same_kind(file)?;
        if found.is_like(&asked) {
            return Ok(found);
        }
        let reason = format!("holds {}, which is not {self}", found.describe());
        Err(Error::bad_file(file.path(), reason))
    }
}

impl<'de> Deserialize<'de> for ModelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
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
        assert_eq!(ModelName::all().count(), 20);
        for name in ModelName::all() {
            assert_eq!(name.to_string().parse::<ModelName>().unwrap(), name);
            assert_eq!(
                matches!(name.config(), BackboneConfig::ResNet(_)),
                name.to_string().starts_with("resnet")
            );
        }
        assert_eq!("vit-b16".parse::<ModelName>().unwrap().config().feature_dim(), 768);
        assert_eq!("vit-s8".parse::<ModelName>().unwrap(), ModelName::VIT_S8);
        let small = "vit-s14".parse::<ModelName>().unwrap().config();
        assert_eq!((small.feature_dim(), small.size_multiple()), (384, 14));
        let error = "vit-b15".parse::<ModelName>().unwrap_err().to_string();
        assert!(error.starts_with("model `vit-b15`: not one of resnet18, "), "{error}");
    }

    #[test]
    fn no_two_networks_are_alike() {
        let all: Vec<_> = BackboneConfig::published().collect();
        for (at, (name, config)) in all.iter().enumerate() {
            for (other, like) in &all[..at] {
                assert!(!config.is_like(like) && name != other, "{name} and {other}");
            }
        }
    }
}
