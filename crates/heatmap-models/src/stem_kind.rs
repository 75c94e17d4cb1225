//! [`StemKind`]: the first layers of a network.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The kind of stem, the first layers of a network.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum StemKind {
    /// A 7x7 convolution with stride 2, then 3x3 max pooling with stride 2. Height and width shrink
    /// to a quarter.
    #[serde(alias = "Standard")]
    Standard,
    /// A 3x3 convolution with stride 1 and no pooling, for small images (SimCLR, appendix B.9, on
    /// CIFAR-10).
    #[serde(alias = "SmallImage")]
    SmallImage,
    /// A 5x5 convolution with stride 2 and no pooling. Height and width shrink to half, which lies
    /// between the other two in detail and cost. No published network has this stem. In a weight
    /// file, the three are told apart by the size of this kernel.
    #[serde(alias = "HalfImage")]
    HalfImage,
}

impl StemKind {
    /// All kinds of stem.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name, as it is written on a command line.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn unknown(name: &str) -> Error {
    Error::unknown::<StemKind>("stem", name)
}
