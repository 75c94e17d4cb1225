//! [`Sinkhorn`]: entropic optimal transport between two distributions on a lattice of cells.
//!
//! The cost is the squared distance plus epsilon times the entropy of the plan relative to the
//! product of both distributions (Cuturi 2013, "Sinkhorn Distances"). The optimal plan is u_i a_i
//! K_ij b_j v_j with K = exp(-distance^2 / epsilon); the scalings u and v follow from one another,
//! as in u = 1 / K(b v). Decisions:
//!
//! - The squared distance is a sum over rows and columns, so K is a product of a matrix on rows and
//!   one on columns (Solomon et al. 2015, "Convolutional Wasserstein Distances"). Applying it costs
//!   cells x (rows + columns) multiplications.
//! - Distances are in diagonals, so no cost is above 1, and the potentials epsilon ln u stay
//!   between -1 and 2. With epsilon at least [`Sinkhorn::MIN_EPSILON`], no u, v or sum leaves the
//!   range of f64, so neither logarithms nor absorption are needed.
//! - Epsilon starts wide and is halved step by step, so that mass between distant islands is
//!   balanced first (Schmitzer 2019). Steps are over-relaxed by 1.5, which costs one square root
//!   (Thibault et al. 2021). The bound above does not hold for over-relaxed steps; if a number
//!   leaves the range, plain steps are used from the start.
//! - The cost is computed from the dual after a plain step, so it is a lower bound, and its error
//!   is the square of that of the potentials.

/// Number of sweeps at each epsilon except the last.
const SWEEPS_ABOVE: usize = 3;
/// Upper limit of the epsilon to start with.
const WIDEST_EPSILON: f64 = 0.64;
/// Iteration stops when the plan puts less mass than this into wrong cells.
const TOLERANCE: f64 = 1e-6;
/// The tolerance and largest number of sweeps for transport from a distribution to itself, whose
/// iteration takes some ten sweeps (Feydy et al. 2019, section 3.1).
const OWN_TOLERANCE: f64 = 1e-9;
const OWN_SWEEPS: usize = 40;

/// The kernel K at one epsilon, as two factors.
#[derive(Debug, Clone)]
struct Kernel {
    epsilon: f64,
    /// The factor on rows, `[rows, rows]`.
    down: Vec<f64>,
    /// The factor on columns, `[columns, columns]`.
    across: Vec<f64>,
}

/// The kernels of a lattice, from the widest epsilon to the narrowest.
#[derive(Debug, Clone)]
pub(super) struct Sinkhorn {
    wider: Vec<Kernel>,
    last: Kernel,
    rows: usize,
    columns: usize,
    iterations: usize,
}

impl Sinkhorn {
    /// Smallest epsilon; exp(2 / epsilon), the largest scaling, is then still finite.
    pub(super) const MIN_EPSILON: f64 = 0.003;

    /// Makes the kernels of a lattice with rows at `y` and columns at `x`, in units in which no two
    /// cells are farther apart than 1.
    pub(super) fn new(y: &[f64], x: &[f64], epsilon: f64, iterations: usize) -> Self {
        let along = |at: &[f64], epsilon: f64| -> Vec<f64> {
            at.iter()
                .flat_map(|a| at.iter().map(move |b| (-(a - b) * (a - b) / epsilon).exp()))
                .collect()
        };
        let kernel =
            |epsilon: f64| Kernel { epsilon, down: along(y, epsilon), across: along(x, epsilon) };
        let mut wider: Vec<Kernel> =
            std::iter::successors(Some(2.0 * epsilon), |epsilon| Some(2.0 * epsilon))
                .take_while(|epsilon| *epsilon <= WIDEST_EPSILON)
                .map(kernel)
                .collect();
        wider.reverse();
        Self { wider, last: kernel(epsilon), rows: y.len(), columns: x.len(), iterations }
    }

