//! Random draws that the field generators share. They take functions from `libm` alone, so that the
//! numbers are the same on every machine.

use rand::{Rng, RngExt};

use super::Span;
use super::normal::Normal;

/// Draws an index in proportion to `weights`; returns the last one when none has a weight.
pub(super) fn weighted(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let last = weights.len().saturating_sub(1);
    for (at, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return at;
        }
    }
    last
}

/// Draws exp(`sigma` z) for a standard normal z: a log-normal number of median 1.
pub(super) fn log_normal(sigma: f64, rng: &mut impl Rng) -> f64 {
    libm::exp(sigma * Normal::shared().pair(rng).0)
}

/// Draws a number from `span` that is uniform in its logarithm.
pub(super) fn log_uniform(span: Span<f64>, rng: &mut impl Rng) -> f64 {
    libm::exp(Span::new(libm::log(span.min), libm::log(span.max)).draw(rng))
}

/// Draws a gamma number of mean 1 and variance 1 / `shape`, for a shape of at least 1 (Marsaglia
/// and Tsang, ACM TOMS 26(3), 2000).
///
/// Weights that are multiplied by such factors and divided by their sum vary as in a Dirichlet
/// distribution with equal shapes.
pub(super) fn gamma(shape: f64, rng: &mut impl Rng) -> f64 {
    debug_assert!(shape >= 1.0, "shape {shape}");
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = Normal::shared().pair(rng).0;
        let root = 1.0 + c * x;
        let v = root * root * root;
        // In (0, 1], so that the logarithm is finite.
        let u = 1.0 - rng.random::<f64>();
        if v > 0.0 && libm::log(u) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return d * v / shape;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;

    #[test]
    fn weights_are_kept_and_an_empty_weight_is_never_drawn() {
        let mut rng = sample_rng(1, 0);
        let mut drawn = [0_u32; 4];
        for _ in 0..4_000 {
            drawn[weighted(&[1.0, 0.0, 2.0, 1.0], &mut rng)] += 1;
        }
        assert_eq!(drawn[1], 0);
        // Binomial(4,000, 1/4) and (4,000, 1/2): standard deviations 27 and 32.
        for (at, mean, sd) in [(0, 1_000.0, 27.0), (2, 2_000.0, 32.0), (3, 1_000.0, 27.0)] {
            assert!((f64::from(drawn[at]) - mean).abs() < 4.5 * sd, "{drawn:?}");
        }
    }

    #[test]
    fn gamma_has_its_mean_and_variance() {
        for (at, shape) in [1.0, 1.5, 12.0].into_iter().enumerate() {
            let mut rng = sample_rng(2, at as u64);
            let n = 20_000;
            let drawn: Vec<f64> = (0..n).map(|_| gamma(shape, &mut rng)).collect();
            let mean = drawn.iter().sum::<f64>() / f64::from(n);
            let variance =
                drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
            assert!((mean - 1.0).abs() < 4.5 / (shape * f64::from(n)).sqrt(), "mean {mean}");
            // The variance of the variance is (2 + 6 / shape) / shape^2 / n.
            let sd = ((2.0 + 6.0 / shape) / f64::from(n)).sqrt() / shape;
            assert!(
                (variance - 1.0 / shape).abs() < 4.5 * sd,
                "variance {variance} at shape {shape}"
            );
        }
    }

    #[test]
    fn half_of_the_log_normal_numbers_are_below_one() {
        let mut rng = sample_rng(3, 0);
        let below = (0..4_000).filter(|_| log_normal(0.5, &mut rng) < 1.0).count();
        assert!((below as f64 - 2_000.0).abs() < 4.5 * 32.0, "{below}");
    }
}
