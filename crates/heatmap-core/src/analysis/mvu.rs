//! Maximum variance unfolding (Weinberger and Saul 2006, An introduction to nonlinear
//! dimensionality reduction by maximum variance unfolding): coordinates with the largest variance
//! whose distances between neighbours are those of the data.
//!
//! Over Gram matrices K it is a semidefinite programme: maximise tr K, with K_ii + K_jj - 2 K_ij =
//! d_ij^2 for neighbours and K centred. Interior-point solvers get no further than about 500
//! points. Here K = Y Y^T with Y of low rank (Burer and Monteiro 2003), solved by the method of
//! multipliers (`mvu/solve.rs`); the embedding is the principal components of Y. Weak duality tells
//! how far the result may be from the optimum of the convex programme; see [`MvuReport`].
//!
//! The lengths of the edges are kept in all dimensions of Y. The embedding leaves some of these
//! out, and with them a part of each length; [`Mvu::variances`] says how much variance they hold,
//! and the report how far lengths in the embedding are off.

mod certificate;
mod graph;
mod lagrangian;
mod laplacian;
mod nearest;
mod newton;
mod solve;
mod start;
#[cfg(test)]
mod tests;

use faer::{Mat, MatRef, Side};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};
use graph::NeighbourGraph;
use solve::{LARGEST_RANK, Limits, flatten, solve};

/// Configures maximum variance unfolding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MvuConfig {
    /// Number of nearest neighbours whose distances are kept; two samples have an edge if either is
    /// a neighbour of the other.
    pub neighbors: usize,
    /// Number of dimensions of the embedding.
    pub components: usize,
    /// Number of dimensions with which the optimisation begins, rounded up to 4, 8, 12, 16, 24, 32,
    /// 40 or 48; it grows when the certificate says that the optimum needs more. By default it is
    /// 12 to 32, by how many dimensions the graph fills.
    pub rank: Option<usize>,
    /// The optimisation ends when no length of an edge is off by more than this share.
    pub tolerance: f64,
    /// Largest number of products with the Hessian, the unit of work; what is reached by then is
    /// returned, with its violation of lengths.
    pub max_iterations: usize,
    /// Whether the embedding is, at the very end, stretched once more in its own dimensions.
    /// Principal components alone shorten every edge that leans into a dimension left out. Where
    /// the data are a sheet, as on a swiss roll, this brings lengths back; where they need many
    /// dimensions it cannot.
    pub flatten: bool,
    /// Seed of the noise in the first coordinates.
    pub seed: u64,
}

impl Default for MvuConfig {
    fn default() -> Self {
        Self {
            neighbors: 5,
            components: 2,
            rank: None,
            tolerance: 5e-3,
            max_iterations: 50_000,
            flatten: false,
            seed: 0,
        }
    }
}

/// How good an unfolding is. Lengths and squares are in the units of the data; infinite values are
/// null in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MvuReport {
    /// Sum of the squared distances of all samples to their mean, tr K. It can exceed the bound by
    /// as much as lengths are violated.
    pub objective: f64,
    /// Upper bound on the objective of any embedding that keeps the lengths exactly; infinite when
    /// none was found.
    pub dual_bound: f64,
    /// |dual_bound - objective| / dual_bound; infinite without a bound.
    pub relative_gap: f64,
    /// Largest relative error of the length of an edge in all dimensions of the optimisation.
    pub largest_relative_violation: f64,
    /// Root mean square of the relative errors of lengths in all dimensions of the optimisation.
    pub rms_relative_violation: f64,
    /// Largest relative error of a length in the embedding alone.
    pub embedding_largest_relative_error: f64,
    /// Root mean square of the relative errors of lengths in the embedding alone.
    pub embedding_rms_relative_error: f64,
    /// Smallest eigenvalue of the dual slack matrix on vectors of mean 0; at an optimum it is 0 up
    /// to rounding. The slack has no unit: the eigenvalues of the objective are 1.
    pub smallest_slack_eigenvalue: f64,
    /// Number of different samples; equal ones share a point.
    pub points: usize,
    /// Number of edges, whose lengths are kept.
    pub edges: usize,
    /// Number of those edges that only connect parts of the graph of neighbours.
    pub bridges: usize,
    /// Number of dimensions with which the optimisation ended.
    pub rank: usize,
    /// Number of rounds of multipliers.
    pub outer_iterations: usize,
    /// Number of products with the Hessian.
    pub iterations: usize,
    /// Whether no relative error of a length is above the tolerance.
    pub converged: bool,
}

/// The result of maximum variance unfolding. It has no transform: a new sample would change the
/// graph.
#[derive(Debug, Clone)]
pub struct Mvu {
    embedding: Mat<f64>,
    variances: Vec<f64>,
    report: MvuReport,
}

impl MvuConfig {
    /// Unfolds the rows of `data`, [samples, features].
    ///
    /// # Errors
    /// Returns an error when there are fewer than two different samples, a value is not finite, or
    /// a setting cannot be used.
    pub fn fit(&self, data: MatRef<'_, f64>) -> Result<Mvu> {
        self.check(data.nrows())?;
        self.unfold(&NeighbourGraph::of_samples(data, self.neighbors)?)
    }

