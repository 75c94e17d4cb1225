//! The graph of nearest neighbours: pairs of which one is among the k nearest of the other.
//!
//! Equal samples become one point before neighbours are counted: six copies of a banner would
//! otherwise be each other's five neighbours and nobody else's. Bridges, a spanning tree of the
//! shortest pairs between the parts of the graph, connect it.
//!
//! Neighbours are found by brute force. The data may be wide, so the Gram matrix is summed over
//! blocks of features. It suggests candidates, with all that rounding leaves in doubt, whose
//! distances are then computed from differences, which have no cancellation. No sum depends on the
//! number of threads.

use std::collections::BTreeMap;

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use super::super::check_features;
use super::graph::{NeighbourGraph, Parts};
use crate::{Error, Result};

/// Rounding error of a squared distance from the Gram matrix, as a share of the squared distances
/// to the mean.
const ROUNDING: f64 = 64.0 * f64::EPSILON;
/// Numbers in a block of features.
const BLOCK: usize = 1 << 22;
/// Points along the side of a tile of the Gram matrix.
const TILE: usize = 256;

impl NeighbourGraph {
    /// Makes a graph from samples, [samples, features], and the number of neighbours.
    pub(super) fn of_samples(data: MatRef<'_, f64>, neighbors: usize) -> Result<Self> {
        check_features(data)?;
        let (point_of, samples) = distinct_rows(data);
        let points = samples.len();
        if points < 2 {
            return Err(Error::Data("MVU needs two different samples".to_owned()));
        }
        let gram = Gram::new(data, &samples);
        let nearest = nearest(&gram, data, &samples, neighbors.min(points - 1));
        let (bridges, mut edges) = (bridges(&gram, &nearest), nearest);
        let squares = exact_squares(data, &samples, &bridges);
        edges.extend(bridges.iter().zip(squares).map(|(&(a, b), square)| (a, b, square.sqrt())));
        let mut graph = Self::merged(points, &edges)?;
        graph.bridges = bridges.len();
        graph.point_of = point_of.iter().map(|&point| graph.point_of[point as usize]).collect();
        graph.masses.fill(0.0);
        for &point in &graph.point_of {
            graph.masses[point as usize] += 1.0;
        }
        Ok(graph)
    }
}

/// Returns the point of each row, and a row of each point; rows are the same point when all their
/// values are equal.
fn distinct_rows(data: MatRef<'_, f64>) -> (Vec<u32>, Vec<usize>) {
    let mut hashes = vec![0_u64; data.nrows()];
    let mut mix = |row: usize, column: usize| {
        // Adding zero makes -0 the same as 0.
        let bits = (data[(row, column)] + 0.0).to_bits();
        hashes[row] = (hashes[row].rotate_left(23) ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    };
    // In the order of memory; each row mixes its columns in the same order.
    if data.col_stride() == 1 {
        (0..data.nrows()).for_each(|row| (0..data.ncols()).for_each(|column| mix(row, column)));
    } else {
        (0..data.ncols()).for_each(|column| (0..data.nrows()).for_each(|row| mix(row, column)));
    }
    let mut by_hash: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let (mut point_of, mut samples) = (Vec::with_capacity(data.nrows()), Vec::new());
    for (row, &hash) in hashes.iter().enumerate() {
        let known = by_hash.entry(hash).or_default();
        let equal = |&point: &u32| {
            (0..data.ncols()).all(|j| data[(row, j)] == data[(samples[point as usize], j)])
        };
        let point = known.iter().copied().find(equal).unwrap_or_else(|| {
            known.push(samples.len() as u32);
            samples.len() as u32
        });
        if point as usize == samples.len() {
            samples.push(row);
        }
        point_of.push(point);
    }
    (point_of, samples)
}

/// Calls `work` with blocks of centred features, [features of the block, points].
fn for_blocks(data: MatRef<'_, f64>, samples: &[usize], mut work: impl FnMut(MatRef<'_, f64>)) {
    let width = (BLOCK / samples.len()).clamp(1, data.ncols());
    let mut block = Mat::zeros(width, samples.len());
    for first in (0..data.ncols()).step_by(width) {
        let width = width.min(data.ncols() - first);
        let mut block = block.as_mut().subrows_mut(0, width);
        if data.col_stride() == 1 {
            for (point, &sample) in samples.iter().enumerate() {
                (0..width)
                    .for_each(|column| block[(column, point)] = data[(sample, first + column)]);
            }
        } else {
            for column in 0..width {
                for (point, &sample) in samples.iter().enumerate() {
                    block[(column, point)] = data[(sample, first + column)];
                }
            }
        }
        let mut means = vec![0.0; width];
        for point in 0..samples.len() {
            means
                .iter_mut()
                .zip(block.rb().col(point).iter())
                .for_each(|(mean, value)| *mean += value);
        }
        for point in 0..samples.len() {
            let values = block.rb_mut().col_mut(point);
            values
                .iter_mut()
                .zip(&means)
                .for_each(|(value, mean)| *value -= mean / samples.len() as f64);
        }
        work(block.rb());
    }
}

