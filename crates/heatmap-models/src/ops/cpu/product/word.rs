//! Words: pairs of bf16 in the bits of an f32.
//!
//! A kernel for bf16 multiplies two neighbouring values along the inner dimension at a time, and
//! adds both products to a sum in f32. So a matrix in bf16 is a matrix of half as many words, which
//! is stored, split and read like one in f32. Values are rounded to nearest, ties to even.

/// Rounds two values to bf16, the first into the lower half.
#[inline(always)]
pub(super) fn word(first: f32, second: f32) -> f32 {
    f32::from_bits((rounded(first) >> 16) | (rounded(second) & 0xFFFF_0000))
}

/// Rounds to bf16, in the upper half of the bits. NaN stays NaN.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    // Adds a half of the last place that stays, or a little less if that place is even.
    let nearest = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
    if value.is_nan() { bits | 0x0040_0000 } else { nearest }
}

/// Returns the two values of a word.
#[inline(always)]
pub(super) fn values(word: f32) -> (f32, f32) {
    let bits = word.to_bits();
    (f32::from_bits(bits << 16), f32::from_bits(bits & 0xFFFF_0000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_bf16() {
        for (value, expected) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0),
            (-0.0, -0.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            let (first, second) = values(word(value, -value));
            assert_eq!((first.to_bits(), second), (f32::to_bits(expected), -expected), "{value}");
            assert_eq!(half::bf16::from_f32(value).to_f32(), expected, "as the half crate has it");
        }
        assert!(values(word(f32::from_bits(0x7F80_0001), 0.0)).0.is_nan());
    }
}
