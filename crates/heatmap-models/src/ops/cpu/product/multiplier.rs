//! [`Multiplier`]: what a product is computed with.

use super::super::simd::has_bf16;
use super::tile::kernel_name;
use super::unit::{Terms, Unit};

/// What a product is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Multiplier {
    /// The vector instructions that multiply and add, in f32.
    Vector,
    /// The vector instruction of AVX512_BF16, two products for each of 16 sums.
    VectorBf16,
    /// A matrix unit, whose products of bf16 make a product in f32, too.
    Unit(Unit),
}

impl Multiplier {
    /// Returns the fastest for the precision of f32 on this processor.
    pub(crate) fn f32() -> Self {
        Self::of_unit(Terms::Six).unwrap_or(Self::Vector)
    }

    /// Returns the matrix unit of this processor, if it has one.
    pub(super) fn of_unit(terms: Terms) -> Option<Self> {
        Unit::of_processor(terms).map(Self::Unit)
    }

    /// Returns the fastest for bf16, if this processor has one.
    pub(super) fn bf16() -> Option<Self> {
        Self::of_unit(Terms::One).or_else(|| has_bf16().then_some(Self::VectorBf16))
    }

    /// Returns that of portable Rust for some products of bf16.
    pub(super) fn emulated(terms: Terms) -> Self {
        Self::Unit(Unit { terms, emulated: true })
    }

    /// Returns all of this processor that round to bf16 once, and the portable one.
    #[cfg(test)]
    pub(crate) fn all_bf16() -> Vec<Self> {
        let mut all = vec![Self::emulated(Terms::One)];
        all.extend(Self::of_unit(Terms::One));
        all.extend(has_bf16().then_some(Self::VectorBf16));
        all
    }

    /// Returns all of this processor for the precision of f32, and the portable ones.
    #[cfg(test)]
    pub(crate) fn all_f32() -> Vec<Self> {
        let all = [Self::Vector, Self::emulated(Terms::Six)];
        all.into_iter().chain(Self::of_unit(Terms::Six)).collect()
    }

    #[cfg(test)]
    pub(super) fn is_emulated(self) -> bool {
        matches!(self, Self::Unit(Unit { emulated: true, .. }))
    }

    /// Returns what to multiply with if the right side has these rows and columns: a matrix unit
    /// only where it pays.
    pub(super) fn for_sizes(self, sizes: (usize, usize)) -> Self {
        match self {
            Self::Unit(unit) if !unit.pays(sizes) => Self::Vector,
            other => other,
        }
    }

    /// Returns what to multiply a left side of so many rows with: a matrix unit for the precision
    /// of f32 only where enough rows share the planes of the right side, which are half as large
    /// again.
    pub(crate) fn for_rows(self, rows: usize) -> Self {
        match self {
            Self::Unit(unit) if !unit.pays_for(rows) => Self::Vector,
            other => other,
        }
    }

    /// Returns whether it rounds both sides to bf16.
    pub(crate) fn rounds(self) -> bool {
        match self {
            Self::Vector => false,
            Self::VectorBf16 => true,
            Self::Unit(unit) => unit.terms == Terms::One,
        }
    }

    /// Returns whether it is a matrix unit, much faster than vector instructions.
    pub(crate) fn is_unit(self) -> bool {
        matches!(self, Self::Unit(_))
    }

    /// Returns the name, for reports of measurements.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Vector => kernel_name(),
            Self::VectorBf16 => "avx512 bf16".to_owned(),
            Self::Unit(Unit { terms, emulated }) => {
                let unit = if emulated { "portable" } else { "amx" };
                let terms = match terms {
                    Terms::One => "bf16",
                    Terms::Three => "bf16 x 3",
                    Terms::Six => "bf16 x 6",
                };
                format!("{unit} {terms}")
            }
        }
    }
}
