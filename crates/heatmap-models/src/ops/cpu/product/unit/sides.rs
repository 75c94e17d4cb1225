//! [`Sides`]: what a tile is computed from.

use super::{Square, TILE, Terms};

/// The left squares of one or two rows of a tile, and the right squares of its columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) terms: Terms,
    /// For each step and plane a square.
    pub(super) upper: &'a [Square],
    /// As `upper`, for 16 more rows.
    pub(super) lower: Option<&'a [Square]>,
    /// For each step and plane a square for either half of the columns.
    pub(super) right: &'a [Square],
    /// What will be read next, to be brought into the cache meanwhile.
    pub(super) next: &'a [Square],
}

impl<'a> Sides<'a> {
    /// # Panics
    /// When the sides do not have the same number of steps.
    pub(super) fn new(
        terms: Terms,
        upper: &'a [Square],
        lower: Option<&'a [Square]>,
        right: &'a [Square],
        next: &'a [Square],
    ) -> Self {
        assert!(upper.len().is_multiple_of(terms.planes()), "whole steps");
        assert_eq!(right.len(), 2 * upper.len(), "the steps of the right side");
        assert!(lower.is_none_or(|lower| lower.len() == upper.len()), "the steps of both rows");
        Self { terms, upper, lower, right, next }
    }

    pub(super) fn steps(&self) -> usize {
        self.upper.len() / self.terms.planes()
    }
}

/// A tile of the result, row-major.
pub(super) type Tile = [[f32; TILE]; TILE];