    /// Unfolds `samples` samples from given distances, as (sample, other, distance); `neighbors` is
    /// not used. A pair may occur more than once with the same distance.
    ///
    /// # Errors
    /// Returns an error when an edge has a sample that does not exist, a distance is negative or
    /// not finite, two distances contradict each other, the graph is not connected, or a setting
    /// cannot be used.
    pub fn fit_graph(&self, samples: usize, edges: &[(usize, usize, f64)]) -> Result<Mvu> {
        self.check(samples)?;
        self.unfold(&NeighbourGraph::of_distances(samples, edges)?)
    }

    fn check(&self, samples: usize) -> Result<()> {
        if samples > u32::MAX as usize / 2 {
            return Err(Error::Data(format!("MVU of {samples} samples")));
        }
        if self.neighbors == 0 {
            return Err(Error::config("neighbors", self.neighbors, "must be positive"));
        }
        if self.max_iterations == 0 {
            return Err(Error::config("max_iterations", self.max_iterations, "must be positive"));
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(Error::config("tolerance", self.tolerance, "must be positive"));
        }
        let largest = LARGEST_RANK;
        if self.components == 0 || self.components > largest {
            return Err(Error::config(
                "components",
                self.components,
                format!("must be from 1 to {largest}"),
            ));
        }
        match self.rank {
            Some(rank) if rank < self.components || rank > largest => Err(Error::config(
                "rank",
                rank,
                format!("must be from the number of components to {largest}"),
            )),
            _ => Ok(()),
        }
    }

    fn unfold(&self, graph: &NeighbourGraph) -> Result<Mvu> {
        let limits = Limits {
            tolerance: self.tolerance,
            products: self.max_iterations,
            components: self.components,
            seed: self.seed,
        };
        let solution = solve(graph, self.rank, &limits)?;
        let at = MatRef::from_row_major_slice(&solution.at, graph.masses.len(), solution.rank);
        let (mut points, variances) = principal_axes(graph, at, self.components)?;
        if self.flatten {
            (points, _) =
                principal_axes(graph, flatten(graph, points.as_ref()).as_ref(), self.components)?;
        }
        let (largest, rms) = errors_of_lengths(graph, &points);
        let bound = solution.certificate.bound;
        let report = MvuReport {
            objective: solution.trace,
            dual_bound: bound,
            relative_gap: if bound.is_finite() {
                (bound - solution.trace).abs() / bound
            } else {
                f64::INFINITY
            },
            largest_relative_violation: solution.violation.0,
            rms_relative_violation: solution.violation.1,
            embedding_largest_relative_error: largest,
            embedding_rms_relative_error: rms,
            smallest_slack_eigenvalue: solution.certificate.smallest_slack,
            points: graph.masses.len(),
            edges: graph.ends.len(),
            bridges: graph.bridges,
            rank: solution.rank,
            outer_iterations: solution.outer_iterations,
            iterations: solution.products,
            converged: solution.violation.0 <= self.tolerance,
        };
        let of_sample = |sample: usize| graph.point_of[sample] as usize;
        let embedding =
            Mat::from_fn(graph.point_of.len(), self.components, |i, c| points[(of_sample(i), c)]);
        Ok(Mvu { embedding, variances, report })
    }
}

impl Mvu {
    /// Returns coordinates along the directions of largest variance, [samples, components],
    /// centred.
    pub fn embedding(&self) -> MatRef<'_, f64> {
        self.embedding.as_ref()
    }

    /// Returns the variance along each dimension of the optimisation, descending, with n - 1 in the
    /// denominator. When the variances after those of the embedding are not small, it leaves out
    /// much.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// Returns how good the unfolding is.
    pub fn report(&self) -> &MvuReport {
        &self.report
    }
}

/// Returns centred coordinates along the first principal directions of `at`, [points, rank], and
/// the variance along all of them.
fn principal_axes(
    graph: &NeighbourGraph,
    at: MatRef<'_, f64>,
    components: usize,
) -> Result<(Mat<f64>, Vec<f64>)> {
    let rank = at.ncols();
    let weighted = Mat::from_fn(graph.masses.len(), rank, |i, c| graph.masses[i] * at[(i, c)]);
    let eigen = (at.transpose() * weighted).self_adjoint_eigen(Side::Lower).map_err(|error| {
        Error::Data(format!("MVU: principal axes did not converge ({error:?})"))
    })?;
    let unbiased = graph.point_of.len() as f64 - 1.0;
    let variances = (0..rank).rev().map(|c| eigen.S()[c].max(0.0) / unbiased).collect();
    let mut points = at * Mat::from_fn(rank, components, |i, c| eigen.U()[(i, rank - 1 - c)]);
    for c in 0..components {
        let largest = points
            .col(c)
            .iter()
            .fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best });
        if largest < 0.0 {
            (0..points.nrows()).for_each(|i| points[(i, c)] = -points[(i, c)]);
        }
    }
    Ok((points, variances))
}

/// Returns the largest and the root mean square relative error of the lengths of edges.
fn errors_of_lengths(graph: &NeighbourGraph, points: &Mat<f64>) -> (f64, f64) {
    let (mut largest, mut sum) = (0.0_f64, 0.0);
    for (&(a, b), &length) in graph.ends.iter().zip(&graph.lengths) {
        let square = |c| (points[(a as usize, c)] - points[(b as usize, c)]).powi(2);
        let off = (0..points.ncols()).map(square).sum::<f64>().sqrt() / length - 1.0;
        largest = largest.max(off.abs());
        sum += off * off;
    }
    (largest, (sum / graph.ends.len() as f64).sqrt())
}
