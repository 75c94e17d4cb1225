//! The edges whose lengths MVU keeps: pairs of which one is among the k nearest neighbours of the other.
//!
//! Equal samples are one point with their number as its mass, before neighbours are counted: six copies of a banner would
//! otherwise be each other's five neighbours and nobody else's. A graph in parts would let the variance grow without
//! bound; bridges, the shortest pairs between parts as a spanning tree, make it one.
//!
//! Neighbours are found by brute force. The data may be wide, so blocks of features give the Gram matrix; what it
//! suggests is then measured by differences, which cancellation does not touch. No sum depends on the number of threads.

use std::collections::BTreeMap;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use super::super::check_features;
use crate::{Error, Result};

/// Neighbours that the Gram matrix suggests beyond k, for it may rank nearly equal distances wrongly.
const SPARE: usize = 3;
/// Numbers in a block of features.
const BLOCK: usize = 1 << 22;
/// Points along a tile of the Gram matrix.
const TILE: usize = 256;
/// Points nearer than this share of the root mean square edge are one point.
const SAME: f64 = 1e-6;

/// A connected graph of distinct points.
#[derive(Debug, Clone)]
pub(super) struct NeighbourGraph {
    /// The point of each sample.
    pub(super) point_of: Vec<u32>,
    /// Samples at each point.
    pub(super) masses: Vec<f64>,
    /// Edges with the smaller point first, ascending, each once.
    pub(super) ends: Vec<(u32, u32)>,
    pub(super) lengths: Vec<f64>,
    /// Edges that only connect parts.
    pub(super) bridges: usize,
}

impl NeighbourGraph {
    /// From samples, [samples, features], and the number of neighbours.
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

    /// From pairs of samples and their distances.
    pub(super) fn of_distances(samples: usize, edges: &[(usize, usize, f64)]) -> Result<Self> {
        let mut list = Vec::with_capacity(edges.len());
        for &(a, b, length) in edges {
            if a >= samples || b >= samples {
                return Err(Error::Data(format!("edge ({a}, {b}) in a graph of {samples} samples")));
            }
            if !(length.is_finite() && length >= 0.0) {
                return Err(Error::Data(format!("edge ({a}, {b}) has the length {length}")));
            }
            if a == b && length > 0.0 {
                return Err(Error::Data(format!("sample {a} has the distance {length} to itself")));
            }
            if a != b {
                list.push((a.min(b) as u32, a.max(b) as u32, length));
            }
        }
        Self::merged(samples, &list)
    }

    /// Makes ends of edges without length one point and checks that the rest is connected and consistent.
    fn merged(samples: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        let scale = (edges.iter().map(|e| e.2 * e.2).sum::<f64>() / edges.len().max(1) as f64).sqrt();
        if !scale.is_finite() || (scale == 0.0 && edges.iter().any(|e| e.2 > 0.0)) {
            return Err(Error::Data("distances overflow or vanish when they are squared".to_owned()));
        }
        let (mut parts, mut same) = (Parts::new(samples), Parts::new(samples));
        for &(a, b, length) in edges {
            parts.join(a, b);
            if length <= SAME * scale {
                same.join(a, b);
            }
        }
        let roots = (0..samples as u32).filter(|&i| parts.root(i) == i).count();
        if roots > 1 {
            let reason = "MVU is unbounded unless one can walk from every sample to every other";
            return Err(Error::Data(format!("the graph has {roots} parts: {reason}")));
        }
        let (mut point_at, mut points) = (vec![u32::MAX; samples], 0);
        let mut point_of = Vec::with_capacity(samples);
        for sample in 0..samples as u32 {
            let root = same.root(sample) as usize;
            if point_at[root] == u32::MAX {
                point_at[root] = points;
                points += 1;
            }
            point_of.push(point_at[root]);
        }
        if points < 2 {
            return Err(Error::Data("MVU needs two different samples".to_owned()));
        }
        let mut lengths: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for &(a, b, length) in edges {
            let (p, q) = (point_of[a as usize], point_of[b as usize]);
            if p == q {
                if length > 2.0 * SAME * scale {
                    return Err(Error::Data(format!("samples {a} and {b} are one point, yet {length} apart")));
                }
                continue;
            }
            let known = *lengths.entry((p.min(q), p.max(q))).or_insert(length);
            if (known - length).abs() > 2.0 * SAME * scale {
                return Err(Error::Data(format!("samples {a} and {b} have two distances, {known} and {length}")));
            }
        }
        let mut masses = vec![0.0; points as usize];
        point_of.iter().for_each(|&point| masses[point as usize] += 1.0);
        let (ends, lengths) = lengths.into_iter().unzip();
        Ok(Self { point_of, masses, ends, lengths, bridges: 0 })
    }

