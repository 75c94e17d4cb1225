//! The augmented Lagrangian of MVU at rank R, its gradient and its products with the Hessian.
//!
//! With coordinates Y, [points, R], masses m and edges e = (a, b) of length d,
//!
//! ```text
//! f(Y) = -1/2 sum_i m_i |y_i - mean|^2 + sum_e (z_e c_e + s_e c_e^2 / 2),
//! c_e = (|y_a - y_b|^2 - d_e^2) / 2
//! ```
//!
//! where z are the multipliers and s the stiffnesses. t_e = z_e + s_e c_e is the tension of an
//! edge: the gradient is (L_t - M) Y with the Laplacian L_t, and t are the next multipliers.

use super::graph::NeighbourGraph;

/// Points with masses, held together by springs that multipliers pull.
#[derive(Debug, Clone)]
pub(super) struct Springs {
    pub(super) masses: Vec<f64>,
    pub(super) ends: Vec<(u32, u32)>,
    /// Square of the length that each edge should have.
    pub(super) squares: Vec<f64>,
    pub(super) stiffness: Vec<f64>,
    pub(super) multipliers: Vec<f64>,
}

impl Springs {
    /// Makes springs of the edges of a graph, with lengths in units of their median, without
    /// stiffness or multipliers.
    pub(super) fn of_graph(graph: &NeighbourGraph) -> Self {
        let (scale, edges) = (graph.scale(), graph.ends.len());
        Self {
            masses: graph.masses.clone(),
            ends: graph.ends.clone(),
            squares: graph.lengths.iter().map(|l| (l / scale).powi(2)).collect(),
            stiffness: vec![0.0; edges],
            multipliers: vec![0.0; edges],
        }
    }

    /// Returns the value of the Lagrangian at `at`; writes its gradient and the tensions.
    #[inline(always)]
    pub(super) fn evaluate<const R: usize>(
        &self,
        at: &[[f64; R]],
        gradient: &mut [[f64; R]],
        tensions: &mut [f64],
    ) -> f64 {
        let mean = self.mean(at);
        let mut value = 0.0;
        for ((g, y), &mass) in gradient.iter_mut().zip(at).zip(&self.masses) {
            let mut square = 0.0;
            for c in 0..R {
                let from_mean = y[c] - mean[c];
                g[c] = -mass * from_mean;
                square += from_mean * from_mean;
            }
            value -= 0.5 * mass * square;
        }
        let edges = self
            .ends
            .iter()
            .zip(&self.squares)
            .zip(&self.stiffness)
            .zip(&self.multipliers)
            .zip(tensions);
        for ((((&(a, b), &square), &stiffness), &multiplier), tension) in edges {
            let (a, b) = (a as usize, b as usize);
            let between = difference(&at[a], &at[b]);
            let off = 0.5 * (product(&between, &between) - square);
            value += off * (multiplier + 0.5 * stiffness * off);
            *tension = multiplier + stiffness * off;
            for c in 0..R {
                let pull = *tension * between[c];
                gradient[a][c] += pull;
                gradient[b][c] -= pull;
            }
        }
        value
    }

    /// Writes to `out` the Hessian at `at`, whose tensions are given, times `direction`.
    #[inline(always)]
    pub(super) fn curvature<const R: usize>(
        &self,
        at: &[[f64; R]],
        tensions: &[f64],
        direction: &[[f64; R]],
        out: &mut [[f64; R]],
    ) {
        let mean = self.mean(direction);
        for ((o, v), &mass) in out.iter_mut().zip(direction).zip(&self.masses) {
            for c in 0..R {
                o[c] = -mass * (v[c] - mean[c]);
            }
        }
        for ((&(a, b), &stiffness), &tension) in self.ends.iter().zip(&self.stiffness).zip(tensions)
        {
            let (a, b) = (a as usize, b as usize);
            let between = difference(&at[a], &at[b]);
            let change = difference(&direction[a], &direction[b]);
            let along = stiffness * product(&between, &change);
            for c in 0..R {
                let pull = tension * change[c] + along * between[c];
                out[a][c] += pull;
                out[b][c] -= pull;
            }
        }
    }

    /// Returns the mean of the points, weighted by their masses.
    #[inline(always)]
    pub(super) fn mean<const R: usize>(&self, at: &[[f64; R]]) -> [f64; R] {
        let (mut sum, mut total) = ([0.0; R], 0.0);
        for (y, &mass) in at.iter().zip(&self.masses) {
            total += mass;
            for c in 0..R {
                sum[c] += mass * y[c];
            }
        }
        sum.map(|s| s / total)
    }

