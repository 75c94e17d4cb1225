//! [`Range`]: how large and how small the values of a side are.

use super::SIDE;

/// Magnitudes, as the bits of an f32, which have their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Range {
    /// The smallest of the largest magnitudes of every row, or column, that is not zero.
    least: u32,
    /// The largest magnitude of all.
    greatest: u32,
}

/// The largest magnitude of each of 16 columns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lanes([u32; SIDE]);

impl Lanes {
    #[inline(always)]
    pub(super) fn include(&mut self, values: &[f32; SIDE]) {
        for (most, value) in self.0.iter_mut().zip(values) {
            *most = (*most).max(magnitude(*value));
        }
    }
}

impl Lanes {
    /// Returns the largest magnitudes, as bits.
    pub(super) fn bits(&self) -> impl Iterator<Item = u32> {
        self.0.into_iter()
    }
}

/// Returns the bits of a magnitude; those of infinity and NaN are the largest.
#[inline(always)]
fn magnitude(value: f32) -> u32 {
    value.to_bits() & 0x7FFF_FFFF
}

/// Returns the largest magnitude.
#[inline(always)]
pub(super) fn largest(values: &[f32]) -> u32 {
    values.iter().fold(0, |most, value| most.max(magnitude(*value)))
}

impl Range {
    /// The range of no values.
    pub(in super::super) const EMPTY: Self = Self { least: u32::MAX, greatest: 0 };

    /// Returns the range of a row or column with this largest magnitude.
    pub(super) fn of(largest: u32) -> Self {
        let mut range = Self::EMPTY;
        range.include(largest);
        range
    }

    /// Widens the range by the largest magnitude of a row or column.
    pub(super) fn include(&mut self, largest: u32) {
        if largest > 0 {
            self.least = self.least.min(largest);
        }
        self.greatest = self.greatest.max(largest);
    }

    pub(super) fn include_lanes(&mut self, lanes: &Lanes) {
        lanes.bits().for_each(|largest| self.include(largest));
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), greatest: self.greatest.max(other.greatest) }
    }

    /// Returns whether planes keep the precision of such values: a unit takes numbers below the
    /// smallest normal one, 2^-126, for zero, and rounding must not give infinity. Not for infinity
    /// and NaN.
    pub(in super::super) fn can_be_split(self) -> bool {
        const LEAST: f32 = f32::from_bits((127 - 100) << 23);
        const MOST: f32 = f32::from_bits((127 + 126) << 23);
        self.least >= LEAST.to_bits() && self.greatest <= MOST.to_bits()
    }

    /// Returns whether products of planes of such values keep the precision of f32, too.
    pub(super) fn can_multiply(self, other: Self) -> bool {
        const LEAST: f64 = 1e-30;
        const MOST: f64 = 1e38;
        let product = |one: u32, other: u32| {
            f64::from(f32::from_bits(one)) * f64::from(f32::from_bits(other))
        };
        let zeros = self.greatest == 0 || other.greatest == 0;
        self.can_be_split()
            && other.can_be_split()
            && (zeros
                || product(self.least, other.least) > LEAST
                    && product(self.greatest, other.greatest) < MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(rows: &[&[f32]]) -> Range {
        let mut range = Range::EMPTY;
        rows.iter().for_each(|row| range.include(largest(row)));
        range
    }

    #[test]
    fn only_values_that_keep_their_precision_are_split() {
        let usual = range(&[&[0.5, -3.0], &[0.0, 0.0], &[1e-20, 0.0]]);
        assert!(usual.can_be_split() && usual.can_multiply(range(&[&[1.0, 1e-44]])));
        assert!(range(&[&[0.0]]).can_be_split());
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-38, -1e-44] {
            assert!(!range(&[&[1.0], &[wrong]]).can_be_split(), "{wrong}");
        }
        assert!(!usual.can_multiply(range(&[&[1e-12]])), "a sum below 1e-30");
        assert!(!usual.can_multiply(range(&[&[1e38]])), "a product above the largest number");
        assert!(usual.can_multiply(range(&[&[0.0, 0.0]])));
    }
}