    /// The cost of transport from `a` to `b`, two distributions over the cells, row-major.
    pub(super) fn cost(&self, a: &[f64], b: &[f64]) -> f64 {
        let cost = self.relaxed(a, b);
        if cost.is_finite() { cost } else { self.plain(a, b) }
    }

    /// The cost of transport from `a` to itself, which is not 0 because of the entropy.
    pub(super) fn own_cost(&self, a: &[f64]) -> f64 {
        let mut step = Step::new(self);
        let (mut u, mut next) = (vec![1.0; a.len()], vec![1.0; a.len()]);
        for _ in 0..OWN_SWEEPS {
            step.run(&self.last, a, &u, &mut next);
            if misplaced(a, &u, &next) < OWN_TOLERANCE {
                break;
            }
            // Averages the old and the new potential; without it, the potentials would oscillate.
            u.iter_mut().zip(&next).for_each(|(u, next)| *u = u.sqrt() * next.sqrt());
        }
        step.run(&self.last, a, &u, &mut next);
        self.last.epsilon * (mean_log(a, &u) + mean_log(a, &next))
    }

    fn relaxed(&self, a: &[f64], b: &[f64]) -> f64 {
        let mut step = Step::new(self);
        let (mut u, mut v, mut next) = (vec![1.0; a.len()], vec![1.0; a.len()], vec![1.0; a.len()]);
        for kernel in &self.wider {
            for sweep in 0..SWEEPS_ABOVE {
                step.run(kernel, b, &v, &mut next);
                if sweep == 0 {
                    u.copy_from_slice(&next)
                } else {
                    relax(&mut u, &next)
                }
                step.run(kernel, a, &u, &mut next);
                if sweep == 0 { v.copy_from_slice(&next) } else { relax(&mut v, &next) }
            }
            // Squaring u and v keeps the potentials epsilon ln u when epsilon is halved.
            u.iter_mut().chain(&mut v).for_each(|value| *value *= *value);
        }
        for sweep in 0..self.iterations {
            step.run(&self.last, b, &v, &mut next);
            if sweep > 0 && misplaced(a, &u, &next) < TOLERANCE {
                break;
            }
            if sweep == 0 {
                u.copy_from_slice(&next)
            } else {
                relax(&mut u, &next)
            }
            step.run(&self.last, a, &u, &mut next);
            if sweep == 0 { v.copy_from_slice(&next) } else { relax(&mut v, &next) }
        }
        self.dual(&mut step, a, b, &mut u, &mut v)
    }

    fn plain(&self, a: &[f64], b: &[f64]) -> f64 {
        let mut step = Step::new(self);
        let (mut u, mut v) = (vec![1.0; a.len()], vec![1.0; a.len()]);
        for _ in 0..self.iterations {
            step.run(&self.last, b, &v, &mut u);
            step.run(&self.last, a, &u, &mut v);
        }
        self.dual(&mut step, a, b, &mut u, &mut v)
    }

    /// The dual value after two plain steps from `u`; after these the dual consists of the
    /// potentials alone.
    fn dual(&self, step: &mut Step, a: &[f64], b: &[f64], u: &mut [f64], v: &mut [f64]) -> f64 {
        step.run(&self.last, a, u, v);
        step.run(&self.last, b, v, u);
        self.last.epsilon * (mean_log(a, u) + mean_log(b, v))
    }
}

/// Reusable buffers for the intermediate results of a step.
struct Step {
    weighted: Vec<f64>,
    across: Vec<f64>,
    rows: usize,
    columns: usize,
}

impl Step {
    fn new(lattice: &Sinkhorn) -> Self {
        let (rows, columns) = (lattice.rows, lattice.columns);
        Self {
            weighted: vec![0.0; rows * columns],
            across: vec![0.0; rows * columns],
            rows,
            columns,
        }
    }