    /// Returns the sum of the squared distances to the mean, weighted by masses: the trace of the
    /// Gram matrix.
    #[inline(always)]
    pub(super) fn trace<const R: usize>(&self, at: &[[f64; R]]) -> f64 {
        let mean = self.mean(at);
        let square = |y: &[f64; R]| (0..R).map(|c| (y[c] - mean[c]).powi(2)).sum::<f64>();
        at.iter().zip(&self.masses).map(|(y, &mass)| mass * square(y)).sum()
    }

    /// Returns the largest absolute value and the root mean square of the relative errors of the
    /// lengths of edges.
    #[inline(always)]
    pub(super) fn violation<const R: usize>(&self, at: &[[f64; R]]) -> (f64, f64) {
        let (mut largest, mut sum) = (0.0_f64, 0.0);
        for (&(a, b), &square) in self.ends.iter().zip(&self.squares) {
            let between = difference(&at[a as usize], &at[b as usize]);
            let off = (product(&between, &between) / square).sqrt() - 1.0;
            largest = largest.max(off.abs());
            sum += off * off;
        }
        (largest, (sum / self.ends.len() as f64).sqrt())
    }
}

#[inline(always)]
fn difference<const R: usize>(a: &[f64; R], b: &[f64; R]) -> [f64; R] {
    std::array::from_fn(|c| a[c] - b[c])
}

/// Scalar product, summed in four lanes so that it is the same on every processor; R is a multiple
/// of four.
#[inline(always)]
fn product<const R: usize>(a: &[f64; R], b: &[f64; R]) -> f64 {
    let mut lanes = [0.0; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for c in 0..4 {
            lanes[c] += a[c] * b[c];
        }
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn springs() -> Springs {
        Springs {
            masses: vec![1.0, 2.0, 1.0, 3.0],
            ends: vec![(0, 1), (1, 2), (2, 3), (0, 3), (0, 2)],
            squares: vec![1.0, 2.0, 0.5, 3.0, 1.5],
            stiffness: vec![2.0, 1.0, 3.0, 0.7, 5.0],
            multipliers: vec![0.5, -1.0, 0.3, 2.0, 0.0],
        }
    }

    fn at() -> Vec<[f64; 4]> {
        (0..4)
            .map(|i| std::array::from_fn(|c| (f64::from(i) * 1.7 + c as f64 * 0.9).sin()))
            .collect()
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        let (springs, at) = (springs(), at());
        let mut gradient = vec![[0.0; 4]; 4];
        let value = |y: &[[f64; 4]]| springs.evaluate(y, &mut [[0.0; 4]; 4], &mut [0.0; 5]);
        springs.evaluate(&at, &mut gradient, &mut [0.0; 5]);
        for (i, c) in (0..4).flat_map(|i| (0..4).map(move |c| (i, c))) {
            let (mut up, mut down) = (at.clone(), at.clone());
            up[i][c] += 1e-5;
            down[i][c] -= 1e-5;
            let slope = (value(&up) - value(&down)) / 2e-5;
            assert!((slope - gradient[i][c]).abs() < 1e-8, "{i}, {c}: {slope} {}", gradient[i][c]);
        }
    }

    #[test]
    fn the_curvature_is_that_of_differences_of_gradients() {
        let (springs, at) = (springs(), at());
        let direction: Vec<[f64; 4]> = at.iter().map(|y| y.map(|v| (3.0 * v).cos())).collect();
        let gradient = |step: f64| {
            let moved: Vec<[f64; 4]> = at
                .iter()
                .zip(&direction)
                .map(|(y, d)| std::array::from_fn(|c| y[c] + step * d[c]))
                .collect();
            let mut gradient = vec![[0.0; 4]; 4];
            springs.evaluate(&moved, &mut gradient, &mut [0.0; 5]);
            gradient
        };
        let (mut tensions, mut out) = ([0.0; 5], vec![[0.0; 4]; 4]);
        springs.evaluate(&at, &mut [[0.0; 4]; 4], &mut tensions);
        springs.curvature(&at, &tensions, &direction, &mut out);
        let (up, down) = (gradient(1e-5), gradient(-1e-5));
        for (i, c) in (0..4).flat_map(|i| (0..4).map(move |c| (i, c))) {
            let slope = (up[i][c] - down[i][c]) / 2e-5;
            assert!((slope - out[i][c]).abs() < 1e-7, "{i}, {c}: {slope} {}", out[i][c]);
        }
    }
}
