//! [`DeviceName`]: the compute backend of a program, chosen at run time.

use burn::tensor::Device;
use heatmap_core::one_of;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Names a backend.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum DeviceName {
    /// Flex, Burn's own CPU backend.
    #[default]
    Cpu,
    /// A GPU, or a software implementation of one, through wgpu (feature `wgpu`).
    Wgpu,
    /// The ndarray CPU backend (feature `ndarray`), deprecated upstream and very slow at training.
    Ndarray,
}

impl DeviceName {
    /// All variants.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Opens the default device of this backend.
    ///
    /// # Errors
    /// Returns an error when the program was built without the backend, or when the machine has no
    /// suitable adapter (GPU).
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Wgpu => self.open_wgpu(),
            Self::Ndarray => self.open_ndarray(),
        }
    }

    /// Opens several devices for data-parallel training. On the CPU, each is a separate worker
    /// thread.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`DeviceName::open`], and when the machine has
    /// fewer than `count` adapters.
    pub fn open_many(self, count: usize) -> Result<Vec<Device>> {
        let first = self.open()?;
        match self {
            Self::Cpu | Self::Ndarray => Ok(vec![first; count]),
            Self::Wgpu if count == 1 => Ok(vec![first]),
            Self::Wgpu => self.open_adapters(count),
        }
    }

    #[cfg(feature = "wgpu")]
    fn open_adapters(self, count: usize) -> Result<Vec<Device>> {
        let mut found = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec();
        if found.len() < count {
            return Err(self.error(&format!(
                "{count} adapters asked for, {} found on this machine",
                found.len()
            )));
        }
        found.truncate(count);
        Ok(found)
    }

    #[cfg(not(feature = "wgpu"))]
    fn open_adapters(self, _count: usize) -> Result<Vec<Device>> {
        Err(self.error("not part of this build; build with `--features wgpu`"))
    }

    #[cfg(feature = "wgpu")]
    fn open_wgpu(self) -> Result<Device> {
        use burn::tensor::{DeviceKind, DeviceType};
        // Without any adapter, wgpu returns an empty list or, in some versions, panics; the user
        // should see a proper error in both cases.
        let found =
            std::panic::catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec().len())
                .unwrap_or(0);
        if found == 0 {
            return Err(self.error("no adapter found on this machine"));
        }
        Ok(Device::wgpu(DeviceKind::DefaultDevice))
    }

    #[cfg(not(feature = "wgpu"))]
    fn open_wgpu(self) -> Result<Device> {
        Err(self.error("not part of this build; build with `--features wgpu`"))
    }

    #[cfg(feature = "ndarray")]
    #[allow(deprecated, reason = "offered for comparison as long as Burn has it")]
    fn open_ndarray(self) -> Result<Device> {
        Ok(Device::ndarray())
    }

    #[cfg(not(feature = "ndarray"))]
    fn open_ndarray(self) -> Result<Device> {
        Err(self.error("not part of this build; build with `--features ndarray`"))
    }

    #[allow(dead_code, reason = "unused when every backend is built in")]
    fn error(self, reason: &str) -> Error {
        Error::Device { name: self.to_string(), reason: reason.to_owned() }
    }
}

fn unknown(name: &str) -> Error {
    Error::Device { name: name.to_owned(), reason: one_of::<DeviceName>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for &name in DeviceName::ALL {
            assert_eq!(name.to_string().parse::<DeviceName>().unwrap(), name);
        }
        let error = "cuda".parse::<DeviceName>().unwrap_err().to_string();
        assert_eq!(error, "device `cuda`: not one of cpu, wgpu, ndarray");
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn a_backend_that_is_not_built_in_says_how_to_get_it() {
        assert!(DeviceName::Wgpu.open().unwrap_err().to_string().contains("--features wgpu"));
    }
}
