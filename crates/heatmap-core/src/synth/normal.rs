//! Draws standard normal numbers in pairs, for the loop that draws millions of clicks.
//!
//! The ziggurat method (Marsaglia and Tsang, J. Stat. Softw. 5(8), 2000) with 256 layers. One
//! 64-bit draw serves both numbers of a pair: each takes 8 bits for its layer and 24 other bits for
//! its place (sharing bits between the two spoils the method: Doornik 2005). 24 bits are 5e-7 of a
//! standard deviation, far below a bin. Elementary functions come from `libm`, so a pair is the
//! same on every machine.

use std::sync::LazyLock;

use rand::{Rng, RngExt};

const LAYERS: usize = 256;
/// Where the tail begins, and the area of a layer, when there are 256 layers.
const TAIL: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_974_655;
/// The place of a number within its layer is a whole number in -PLACES..PLACES.
const PLACES: f64 = (1 << 23) as f64;

/// Tables of the layers of the ziggurat.
pub(crate) struct Normal {
    /// Width of a place in a layer.
    step: [f64; LAYERS],
    /// A place nearer to 0 than this lies under the curve for sure.
    inner: [i32; LAYERS],
    /// exp(-edge^2 / 2).
    height: [f64; LAYERS + 1],
}

static NORMAL: LazyLock<Normal> = LazyLock::new(Normal::new);

impl Normal {
    /// Returns the table that all callers share.
    pub(crate) fn shared() -> &'static Self {
        &NORMAL
    }

    fn new() -> Self {
        let edge = Self::edges();
        Self {
            step: std::array::from_fn(|i| edge[i] / PLACES),
            inner: std::array::from_fn(|i| (edge[i + 1] / edge[i] * PLACES) as i32),
            height: edge.map(density),
        }
    }

    /// The right edges of the layers, from the lowest up, followed by 0.
    fn edges() -> [f64; LAYERS + 1] {
        let mut edge = [0.0; LAYERS + 1];
        // The lowest layer includes the tail; as a rectangle of the same area it would be this
        // wide.
        edge[0] = AREA / density(TAIL);
        edge[1] = TAIL;
        for i in 2..LAYERS {
            edge[i] = (-2.0 * libm::log(AREA / edge[i - 1] + density(edge[i - 1]))).sqrt();
        }
        edge
    }

    /// Draws two independent standard normal numbers.
    #[inline]
    pub(crate) fn pair(&self, rng: &mut impl Rng) -> (f64, f64) {
        let bits = rng.next_u64();
        (self.number(bits as u32, rng), self.number((bits >> 32) as u32, rng))
    }

    #[inline]
    fn number(&self, bits: u32, rng: &mut impl Rng) -> f64 {
        let layer = (bits & 0xFF) as usize;
        let place = (bits as i32) >> 8;
        // The middle of the place, so that the distribution is symmetric.
        let x = (f64::from(place) + 0.5) * self.step[layer];
        // The two outermost places count as outer: `inner` is rounded down.
        if place < self.inner[layer] && place >= -self.inner[layer] {
            x
        } else {
            self.outer(layer, x, rng)
        }
    }

    /// Handles the rare rest: the tail, and the part of a layer that the curve cuts.
    #[cold]
    fn outer(&self, layer: usize, x: f64, rng: &mut impl Rng) -> f64 {
        if layer == 0 {
            return self.tail(rng).copysign(x);
        }
        let between = self.height[layer]
            + rng.random::<f64>() * (self.height[layer + 1] - self.height[layer]);
        if between < libm::exp(-0.5 * x * x) { x } else { self.number(rng.next_u64() as u32, rng) }
    }

    /// Draws from the tail beyond the last edge by exponential proposals (Marsaglia 1964).
    fn tail(&self, rng: &mut impl Rng) -> f64 {
        loop {
            // In (0, 1], so that the logarithm is finite.
            let x = -libm::log(1.0 - rng.random::<f64>()) / TAIL;
            let y = -libm::log(1.0 - rng.random::<f64>());
            if 2.0 * y > x * x {
                return TAIL + x;
            }
        }
    }
}

/// The density of the standard normal distribution without its constant factor.
fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};

    /// P(Z <= x).
    fn cdf(x: f64) -> f64 {
        0.5 * libm::erfc(-x / 2_f64.sqrt())
    }

    #[test]
    fn layers_have_equal_area_and_close_at_the_top() {
        let (table, edge) = (Normal::new(), Normal::edges());
        for (i, heights) in table.height.windows(2).enumerate().skip(1) {
            let area = edge[i] * (heights[1] - heights[0]);
            assert!((area - AREA).abs() < 1e-12, "layer {i}: {area}");
        }
        // The lowest layer is a rectangle to the last edge and the tail: TAIL * density + area of
        // the tail.
        let tail = (2.0 * std::f64::consts::PI).sqrt() * (1.0 - cdf(TAIL));
        assert!((TAIL * table.height[1] + tail - AREA).abs() < 1e-12);
    }

    #[test]
    fn a_million_pairs_follow_the_distribution() {
        let (n, bins) = (1_000_000, 200);
        let mut rng = sample_rng(17, 0);
        let mut counts = [vec![0_u32; bins], vec![0_u32; bins]];
        let (mut product, mut beyond) = (0.0, 0);
        for _ in 0..n {
            let (u, v) = Normal::shared().pair(&mut rng);
            product += u * v;
            beyond += u32::from(u.abs() > TAIL) + u32::from(v.abs() > TAIL);
            for (count, x) in counts.iter_mut().zip([u, v]) {
                count[((cdf(x) * bins as f64) as usize).min(bins - 1)] += 1;
            }
        }
        for count in counts {
            let expected = f64::from(n) / bins as f64;
            let chi2: f64 =
                count.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            // 199 degrees of freedom: standard deviation sqrt(398) = 20.
            assert!((chi2 - 199.0).abs() < 4.0 * 20.0, "chi squared {chi2}");
        }
        assert!(
            (product / f64::from(n)).abs() < 4.0 / f64::from(n).sqrt(),
            "the two of a pair are independent"
        );
        // Two tails, two numbers a pair.
        let expected = 4.0 * f64::from(n) * cdf(-TAIL);
        assert!(
            (f64::from(beyond) - expected).abs() < 4.0 * expected.sqrt(),
            "{beyond} in the tails, not {expected}"
        );
    }

    #[test]
    fn it_agrees_with_rand_distr() {
        // Two-sample Kolmogorov-Smirnov.
        let n = 200_000;
        let (mut a, mut b) = (sample_rng(1, 0), sample_rng(1, 1));
        let mut ours: Vec<f64> = (0..n).map(|_| Normal::shared().pair(&mut a).1).collect();
        let mut theirs: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut b)).collect();
        ours.sort_by(f64::total_cmp);
        theirs.sort_by(f64::total_cmp);
        let distance = ours
            .iter()
            .enumerate()
            .map(|(i, &x)| (theirs.partition_point(|&y| y <= x) as f64 - i as f64).abs() / n as f64)
            .fold(0.0, f64::max);
        // Exceeded once in 100,000 samples of this size.
        assert!(distance < 2.47 * (2.0 / n as f64).sqrt(), "{distance}");
    }
}
