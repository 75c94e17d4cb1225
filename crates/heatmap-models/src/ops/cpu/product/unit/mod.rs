//! Products with a matrix unit, which multiplies squares of bf16 and sums in f32.
//!
//! Both sides are converted to [`Square`]s of words, of which each has two values along the inner
//! dimension. With one square for each place this is a product in bf16. An f32 is the exact sum of
//! three values in bf16, its planes: multiplied plane by plane, without the pairs that do not
//! count, this is a product with the precision of f32, which can be faster than multiplying f32.

#[cfg(target_arch = "x86_64")]
mod amx;
mod emulated;
mod kernel;
mod left;
mod plain;
mod product;
mod range;
mod right;
mod sides;
mod split;
mod transposed;

pub(super) use left::Side;
pub(super) use product::product;
pub(super) use right::Right;
pub(super) use transposed::transposed_product;

/// Rows and words of a square.
pub(super) const SIDE: usize = 16;

/// Values along the inner dimension that are multiplied at a time, two in each word of a row.
pub(super) const STEP: usize = 2 * SIDE;

/// Rows and columns of the result that are computed at a time: two squares by two.
pub(super) const TILE: usize = 2 * SIDE;

/// What the matrix unit reads at a time: 16 rows of 16 words.
pub(super) type Square = [[f32; SIDE]; SIDE];

/// How many products of bf16 make a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    /// One: both values are rounded to bf16.
    One,
    /// Three, of the two largest planes of a value: off by about 2^-17 of each product.
    Three,
    /// Six, of three planes: all but those below 2^-25 of each product.
    Six,
}

impl Terms {
    /// Returns the number of values in bf16 that stand for a value.
    fn planes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Three => 2,
            Self::Six => 3,
        }
    }

    /// Returns the longest part of the inner dimension that is summed in the unit, in steps; the
    /// sums of the parts are added in f32. All planes of some rows stay in the L2 cache. Six
    /// products are rounded six times as often, so their sums are short.
    fn part(self) -> usize {
        match self {
            Self::One => 96,
            Self::Three => 48,
            Self::Six => 12,
        }
    }

    /// Returns the most rows of a result that a thread computes at a time.
    fn rows(self) -> usize {
        match self {
            Self::One => 384,
            Self::Three | Self::Six => 256,
        }
    }
}

/// A matrix unit, and what it is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(super) terms: Terms,
    /// Portable Rust instead, slower than f32: to see on any processor what it does to a network.
    pub(super) emulated: bool,
}

impl Unit {
    /// Returns the matrix unit of this processor, if it has one that may be used.
    pub(super) fn of_processor(terms: Terms) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if amx::granted() {
            return Some(Self { terms, emulated: false });
        }
        let _ = terms;
        None
    }

    /// Returns whether it is worth converting both sides, of which the right one has these sizes. A
    /// value of the left side is multiplied with all columns; six products take three planes of it.
    pub(super) fn pays(self, (rows, columns): (usize, usize)) -> bool {
        self.is_much_faster() || rows >= 512 && columns >= 512
    }

    /// Returns whether it is worth converting the right side for so many rows of the left one.
    pub(super) fn pays_for(self, rows: usize) -> bool {
        self.is_much_faster() || rows >= 256
    }

    /// Returns whether it is faster than vectors for almost all sizes. The portable one stands in
    /// for it.
    fn is_much_faster(self) -> bool {
        self.emulated || self.terms != Terms::Six
    }
}

/// Returns aligned values as squares.
fn squares(values: &[f32]) -> &[Square] {
    values.as_chunks().0.as_chunks().0
}

/// Returns aligned values as squares, for writing.
fn squares_mut(values: &mut [f32]) -> &mut [Square] {
    values.as_chunks_mut().0.as_chunks_mut().0
}