/// Scalar products of all points, in tiles on and below the diagonal.
struct Gram {
    points: usize,
    tiles: Vec<Mat<f64>>,
}

impl Gram {
    fn new(data: MatRef<'_, f64>, samples: &[usize]) -> Self {
        let points = samples.len();
        let span = |tile: usize| (tile * TILE, TILE.min(points - tile * TILE));
        let places: Vec<(usize, usize)> = (0..points.div_ceil(TILE))
            .flat_map(|row| (0..=row).map(move |column| (row, column)))
            .collect();
        let mut tiles: Vec<Mat<f64>> =
            places.iter().map(|&(r, c)| Mat::zeros(span(r).1, span(c).1)).collect();
        for_blocks(data, samples, |block| {
            places.par_iter().zip(&mut tiles).for_each(|(&(row, column), tile)| {
                let ((row, rows), (column, columns)) = (span(row), span(column));
                let left = block.subcols(row, rows).transpose();
                matmul(
                    tile.as_mut(),
                    Accum::Add,
                    left,
                    block.subcols(column, columns),
                    1.0,
                    Par::Seq,
                );
            });
        });
        Self { points, tiles }
    }

    fn product(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (a.max(b), a.min(b));
        let (row, column) = (a / TILE, b / TILE);
        self.tiles[row * (row + 1) / 2 + column][(a % TILE, b % TILE)]
    }

    fn square(&self, a: usize, b: usize) -> f64 {
        (self.product(a, a) + self.product(b, b) - 2.0 * self.product(a, b)).max(0.0)
    }
}

/// Returns the squared distances of pairs of points, from their differences.
fn exact_squares(data: MatRef<'_, f64>, samples: &[usize], pairs: &[(u32, u32)]) -> Vec<f64> {
    let mut squares = vec![0.0; pairs.len()];
    if pairs.is_empty() {
        return squares;
    }
    for_blocks(data, samples, |block| {
        let values = |point: u32| {
            block.col(point as usize).try_as_col_major().expect("a block is stored by columns")
        };
        squares.par_iter_mut().zip(pairs).for_each(|(square, &(a, b))| {
            let mut lanes = [0.0; 8];
            for (at, (x, y)) in values(a).as_slice().iter().zip(values(b).as_slice()).enumerate() {
                lanes[at % 8] += (x - y) * (x - y);
            }
            *square += lanes.iter().sum::<f64>();
        });
    });
    squares
}

/// Returns the edges from each point to its `k` nearest, with lengths; of equally far points the
/// first.
fn nearest(
    gram: &Gram,
    data: MatRef<'_, f64>,
    samples: &[usize],
    k: usize,
) -> Vec<(u32, u32, f64)> {
    let points = gram.points;
    let by_distance = |x: &(f64, u32), y: &(f64, u32)| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1));
    let reach = (0..points).map(|point| gram.product(point, point)).collect::<Vec<_>>();
    let suggested: Vec<Vec<u32>> = (0..points)
        .into_par_iter()
        .map(|point| {
            let others = (0..points).filter(|&other| other != point);
            let mut others: Vec<_> =
                others.map(|other| (gram.square(point, other), other as u32)).collect();
            let (_, &mut (farthest, last), _) = others.select_nth_unstable_by(k - 1, by_distance);
            // Keep all that only rounding may have kept from being among the first k.
            let doubt = |other: u32| ROUNDING * (reach[point] + reach[other as usize]);
            let limit = farthest + doubt(last);
            others.retain(|&(square, other)| square <= limit + doubt(other));
            others.into_iter().map(|(_, other)| other).collect()
        })
        .collect();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for (point, others) in suggested.iter().enumerate() {
        pairs
            .extend(others.iter().map(|&other| (other.min(point as u32), other.max(point as u32))));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let squares = exact_squares(data, samples, &pairs);
    let mut kept = vec![false; pairs.len()];
    for (point, others) in suggested.iter().enumerate() {
        let mut others: Vec<(f64, u32, usize)> = others
            .iter()
            .map(|&other| {
                let pair = (other.min(point as u32), other.max(point as u32));
                let at = pairs.binary_search(&pair).expect("every suggestion is a pair");
                (squares[at], other, at)
            })
            .collect();
        others.sort_unstable_by(|x, y| by_distance(&(x.0, x.1), &(y.0, y.1)));
        others[..k].iter().for_each(|&(_, _, at)| kept[at] = true);
    }
    let edges = pairs.into_iter().zip(squares).zip(kept).filter(|(_, kept)| *kept);
    edges.map(|(((a, b), square), _)| (a, b, square.sqrt())).collect()
}

