//! Random number generators by (seed, index): sample i depends neither on who made samples 0..i nor
//! on how many threads did.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The random number generator of every synthetic sample: xoshiro256++, whose stream is defined by
/// its algorithm alone.
pub type SampleRng = Xoshiro256PlusPlus;

/// Makes the generator for sample `index` of the data set with this `seed`.
pub fn sample_rng(seed: u64, index: u64) -> SampleRng {
    // The state is four words of hash, two for each of the two numbers: neighbouring indices under
    // one seed must not give related states, nor (a, b) the state of (b, a).
    let mut bytes = [0; 32];
    let words = [
        mix(seed ^ 0x9E37_79B9_7F4A_7C15),
        mix(index.wrapping_add(0xD1B5_4A32_D192_ED03)),
        mix(seed.rotate_left(32) ^ mix(index)),
        mix(index ^ mix(seed)),
    ];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    SampleRng::from_seed(bytes)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection in which every input bit
/// reaches every output bit.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use std::collections::HashSet;

    #[test]
    fn streams_differ_by_seed_and_by_index() {
        let first: HashSet<u64> = (0..64)
            .flat_map(|seed| (0..64).map(move |index| sample_rng(seed, index).next_u64()))
            .collect();
        assert_eq!(first.len(), 64 * 64);
    }

    #[test]
    fn the_stream_never_changes() {
        let mut rng = sample_rng(1, 2);
        assert_eq!(
            [rng.next_u64(), rng.next_u64()],
            [17_859_355_466_300_768_179, 10_357_443_062_317_688_311]
        );
    }

    #[test]
    fn neighbouring_indices_are_uncorrelated() {
        // Mean of x_i * x_{i+1} of centred uniforms is 0 with standard deviation 1/12/sqrt(n).
        let n = 20_000;
        let uniform = |i| (sample_rng(3, i).next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        let mean = (0..n).map(|i| uniform(i) * uniform(i + 1)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 4.0 / 12.0 / (n as f64).sqrt(), "correlation {mean}");
    }
}
