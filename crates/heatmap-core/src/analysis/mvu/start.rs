//! Where the optimisation begins: landmarks placed by shortest paths along the graph, as in
//! Landmark Isomap (de Silva and Tenenbaum 2003). Unlike a start from eigenvectors of the Laplacian
//! it has lengths, and is unfolded already.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use faer::{Mat, Side};
use rand_distr::{Distribution, StandardNormal};

use super::graph::NeighbourGraph;
use crate::{Error, Result, sample_rng};

const LANDMARKS: usize = 128;
/// Noise in every dimension, as a share of the median edge: a flat start could not leave its plane
/// without it.
const NOISE: f64 = 1e-3;
/// Share of the first eigenvalue from which on a dimension counts as filled.
const DIMENSION: f64 = 0.01;

/// Landmarks, and how far all points are from them along the graph.
pub(super) struct Start<'a> {
    graph: &'a NeighbourGraph,
    /// For each landmark, the squared lengths of the shortest paths to all points.
    squares: Vec<Vec<f64>>,
    /// For each landmark, the mean of its squares to the landmarks.
    means: Vec<f64>,
    /// Eigenvalues of the landmarks' Gram matrix, descending, and its eigenvectors as columns.
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl<'a> Start<'a> {
    pub(super) fn new(graph: &'a NeighbourGraph) -> Result<Self> {
        let mut neighbours = vec![Vec::new(); graph.masses.len()];
        for (&(a, b), &length) in graph.ends.iter().zip(&graph.lengths) {
            neighbours[a as usize].push((b, length));
            neighbours[b as usize].push((a, length));
        }
        let (landmarks, squares) = landmarks(&neighbours);
        let count = landmarks.len();
        let mean_of =
            |row: &Vec<f64>| landmarks.iter().map(|&l| row[l]).sum::<f64>() / count as f64;
        let means: Vec<f64> = squares.iter().map(mean_of).collect();
        let mean = means.iter().sum::<f64>() / count as f64;
        let gram = Mat::from_fn(count, count, |i, j| {
            -0.5 * (squares[i][landmarks[j]] - means[i] - means[j] + mean)
        });
        let eigen = gram.self_adjoint_eigen(Side::Lower).map_err(|error| {
            Error::Data(format!("MVU: eigenvalues of the start did not converge ({error:?})"))
        })?;
        let values = (0..count).rev().map(|i| eigen.S()[i]).collect();
        let vectors = Mat::from_fn(count, count, |i, j| eigen.U()[(i, count - 1 - j)]);
        Ok(Self { graph, squares, means, values, vectors })
    }

    /// Returns the number of dimensions that the landmarks fill.
    pub(super) fn dimensions(&self) -> usize {
        self.values.iter().take_while(|&&value| value > DIMENSION * self.values[0]).count()
    }

    /// Returns coordinates, [points, rank] row-major, whose edges are on average as long as they
    /// should be.
    pub(super) fn coordinates(&self, rank: usize, seed: u64) -> Vec<f64> {
        let (points, count) = (self.graph.masses.len(), self.means.len());
        let scale = self.graph.scale();
        let mut rng = sample_rng(seed, 0);
        let mut noise = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut at: Vec<f64> = (0..points * rank).map(|_| NOISE * scale * noise()).collect();
        for dimension in 0..rank.min(count) {
            if self.values[dimension] <= self.values[0] * 1e-9 {
                break;
            }
            let vector = self.vectors.col(dimension);
            // The sign of an eigenvector is arbitrary.
            let largest =
                vector.iter().fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best });
            let factor = 0.5 * largest.signum() / self.values[dimension].sqrt();
            for point in 0..points {
                let sum: f64 =
                    (0..count).map(|l| vector[l] * (self.means[l] - self.squares[l][point])).sum();
                at[point * rank + dimension] += factor * sum;
            }
        }
        let (mut product, mut square) = (0.0, 0.0);
        for (&(a, b), &length) in self.graph.ends.iter().zip(&self.graph.lengths) {
            let (a, b) = (a as usize * rank, b as usize * rank);
            let now: f64 = (0..rank).map(|c| (at[a + c] - at[b + c]).powi(2)).sum();
            product += now.sqrt() * length;
            square += now;
        }
        at.iter_mut().for_each(|v| *v *= product / square);
        at
    }
}

/// Chooses landmarks, each as far as possible from those before; returns them and the squares of
/// their shortest paths to all points.
fn landmarks(neighbours: &[Vec<(u32, f64)>]) -> (Vec<usize>, Vec<Vec<f64>>) {
    let (mut chosen, mut squares) = (Vec::new(), Vec::new());
    let mut nearest = vec![f64::INFINITY; neighbours.len()];
    let mut next = 0;
    while chosen.len() < LANDMARKS.min(neighbours.len()) {
        let paths = shortest_paths(neighbours, next);
        nearest.iter_mut().zip(&paths).for_each(|(nearest, &path)| *nearest = path.min(*nearest));
        chosen.push(next);
        squares.push(paths.into_iter().map(|path| path * path).collect());
        next = (0..nearest.len())
            .fold(0, |best, at| if nearest[at] > nearest[best] { at } else { best });
    }
    (chosen, squares)
}

/// Dijkstra's algorithm. The heap compares bits, which for positive floats are ordered as the
/// floats are.
fn shortest_paths(neighbours: &[Vec<(u32, f64)>], from: usize) -> Vec<f64> {
    let mut paths = vec![f64::INFINITY; neighbours.len()];
    paths[from] = 0.0;
    let mut open = BinaryHeap::from([Reverse((0_u64, from as u32))]);
    while let Some(Reverse((bits, at))) = open.pop() {
        let path = f64::from_bits(bits);
        if path > paths[at as usize] {
            continue;
        }
        for &(to, length) in &neighbours[at as usize] {
            if path + length < paths[to as usize] {
                paths[to as usize] = path + length;
                open.push(Reverse(((path + length).to_bits(), to)));
            }
        }
    }
    paths
}
