//! A bound on how far a result is from the optimum, by weak duality of the semidefinite programme.
//!
//! For weights y of the edges and masses M = diag(m), let lambda be the smallest eigenvalue of L_y
//! v = lambda M v among v with sum_i m_i v_i = 0. If lambda > 0, y / lambda is feasible for the
//! dual, whose value sum_e y_e d_e^2 / lambda no embedding with these distances exceeds (the
//! absolute algebraic connectivity of Sun, Boyd, Xiao and Diaconis 2006, with weights of any sign
//! since distances are equalities here). At the optimum lambda = 1.
//!
//! Eigenvalues are not computed but bracketed, by whether L_y - tau M can be factored: the bound
//! rests on a factorisation that was done, not on an iteration that may have missed an eigenvalue.

use super::laplacian::Laplacian;

/// Relative precision of eigenvalues; the coarse one is used where a share of springs is only
/// tried.
const PRECISION: f64 = 1e-5;
const COARSE: f64 = 1e-3;
/// Eigenvalues below this are not sought.
const LOWEST: f64 = -1e12;
/// Least positive lambda that is worth a bound. At 0 itself the constant vector has a pivot of
/// rounding errors.
const LEAST: f64 = 1e-6;

/// What the dual programme proves about the optimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Certificate {
    /// Smallest eigenvalue of the slack of the multipliers as they are, lambda - 1.
    pub(super) smallest_slack: f64,
    /// No embedding has a larger sum of squares than this; infinite if no bound was found.
    pub(super) bound: f64,
}

/// The dual programme of one graph.
#[derive(Debug)]
pub(super) struct Dual<'a> {
    pub(super) masses: &'a [f64],
    /// Squared lengths of the edges.
    pub(super) squares: &'a [f64],
}

