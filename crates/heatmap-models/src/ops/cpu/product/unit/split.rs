//! Splitting f32 into planes of words.
//!
//! A word has a value of the first half of a step and one of the second, in bf16, so that whole
//! vectors are split. Values are rounded to the nearest for each plane, from what the planes before
//! have left; the third plane has what is left, exactly.

use pulp::NullaryFnOnce;

use super::super::super::simd::Instructions;
use super::super::word::word;
use super::{SIDE, Terms, Unit};

/// Splits vectors, and turns squares.
pub(super) trait Split: Copy {
    /// Splits 16 values of either half of a step into a word for each lane, plane by plane.
    fn words<const PLANES: usize>(
        self,
        first: [f32; SIDE],
        second: [f32; SIDE],
    ) -> [[f32; SIDE]; PLANES];

    /// Makes rows of columns.
    fn transposed(self, square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE];
}

/// What is done with split values.
pub(super) trait SplitWork {
    type Output;

    /// Does it with so many planes.
    fn run<const PLANES: usize>(self, split: impl Split) -> Self::Output;
}

/// Does some work, compiled for the instructions of the processor, unless the unit is emulated.
pub(super) fn run<W: SplitWork>(work: W, unit: Unit) -> W::Output {
    match Instructions::best() {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512(token) if !unit.emulated => {
            pulp::Simd::vectorize(token, On { work, split: token, terms: unit.terms })
        }
        _ => On { work, split: Portable, terms: unit.terms }.call(),
    }
}

/// Some work, and with what it is done. A closure would not be inlined, and so not be compiled for
/// the instructions.
struct On<W, S> {
    work: W,
    split: S,
    terms: Terms,
}

impl<W: SplitWork, S: Split> NullaryFnOnce for On<W, S> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        match self.terms {
            Terms::One => self.work.run::<1>(self.split),
            Terms::Three => self.work.run::<2>(self.split),
            Terms::Six => self.work.run::<3>(self.split),
        }
    }
}

/// The values of the upper half of a word, or of the sum of planes.
const UPPER: u32 = 0xFFFF_0000;

/// Splits in portable Rust.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Split for Portable {
    #[inline(always)]
    fn words<const PLANES: usize>(
        self,
        mut first: [f32; SIDE],
        mut second: [f32; SIDE],
    ) -> [[f32; SIDE]; PLANES] {
        let mut planes = [[0.0; SIDE]; PLANES];
        for plane in &mut planes {
            for lane in 0..SIDE {
                plane[lane] = word(first[lane], second[lane]);
                let bits = plane[lane].to_bits();
                first[lane] -= f32::from_bits(bits << 16);
                second[lane] -= f32::from_bits(bits & UPPER);
            }
        }
        planes
    }

    #[inline(always)]
    fn transposed(self, square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        std::array::from_fn(|column| std::array::from_fn(|row| square[row][column]))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{__m512, __m512d, __m512i, _CMP_UNORD_Q};

    use pulp::cast;
    use pulp::x86::V4;

    use super::{SIDE, Split, UPPER};

    impl Split for V4 {
        #[inline(always)]
        fn words<const PLANES: usize>(
            self,
            first: [f32; SIDE],
            second: [f32; SIDE],
        ) -> [[f32; SIDE]; PLANES] {
            let f = self.avx512f;
            let (mut first, mut second): (__m512, __m512) = (cast(first), cast(second));
            let mut planes = [[0.0; SIDE]; PLANES];
            let upper = f._mm512_set1_epi32(UPPER.cast_signed());
            for (at, plane) in planes.iter_mut().enumerate() {
                // Only a product in bf16 meets NaN, and rounds ties to even.
                let (one, other) = if PLANES == 1 {
                    (nearest_even(self, first), nearest_even(self, second))
                } else {
                    (nearest(self, first), nearest(self, second))
                };
                // lower | (upper & other)
                let lower = f._mm512_srli_epi32::<16>(one);
                *plane = cast(f._mm512_ternarylogic_epi32::<0xF8>(lower, upper, other));
                if at + 1 < PLANES {
                    first = f._mm512_sub_ps(first, cast(f._mm512_and_epi32(one, upper)));
                    second = f._mm512_sub_ps(second, cast(f._mm512_and_epi32(other, upper)));
                }
            }
            planes
        }

        #[inline(always)]
        fn transposed(self, square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
            let f = self.avx512f;
            // Loops rather than closures, which would not be compiled for these instructions.
            let mut rows: [__m512; SIDE] = cast(square);
            // Of two rows, then of four: each quarter of a vector has the values of a column.
            for at in (0..SIDE).step_by(2) {
                let (one, other) = (rows[at], rows[at + 1]);
                rows[at] = f._mm512_unpacklo_ps(one, other);
                rows[at + 1] = f._mm512_unpackhi_ps(one, other);
            }
            let mut fours = rows;
            for at in (0..SIDE).step_by(4) {
                for pair in 0..2 {
                    let (one, other): (__m512d, __m512d) =
                        (cast(rows[at + pair]), cast(rows[at + 2 + pair]));
                    fours[at + 2 * pair] = cast(f._mm512_unpacklo_pd(one, other));
                    fours[at + 2 * pair + 1] = cast(f._mm512_unpackhi_pd(one, other));
                }
            }
            // `fours[4 * group + column]` has columns `column`, `column + 4`, and so on, of the
            // rows of a group. The quarters of one column are brought together.
            let mut eights = fours;
            for column in 0..4 {
                for half in 0..2 {
                    let (one, other) = (fours[8 * half + column], fours[8 * half + 4 + column]);
                    eights[8 * half + column] = f._mm512_shuffle_f32x4::<0x88>(one, other);
                    eights[8 * half + 4 + column] = f._mm512_shuffle_f32x4::<0xDD>(one, other);
                }
            }
            let mut columns = eights;
            for column in 0..8 {
                let (one, other) = (eights[column], eights[8 + column]);
                columns[column] = f._mm512_shuffle_f32x4::<0x88>(one, other);
                columns[8 + column] = f._mm512_shuffle_f32x4::<0xDD>(one, other);
            }
            cast(columns)
        }
    }

    /// Rounds finite values to bf16, ties away from zero, in the upper half of the bits.
    #[inline(always)]
    fn nearest(token: V4, values: __m512) -> __m512i {
        token.avx512f._mm512_add_epi32(cast(values), token.avx512f._mm512_set1_epi32(0x8000))
    }

    /// Rounds to bf16, ties to even, in the upper half of the bits. NaN stays NaN.
    #[inline(always)]
    fn nearest_even(token: V4, values: __m512) -> __m512i {
        let f = token.avx512f;
        let bits: __m512i = cast(values);
        let last = f._mm512_and_epi32(f._mm512_srli_epi32::<16>(bits), f._mm512_set1_epi32(1));
        let half = f._mm512_add_epi32(last, f._mm512_set1_epi32(0x7FFF));
        let nan = f._mm512_cmp_ps_mask::<_CMP_UNORD_Q>(values, values);
        let rounded = f._mm512_add_epi32(bits, half);
        f._mm512_mask_or_epi32(rounded, nan, bits, f._mm512_set1_epi32(0x0040_0000))
    }
}

/// Returns the first 16 values, or those that there are and zeros.
#[inline(always)]
pub(super) fn lanes(values: &[f32]) -> [f32; SIDE] {
    if let Some(values) = values.first_chunk() {
        return *values;
    }
    let mut lanes = [0.0; SIDE];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}
