//! [`Augmentation`]: the kinds of augmentation, and which classes they keep.

use crate::synth::Family;

/// One kind of augmentation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
#[non_exhaustive]
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
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

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

fn unknown(_name: &str) -> String {
    crate::one_of::<Augmentation>()
}
