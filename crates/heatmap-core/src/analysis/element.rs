//! [`Element`]: the number types that features may have.

use std::ops::Sub;

use faer::traits::RealField;

/// The number type of features: `f32`, as networks write them, or `f64`. The trait is sealed.
pub trait Element:
    RealField + Copy + Into<f64> + Sub<Output = Self> + Send + Sync + private::Sealed
{
    /// Returns the value of this type that is nearest to `value`.
    fn rounded(value: f64) -> Self;

    /// Distance from 1 to the next larger value of this type.
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