    /// Root of the mean square of the lengths.
    pub(super) fn scale(&self) -> f64 {
        (self.lengths.iter().map(|l| l * l).sum::<f64>() / self.lengths.len() as f64).sqrt()
    }
}

/// The point of each row, and a row of each point; rows are the same point when all their values are equal.
fn distinct_rows(data: MatRef<'_, f64>) -> (Vec<u32>, Vec<usize>) {
    let mut hashes = vec![0_u64; data.nrows()];
    for column in 0..data.ncols() {
        for (row, hash) in hashes.iter_mut().enumerate() {
            // Adding zero makes -0 the same as 0.
            let bits = (data[(row, column)] + 0.0).to_bits();
            *hash = (hash.rotate_left(23) ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    let mut by_hash: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let (mut point_of, mut samples) = (Vec::with_capacity(data.nrows()), Vec::new());
    for (row, &hash) in hashes.iter().enumerate() {
        let known = by_hash.entry(hash).or_default();
        let equal = |&point: &u32| (0..data.ncols()).all(|j| data[(row, j)] == data[(samples[point as usize], j)]);
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
        for column in 0..width {
            let mean = samples.iter().map(|&s| data[(s, first + column)]).sum::<f64>() / samples.len() as f64;
            for (point, &sample) in samples.iter().enumerate() {
                block[(column, point)] = data[(sample, first + column)] - mean;
            }
        }
        work(block.subrows(0, width));
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
        let places: Vec<(usize, usize)> =
            (0..points.div_ceil(TILE)).flat_map(|row| (0..=row).map(move |column| (row, column))).collect();
        let mut tiles: Vec<Mat<f64>> = places.iter().map(|&(r, c)| Mat::zeros(span(r).1, span(c).1)).collect();
        for_blocks(data, samples, |block| {
            places.par_iter().zip(&mut tiles).for_each(|(&(row, column), tile)| {
                let ((row, rows), (column, columns)) = (span(row), span(column));
                let left = block.subcols(row, rows).transpose();
                matmul(tile.as_mut(), Accum::Add, left, block.subcols(column, columns), 1.0, Par::Seq);
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

/// Squared distances of pairs of points, from their differences.
fn exact_squares(data: MatRef<'_, f64>, samples: &[usize], pairs: &[(u32, u32)]) -> Vec<f64> {
    let mut squares = vec![0.0; pairs.len()];
    if pairs.is_empty() {
        return squares;
    }
    for_blocks(data, samples, |block| {
        let values = |point: u32| block.col(point as usize).try_as_col_major().expect("a block is stored by columns");
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

/// Edges to the `k` nearest of each point, with lengths; of equally far points the first.
fn nearest(gram: &Gram, data: MatRef<'_, f64>, samples: &[usize], k: usize) -> Vec<(u32, u32, f64)> {
    let points = gram.points;
    let wanted = (k + SPARE).min(points - 1);
    let by_distance = |x: &(f64, u32), y: &(f64, u32)| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1));
    let suggested: Vec<Vec<u32>> = (0..points)
        .into_par_iter()
        .map(|point| {
            let others = (0..points).filter(|&other| other != point);
            let mut others: Vec<_> = others.map(|other| (gram.square(point, other), other as u32)).collect();
            others.select_nth_unstable_by(wanted - 1, by_distance);
            others[..wanted].iter().map(|&(_, other)| other).collect()
        })
        .collect();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for (point, others) in suggested.iter().enumerate() {
        pairs.extend(others.iter().map(|&other| (other.min(point as u32), other.max(point as u32))));
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

/// The shortest pairs that connect the parts of a graph.
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

/// Disjoint sets of points.
struct Parts(Vec<u32>);

impl Parts {
    fn new(points: usize) -> Self {
        Self((0..points as u32).collect())
    }

    fn root(&mut self, mut point: u32) -> u32 {
        while self.0[point as usize] != point {
            self.0[point as usize] = self.0[self.0[point as usize] as usize];
            point = self.0[point as usize];
        }
        point
    }

    /// Joins two sets; whether they were two.
    fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
        a != b
    }
}
