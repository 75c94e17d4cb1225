//! [`Element`]: the two kinds of numbers that features come in.

use std::ops::Sub;

use faer::traits::RealField;

/// `f32`, as networks write features, or `f64`. Nobody else can implement it.
pub trait Element:
    RealField + Copy + Into<f64> + Sub<Output = Self> + Send + Sync + private::Sealed
{
    /// The nearest value of this type.
    fn rounded(value: f64) -> Self;

    /// Distance from 1 to the next value.
    const EPSILON: f64;
}

impl Element for f32 {
    fn rounded(value: f64) -> Self {
        value as Self
    }

    const EPSILON: f64 = Self::EPSILON as f64;
}

impl Element for f64 {
    fn rounded(value: f64) -> Self {
        value
    }

    const EPSILON: f64 = Self::EPSILON;
}

mod private {
    #[allow(unnameable_types, reason = "that is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