/// Returns the shortest pairs that connect the parts of a graph.
fn bridges(gram: &Gram, edges: &[(u32, u32, f64)]) -> Vec<(u32, u32)> {
    let mut parts = Parts::new(gram.points);
    for &(a, b, _) in edges {
        parts.join(a, b);
    }
    let roots: Vec<u32> = (0..gram.points as u32).map(|point| parts.root(point)).collect();
    if roots.iter().all(|&root| root == roots[0]) {
        return Vec::new();
    }
    let mut shortest: BTreeMap<(u32, u32), (f64, u32, u32)> = BTreeMap::new();
    for a in 0..gram.points {
        for b in a + 1..gram.points {
            let (p, q) = (roots[a], roots[b]);
            if p != q {
                let pair = (gram.square(a, b), a as u32, b as u32);
                let best = shortest.entry((p.min(q), p.max(q))).or_insert(pair);
                if pair.0 < best.0 {
                    *best = pair;
                }
            }
        }
    }
    let mut pairs: Vec<(f64, u32, u32)> = shortest.into_values().collect();
    pairs.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    pairs.into_iter().filter(|&(_, a, b)| parts.join(a, b)).map(|(_, a, b)| (a, b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand_distr::{Distribution, StandardNormal};
    use std::collections::BTreeSet;

    fn random(samples: usize, features: usize) -> Mat<f64> {
        let mut rng = sample_rng(9, features as u64);
        Mat::from_fn(samples, features, |_, _| StandardNormal.sample(&mut rng))
    }

    #[test]
    fn edges_are_those_of_naive_loops() {
        // More than one tile, and more than one block of features.
        for (samples, features, k) in [(300, 3, 5), (60, 100_000, 4), (7, 2, 6)] {
            let data = random(samples, features);
            let rows: Vec<Vec<f64>> =
                (0..samples).map(|i| data.row(i).iter().copied().collect()).collect();
            let difference = |a: usize, b: usize| {
                rows[a].iter().zip(&rows[b]).map(|(x, y)| (x - y).powi(2)).sum()
            };
            let squares: Vec<f64> =
                (0..samples * samples).map(|i| difference(i / samples, i % samples)).collect();
            let square = |a: usize, b: usize| squares[a * samples + b];
            let mut expected = BTreeSet::new();
            for a in 0..samples {
                let mut others: Vec<usize> = (0..samples).filter(|&b| b != a).collect();
                others.sort_by(|&x, &y| square(a, x).total_cmp(&square(a, y)));
                expected.extend(others[..k].iter().map(|&b| (a.min(b) as u32, a.max(b) as u32)));
            }
            let graph = NeighbourGraph::of_samples(data.as_ref(), k).unwrap();
            assert_eq!(
                graph.ends,
                expected.into_iter().collect::<Vec<_>>(),
                "{samples} x {features}"
            );
            for (&(a, b), &length) in graph.ends.iter().zip(&graph.lengths) {
                assert!((length * length / square(a as usize, b as usize) - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn near_neighbours_far_from_the_origin_keep_their_distances() {
        // The Gram matrix has lost these differences to cancellation.
        let data =
            Mat::from_fn(
                20,
                2,
                |i, c| if c == 0 { 1e7 * (i / 10) as f64 } else { 1e-3 * (i * i) as f64 },
            );
        let graph = NeighbourGraph::of_samples(data.as_ref(), 1).unwrap();
        assert_eq!(graph.bridges, 1);
        for (&(a, b), &length) in graph.ends.iter().zip(&graph.lengths) {
            let exact = 1e-3 * f64::from(b * b - a * a);
            assert!(b - a > 5 || (length / exact - 1.0).abs() < 1e-9, "{a}, {b}: {length} {exact}");
        }
    }

    #[test]
    fn equal_rows_become_one_point() {
        let data = Mat::from_fn(40, 3, |i, c| {
            ((i % 8) * (c + 2)) as f64 * if i < 8 && i % 8 == 0 { -1.0 } else { 1.0 }
        });
        let graph = NeighbourGraph::of_samples(data.as_ref(), 2).unwrap();
        assert_eq!(graph.masses, vec![5.0; 8]);
        assert!((0..40).all(|i| graph.point_of[i] == graph.point_of[i % 8]));
    }
}