impl Dual<'_> {
    /// Returns the value of the dual function at weights that need not be feasible.
    pub(super) fn value(&self, weights: &[f64]) -> f64 {
        weights.iter().zip(self.squares).map(|(y, d)| y * d).sum()
    }

    /// Computes the certificate of these multipliers; `laplacian` must be of the same graph.
    ///
    /// Multipliers whose lambda is far below 1, because a few points have not settled, are
    /// repaired: a share of springs with y_e proportional to 1 / d_e^2 is added, which is the one
    /// that gives the best bound.
    pub(super) fn certify(&self, laplacian: &mut Laplacian, multipliers: &[f64]) -> Certificate {
        let dual = self.value(multipliers);
        let lambda = self.connectivity(laplacian, multipliers, PRECISION);
        let smallest_slack = lambda - 1.0;
        let mut bound = if lambda > LEAST { dual / lambda } else { f64::INFINITY };
        // Shares are in units of the dual value: a share of 0.01 raises it by one per cent.
        let unit = dual.abs() / self.squares.len() as f64;
        for exponent in -12..=0 {
            let share = 10_f64.powf(f64::from(exponent) / 4.0);
            let repaired: Vec<f64> =
                multipliers.iter().zip(self.squares).map(|(y, d)| y + share * unit / d).collect();
            let value = self.value(&repaired);
            // Even with a lambda of 1, which more springs hardly exceed, the bound would not
            // improve.
            if value >= bound {
                break;
            }
            if self.at_least(laplacian, &repaired, (value / bound).max(LEAST)) {
                bound = bound.min(value / self.connectivity(laplacian, &repaired, COARSE));
            }
        }
        Certificate { smallest_slack, bound }
    }

    /// Returns lambda, rounded down to the given precision.
    pub(super) fn connectivity(
        &self,
        laplacian: &mut Laplacian,
        weights: &[f64],
        precision: f64,
    ) -> f64 {
        let mut holds = |tau: f64| self.at_least(laplacian, weights, tau);
        // The search begins near 1, which lambda is at the optimum.
        let mut step = 10.0 * precision;
        let (mut low, mut high) = (1.0 - precision, 1.0 + precision);
        if holds(low) {
            while holds(high) {
                (low, high) = (high, high + step);
                step *= 4.0;
            }
        } else {
            (low, high) = (low - step, low);
            while !holds(low) {
                step *= 4.0;
                (low, high) = (low - step, low);
                if low < LOWEST {
                    return f64::NEG_INFINITY;
                }
            }
        }
        while high - low > precision * low.abs().max(precision) {
            let middle = 0.5 * (low + high);
            if holds(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether all eigenvalues on vectors of mean 0 are at least `tau`.
    fn at_least(&self, laplacian: &mut Laplacian, weights: &[f64], tau: f64) -> bool {
        // The constant vector has the eigenvalue 0, which counts as negative once a positive `tau`
        // is subtracted.
        laplacian.factor(weights, |node| -tau * self.masses[node]) == usize::from(tau > 0.0)
    }

    /// Returns directions of the smallest slack, [points, R], orthonormal columns, by inverse
    /// iteration next to `lambda`.
    pub(super) fn escape<const R: usize>(
        &self,
        laplacian: &mut Laplacian,
        multipliers: &[f64],
        lambda: f64,
        start: Vec<[f64; R]>,
    ) -> Vec<[f64; R]> {
        let shift = lambda - 1e-3 * lambda.abs().max(1e-3);
        self.at_least(laplacian, multipliers, shift);
        let mut vectors = start;
        let mut scratch = vec![[0.0; R]; vectors.len()];
        let mut right = vectors.clone();
        for _ in 0..8 {
            self.orthonormalize(&mut vectors);
            for ((right, vector), &mass) in right.iter_mut().zip(&vectors).zip(self.masses) {
                *right = vector.map(|v| mass * v);
            }
            laplacian.solve(&right, &mut vectors, &mut scratch);
        }
        self.orthonormalize(&mut vectors);
        vectors
    }

    /// Subtracts the mean by masses and makes the columns orthonormal (Gram and Schmidt, twice).
    fn orthonormalize<const R: usize>(&self, vectors: &mut [[f64; R]]) {
        let total: f64 = self.masses.iter().sum();
        for c in 0..R {
            let mean =
                vectors.iter().zip(self.masses).map(|(v, &mass)| mass * v[c]).sum::<f64>() / total;
            vectors.iter_mut().for_each(|v| v[c] -= mean);
            for _ in 0..2 {
                for before in 0..c {
                    let product: f64 = vectors.iter().map(|v| v[c] * v[before]).sum();
                    vectors.iter_mut().for_each(|v| v[c] -= product * v[before]);
                }
                let length = vectors.iter().map(|v| v[c] * v[c]).sum::<f64>().sqrt();
                if length > 0.0 {
                    vectors.iter_mut().for_each(|v| v[c] /= length);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path with weights 1 has the eigenvalues 2 - 2 cos(pi k / n).
    fn path(points: usize) -> (Vec<(u32, u32)>, Vec<f64>, Vec<f64>) {
        let ends: Vec<(u32, u32)> = (1..points as u32).map(|i| (i - 1, i)).collect();
        let weights = vec![1.0; ends.len()];
        (ends, weights, vec![1.0; points])
    }

    #[test]
    fn the_connectivity_of_a_path_is_known() {
        let (ends, weights, masses) = path(9);
        let dual = Dual { masses: &masses, squares: &weights };
        let expected = 2.0 - 2.0 * (std::f64::consts::PI / 9.0).cos();
        {
            let mut laplacian = Laplacian::new(9, &ends);
            let lambda = dual.connectivity(&mut laplacian, &weights, PRECISION);
            assert!(
                (lambda - expected).abs() < 2e-5 && lambda <= expected,
                "{lambda}, not {expected}"
            );
            let negative: Vec<f64> = weights.iter().map(|w| -100.0 * w).collect();
            let largest = 100.0 * (2.0 + 2.0 * (std::f64::consts::PI / 9.0).cos());
            let lambda = dual.connectivity(&mut laplacian, &negative, PRECISION);
            assert!((lambda / largest + 1.0).abs() < 2e-5, "{lambda}, not {}", -largest);
        }
    }

    #[test]
    fn masses_count_as_copies() {
        // Two points of masses 2 and 3, a spring of weight 1: lambda = 1/2 + 1/3.
        let (ends, masses) = ([(0, 1)], [2.0, 3.0]);
        let dual = Dual { masses: &masses, squares: &[4.0] };
        {
            let lambda = dual.connectivity(&mut Laplacian::new(2, &ends), &[1.0], PRECISION);
            assert!((lambda - 5.0 / 6.0).abs() < 2e-5, "{lambda}");
            // The bound is exact: 4 * 6 / 5, the trace of two points 2 apart.
            let bound = dual.certify(&mut Laplacian::new(2, &ends), &[1.0]).bound;
            assert!((bound - 4.8).abs() < 1e-4, "{bound}");
        }
    }

    #[test]
    fn an_escape_has_the_smallest_slack() {
        let (ends, weights, masses) = path(12);
        let dual = Dual { masses: &masses, squares: &weights };
        {
            let mut laplacian = Laplacian::new(12, &ends);
            let lambda = dual.connectivity(&mut laplacian, &weights, PRECISION);
            let start = (0..12).map(|i| [f64::from(i * i).sin()]).collect();
            let vector = dual.escape(&mut laplacian, &weights, lambda, start);
            let energy: f64 = vector.windows(2).map(|v| (v[0][0] - v[1][0]).powi(2)).sum();
            assert!((energy - lambda).abs() < 1e-4, "{energy}, not {lambda}");
        }
    }
}
