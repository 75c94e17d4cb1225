//! [`Augmentation`]: the kinds of augmentation, and which classes they keep.

use std::fmt;
use std::str::FromStr;

use crate::synth::Family;

/// One kind of augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Augmentation {
    /// A random part of the banner, stretched over all of it.
    Crop,
    /// Left and right change places.
    FlipHorizontal,
    /// Top and bottom change places.
    FlipVertical,
    /// Every click moves by Gaussian noise.
    Blur,
    /// Every click stays with the same probability.
    Intensity,
    /// Clicks are drawn with replacement, as many as there are.
    Bootstrap,
    /// Clicks at random places are added.
    Noise,
}

impl Augmentation {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Crop,
        Self::FlipHorizontal,
        Self::FlipVertical,
        Self::Blur,
        Self::Intensity,
        Self::Bootstrap,
        Self::Noise,
    ];

    /// Whether the augmentation keeps the class of samples of `family`, at the strengths of
    /// [`AugmentConfig::default`](super::AugmentConfig).
    ///
    /// A crop changes the number of clusters or lines. Layouts of products have a top and a bottom,
    /// and what makes a banner broken may be noise, a blur or a place, so only `Intensity` and
    /// `Bootstrap` keep their classes.
    pub fn keeps(self, family: &Family) -> bool {
        match (self, family) {
            (Self::Intensity | Self::Bootstrap, _) => true,
            (_, Family::Mixture(parts)) => parts.iter().all(|part| self.keeps(part)),
            (Self::Crop, _) => false,
            (_, Family::Clusters(_) | Family::Lines(_)) => true,
            (_, Family::Products(_) | Family::Broken(_)) => false,
        }
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Crop => "crop",
            Self::FlipHorizontal => "flip-horizontal",
            Self::FlipVertical => "flip-vertical",
            Self::Blur => "blur",
            Self::Intensity => "intensity",
            Self::Bootstrap => "bootstrap",
            Self::Noise => "noise",
        })
    }
}

impl FromStr for Augmentation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.to_string() == name);
        known.ok_or_else(|| {
            format!("not one of {}", Self::ALL.map(|known| known.to_string()).join(", "))
        })
    }
}
