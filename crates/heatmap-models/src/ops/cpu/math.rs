//! Elementary functions without branches, so that the compiler vectorises loops over them, and
//! reductions in 16 lanes.
//!
//! All of them are inlined; call them inside [`vectorized`](super::simd::vectorized).

/// The number of partial sums in a reduction. It is fixed, so that rounding does not depend on the
/// processor's vector width.
const LANES: usize = 16;

/// Computes the exponential function to within 2 units of the last place (the Cephes polynomial).
/// The result is at least 1e-38.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding this rounds a number to an integer, which is then in the lowest bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.3, 88.3);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 is subtracted in two parts, the first of which has few bits, so that the difference is
    // exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let power =
        f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    (p * r * r + r + 1.0) * power
}

/// Computes the error function to within 4e-7: a quotient of two polynomials in x squared, as in
/// Eigen.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    // Beyond this bound, erf is 1 in f32.
    let x = x.clamp(-3.832_507, 3.832_507);
    let square = x * x;
    let mut above = 2.290_506_6e-4;
    for coefficient in
        [3.408_291e-3, 5.095_569_5e-2, 1.852_083_2e-1, std::f32::consts::FRAC_2_SQRT_PI]
    {
        above = above * square + coefficient;
    }
    let mut below = -1.179_160_3e-7;
    for coefficient in
        [2.354_796_6e-5, 1.017_962_5e-3, 1.407_047e-2, 1.109_850_5e-1, 4.974_692_5e-1, 1.0]
    {
        below = below * square + coefficient;
    }
    x * above / below
}

/// Computes the cumulative distribution function of the normal distribution.
#[inline(always)]
fn distribution(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Computes GELU (Hendrycks and Gimpel 2016), the exact form.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    x * distribution(x)
}

/// Computes the derivative of [`gelu`].
#[inline(always)]
pub(crate) fn gelu_derivative(x: f32) -> f32 {
    const DENSITY_AT_0: f32 = 0.398_942_3;
    distribution(x) + x * DENSITY_AT_0 * exp(-0.5 * x * x)
}

/// Sums `term` over the values.
#[inline(always)]
pub(crate) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += term(*value);
    }
    sums.iter().sum()
}

/// Sums `term` over pairs of values.
#[inline(always)]
pub(crate) fn sum_pairs(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let ((chunks, rest), (others, other_rest)) =
        (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (chunk, other) in chunks.iter().zip(others) {
        for ((sum, value), other) in sums.iter_mut().zip(chunk).zip(other) {
            *sum += term(*value, *other);
        }
    }
    for ((sum, value), other) in sums.iter_mut().zip(rest).zip(other_rest) {
        *sum += term(*value, *other);
    }
    sums.iter().sum()
}

/// Returns the largest value.
#[inline(always)]
pub(crate) fn largest(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (most, value) in most.iter_mut().zip(chunk) {
            *most = if value > most { *value } else { *most };
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, value| most.max(*value))
}

/// Replaces the values by the softmax of `scale` times the values.
#[inline(always)]
pub(crate) fn softmax(values: &mut [f32], scale: f32) {
    let most = largest(values) * scale;
    values.iter_mut().for_each(|value| *value = exp(*value * scale - most));
    let share = 1.0 / sum(values, |value| value);
    values.iter_mut().for_each(|value| *value *= share);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_libm_over_their_whole_range() {
        let mut worst = [0.0_f64; 3];
        for at in -88_000..88_000 {
            let x = at as f32 * 1e-3;
            let exact = f64::from(x).exp();
            if x.abs() < 87.0 {
                worst[0] = worst[0].max((f64::from(exp(x)) / exact - 1.0).abs());
            }
            let x = x / 10.0;
            worst[1] = worst[1].max((f64::from(erf(x)) - libm::erf(f64::from(x))).abs());
            // A difference of second order in the step.
            let d = 1e-5;
            let exact = |x: f64| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2));
            assert!(
                (f64::from(gelu(x)) - exact(f64::from(x))).abs()
                    < 5e-7 * f64::from(x.abs()).max(1.0),
                "{x}"
            );
            let slope = (exact(f64::from(x) + d) - exact(f64::from(x) - d)) / (2.0 * d);
            worst[2] = worst[2].max((f64::from(gelu_derivative(x)) - slope).abs());
        }
        assert!(worst[0] < 2.5e-7 && worst[1] < 4e-7 && worst[2] < 6e-7, "{worst:?}");
        assert!(exp(-200.0) < 2e-38 && exp(f32::NAN).is_nan() && (erf(9.0) - 1.0).abs() < 4e-7);
    }

    #[test]
    fn reductions_take_every_number_once() {
        for len in [1, 15, 16, 17, 100] {
            let values: Vec<f32> = (0..len).map(|at| ((at * 37) % 23) as f32).collect();
            assert_eq!(sum(&values, |value| 2.0 * value), 2.0 * values.iter().sum::<f32>());
            assert_eq!(
                sum_pairs(&values, &values, |a, b| a * b),
                values.iter().map(|value| value * value).sum::<f32>()
            );
            assert_eq!(largest(&values), values.iter().copied().fold(0.0, f32::max));
            let mut share = values.clone();
            softmax(&mut share, 0.5);
            let total: f64 = values.iter().map(|value| (f64::from(*value) * 0.5).exp()).sum();
            for (share, value) in share.iter().zip(&values) {
                assert!((f64::from(*share) - (f64::from(*value) * 0.5).exp() / total).abs() < 1e-6);
            }
        }
    }
}
