//! Draws bins with given probabilities in constant time by the alias method (Walker 1977, built as
//! in Vose 1991).
//!
//! A cluster whose covariance is diagonal, cut off at the borders of the banner, has independent
//! rows and columns. So its clicks need no normal random numbers: the probability of every column
//! and row is known, and one 32-bit random number gives a column or a row, without a branch and
//! without rejection.

/// A discrete distribution over the bins of one axis, or over all bins of a grid.
pub(crate) struct Axis {
    /// Slot -> (threshold, alias): the slot's own bin below the threshold, the alias from there on.
    slots: Vec<(u32, u32)>,
    /// log2 of the number of slots.
    bits: u32,
}

impl Axis {
    /// Distributes a normal number over bins 0 to `bins` - 1, given that it falls in one of them.
    ///
    /// Returns `None` when practically all of the distribution lies outside the bins.
    pub(crate) fn normal(bins: usize, mean: f64, sigma: f64) -> Option<Self> {
        let cumulative = |edge: usize| {
            let z = (edge as f64 - mean) / sigma.max(f64::MIN_POSITIVE);
            // Beyond nine standard deviations lies a probability of 1e-19, which counts as nothing.
            match z {
                z if z < -9.0 => 0.0,
                z if z > 9.0 => 1.0,
                z => 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2),
            }
        };
        let edges: Vec<f64> = (0..=bins).map(cumulative).collect();
        Self::new(edges.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    /// Distributes a uniform number from the range `from..to` over bins 0 to `bins` - 1: each has
    /// the share of the range that it covers.
    pub(crate) fn uniform(bins: usize, from: f64, to: f64) -> Option<Self> {
        let covered = |bin: usize| (to.min(bin as f64 + 1.0) - from.max(bin as f64)).max(0.0);
        Self::new((0..bins).map(covered).collect())
    }

    /// Gives each of `weights.len()` bins a probability in proportion to its weight.
    ///
    /// Returns `None` when the weights sum to practically nothing.
    pub(crate) fn new(mut weights: Vec<f64>) -> Option<Self> {
        let total: f64 = weights.iter().sum();
        // With so little mass on the banner, drawing again until a click lands there would not end
        // either.
        if total.is_nan() || total < 1e-9 {
            return None;
        }
        let size = weights.len().next_power_of_two().max(2);
        weights.resize(size, 0.0);
        // The scale at which each slot of the table holds a weight of exactly 1.
        let scale = size as f64 / total;
        weights.iter_mut().for_each(|w| *w *= scale);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..size).partition(|&slot| weights[slot] < 1.0);
        let mut slots: Vec<(u32, u32)> = (0..size as u32).map(|slot| (u32::MAX, slot)).collect();
        while let (Some(under), Some(&over)) = (small.pop(), large.last()) {
            slots[under] = ((weights[under] * 2_f64.powi(32)) as u32, over as u32);
            weights[over] -= 1.0 - weights[under];
            if weights[over] < 1.0 {
                large.pop();
                small.push(over);
            }
        }
        Some(Self { slots, bits: size.trailing_zeros() })
    }

    /// The bin for 32 uniform random bits: the first ones choose the slot, the others decide within
    /// it.
    #[inline]
    pub(crate) fn bin(&self, random: u32) -> usize {
        let slot = random >> (32 - self.bits);
        let (threshold, alias) = self.slots[slot as usize];
        // Select by mask: a branch here would be mispredicted half of the time, and costs three
        // times as much.
        let own = u32::from(random << self.bits < threshold).wrapping_neg();
        (alias ^ ((alias ^ slot) & own)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Exact probability of every bin, from the slots themselves.
    fn probabilities(axis: &Axis) -> Vec<f64> {
        let size = axis.slots.len();
        let mut of = vec![0.0; size];
        for (slot, &(threshold, alias)) in axis.slots.iter().enumerate() {
            let own = f64::from(threshold) / 2_f64.powi(32);
            of[slot] += own / size as f64;
            of[alias as usize] += (1.0 - own) / size as f64;
        }
        of
    }

    fn assert_close(axis: &Axis, expected: &[f64]) {
        for (bin, got) in probabilities(axis).into_iter().enumerate() {
            let want = expected.get(bin).copied().unwrap_or(0.0);
            assert!((got - want).abs() < 1e-8, "bin {bin}: {got} is not {want}");
        }
    }

    #[test]
    fn a_normal_axis_has_the_probabilities_of_the_truncated_normal() {
        let phi = |z: f64| 0.5 * libm::erfc(-z / 2_f64.sqrt());
        for (mean, sigma) in [(25.0, 3.0), (0.0, 2.0), (50.0, 10.0), (12.3, 0.3), (49.9, 0.05)] {
            let inside = phi((50.0 - mean) / sigma) - phi((0.0 - mean) / sigma);
            let at = |edge: usize| phi((edge as f64 - mean) / sigma);
            let expected: Vec<f64> = (0..50).map(|bin| (at(bin + 1) - at(bin)) / inside).collect();
            assert_close(&Axis::normal(50, mean, sigma).unwrap(), &expected);
        }
    }

    #[test]
    fn a_uniform_axis_counts_parts_of_bins() {
        let mut expected = vec![0.0; 60];
        (expected[2], expected[3], expected[4]) = (0.2, 0.4, 0.4);
        assert_close(&Axis::uniform(60, 2.5, 5.0).unwrap(), &expected);
    }

    #[test]
    fn no_width_is_a_single_bin() {
        let axis = Axis::normal(60, 7.5, 0.0).unwrap();
        assert!((0..1_000_u32).all(|i| axis.bin(i.wrapping_mul(0x9E37_79B9)) == 7));
    }

    #[test]
    fn off_the_axis_there_is_none() {
        assert!(Axis::normal(60, 500.0, 1.0).is_none());
        assert!(Axis::uniform(60, 60.0, 70.0).is_none());
    }

    proptest! {
        #[test]
        fn any_weights_are_met(weights in prop::collection::vec(0.0..10.0_f64, 1..130)) {
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 1e-3);
            let expected: Vec<f64> = weights.iter().map(|w| w / total).collect();
            let axis = Axis::new(weights).unwrap();
            assert_close(&axis, &expected);
            // A bin without weight is never drawn, not even by the last random number.
            prop_assert!(expected[axis.bin(u32::MAX)] > 0.0);
        }
    }
}
