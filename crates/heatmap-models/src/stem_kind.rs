//! [`StemKind`]: the choices for the first layers of a residual network.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Selects the stem of a residual network, that is, the layers before the first stage.
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
    /// A 3x3 convolution with stride 1 and no pooling, for small images. Height and width are kept.
    /// SimCLR uses this stem on CIFAR-10 (appendix B.9).
    #[serde(alias = "SmallImage")]
    SmallImage,
    /// A 5x5 convolution with stride 2 and no pooling. Height and width shrink to half, so detail
    /// and cost are between those of the other two stems. No published network has this stem. The
    /// kernel size 5 makes it recognisable in a weight file, where the three stems differ in the
    /// kernel size of the convolution.
    #[serde(alias = "HalfImage")]
    HalfImage,
}

impl StemKind {
    /// All kinds of stem.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name of the stem on a command line, in kebab case.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn unknown(name: &str) -> Error {
    Error::unknown::<StemKind>("stem", name)
}