    /// `out` = 1 / K(weights x scaling).
    fn run(&mut self, kernel: &Kernel, weights: &[f64], scaling: &[f64], out: &mut [f64]) {
        let columns = self.columns;
        self.weighted.iter_mut().zip(weights).zip(scaling).for_each(|((to, w), s)| *to = w * s);
        for (to, from) in
            self.across.chunks_exact_mut(columns).zip(self.weighted.chunks_exact(columns))
        {
            add_products(to, from, &kernel.across);
        }
        for (to, factors) in out.chunks_exact_mut(columns).zip(kernel.down.chunks_exact(self.rows))
        {
            add_products(to, factors, &self.across);
            to.iter_mut().for_each(|value| *value = 1.0 / *value);
        }
    }
}

/// Sets `to` to the sum of the rows in `lines`, each times its factor.
fn add_products(to: &mut [f64], factors: &[f64], lines: &[f64]) {
    to.fill(0.0);
    for (factor, line) in factors.iter().zip(lines.chunks_exact(to.len())) {
        to.iter_mut().zip(line).for_each(|(to, value)| *to += factor * value);
    }
}

/// Over-relaxation by 1.5: u <- next^1.5 / u^0.5.
fn relax(u: &mut [f64], next: &[f64]) {
    u.iter_mut().zip(next).for_each(|(u, next)| *u = next * (next / *u).sqrt());
}

/// The mass that the plan puts into wrong cells: half of |row sums of the plan - a|, where `next`
/// is `u` after the step that would make it 0.
fn misplaced(a: &[f64], u: &[f64], next: &[f64]) -> f64 {
    0.5 * a.iter().zip(u).zip(next).map(|((a, u), next)| a * (u / next - 1.0).abs()).sum::<f64>()
}

fn mean_log(a: &[f64], u: &[f64]) -> f64 {
    a.iter().zip(u).filter(|(a, _)| **a > 0.0).map(|(a, u)| a * u.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relaxed_and_plain_steps_agree_with_one_another_and_with_two_points() {
        let (y, x) = ([0.1, 0.3, 0.5], [0.1, 0.2, 0.4, 0.7]);
        let lattice = Sinkhorn::new(&y, &x, 0.02, 400);
        let a: Vec<f64> = (1..=12).map(|v| f64::from(v) / 78.0).collect();
        let b: Vec<f64> = a.iter().rev().copied().collect();
        assert!((lattice.relaxed(&a, &b) - lattice.plain(&a, &b)).abs() < 1e-9);
        assert!((lattice.cost(&a, &b) - lattice.cost(&b, &a)).abs() < 1e-9);
        // One plan only: from the first cell to the last.
        let (mut first, mut last) = (vec![0.0; 12], vec![0.0; 12]);
        (first[0], last[11]) = (1.0, 1.0);
        assert!((lattice.cost(&first, &last) - (0.4 * 0.4 + 0.6 * 0.6)).abs() < 1e-12);
        assert_eq!(lattice.own_cost(&first), 0.0);
    }

    #[test]
    fn the_plan_of_two_cells_is_known() {
        // Half and half in two cells at distance d with themselves: by symmetry u = 1 / (1/2 + 1/2
        // exp(-d^2 / epsilon))^(1/2).
        let lattice = Sinkhorn::new(&[0.0], &[0.0, 0.1], 0.01, 100);
        let expected = -0.01 * (0.5 + 0.5 * (-1.0_f64).exp()).ln();
        assert!((lattice.own_cost(&[0.5, 0.5]) - expected).abs() < 1e-12);
        assert!((lattice.cost(&[0.5, 0.5], &[0.5, 0.5]) - expected).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_epsilon_stays_in_range_between_opposite_corners() {
        let lattice = Sinkhorn::new(&[0.0, 0.7], &[0.0, 0.7], Sinkhorn::MIN_EPSILON, 50);
        let corners = [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [0.9, 0.0, 0.0, 0.1],
            [0.1, 0.0, 0.0, 0.9],
        ];
        for a in corners {
            assert!(lattice.own_cost(&a).is_finite());
            for b in corners {
                assert!(lattice.cost(&a, &b).is_finite() && lattice.plain(&a, &b).is_finite());
            }
        }
    }
}
