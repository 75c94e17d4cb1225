//! The graph of the edges whose lengths MVU keeps.
//!
//! Samples at distance 0 become one point with their number as its mass: an edge of length 0 has no
//! direction, and its multiplier would grow without end. A graph that is not connected is an error,
//! for its variance has no bound.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// Samples nearer than this share of the median edge are one point.
const SAME: f64 = 1e-6;

/// A connected graph of distinct points.
#[derive(Debug, Clone)]
pub(super) struct NeighbourGraph {
    /// Index of the point of each sample.
    pub(super) point_of: Vec<u32>,
    /// Number of samples at each point.
    pub(super) masses: Vec<f64>,
    /// Edges with the smaller point first, ascending, each once.
    pub(super) ends: Vec<(u32, u32)>,
    pub(super) lengths: Vec<f64>,
    /// Number of edges that only connect parts of the graph.
    pub(super) bridges: usize,
}

impl NeighbourGraph {
    /// Makes a graph from pairs of samples and their distances.
    pub(super) fn of_distances(samples: usize, edges: &[(usize, usize, f64)]) -> Result<Self> {
        let mut list = Vec::with_capacity(edges.len());
        for &(a, b, length) in edges {
            if a >= samples || b >= samples {
                return Err(Error::Data(format!(
                    "edge ({a}, {b}) in a graph of {samples} samples"
                )));
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

    /// Merges the ends of edges without length into one point, and checks that the graph is
    /// connected and consistent.
    pub(super) fn merged(samples: usize, edges: &[(u32, u32, f64)]) -> Result<Self> {
        let scale = median(edges.iter().map(|edge| edge.2).filter(|&length| length > 0.0));
        let extreme = |length: f64| length > 0.0 && !(length * length / scale / scale).is_normal();
        if let Some(&(a, b, length)) = edges.iter().find(|edge| extreme(edge.2)) {
            return Err(Error::Data(format!(
                "samples {a} and {b} are {length} apart, others {scale}: squares overflow"
            )));
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
                    return Err(Error::Data(format!(
                        "samples {a} and {b} are one point, yet {length} apart"
                    )));
                }
                continue;
            }
            let known = *lengths.entry((p.min(q), p.max(q))).or_insert(length);
            if (known - length).abs() > 2.0 * SAME * scale {
                return Err(Error::Data(format!(
                    "samples {a} and {b} have two distances, {known} and {length}"
                )));
            }
        }
        let mut masses = vec![0.0; points as usize];
        point_of.iter().for_each(|&point| masses[point as usize] += 1.0);
        let (ends, lengths) = lengths.into_iter().unzip();
        Ok(Self { point_of, masses, ends, lengths, bridges: 0 })
    }

    /// Returns the median length, which a few bridges do not change.
    pub(super) fn scale(&self) -> f64 {
        median(self.lengths.iter().copied())
    }
}

/// Returns the upper median; 0 when there are no lengths.
fn median(lengths: impl Iterator<Item = f64>) -> f64 {
    let mut lengths: Vec<f64> = lengths.collect();
    if lengths.is_empty() {
        return 0.0;
    }
    let middle = lengths.len() / 2;
    *lengths.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Disjoint sets of points (union-find).
pub(super) struct Parts(Vec<u32>);

impl Parts {
    pub(super) fn new(points: usize) -> Self {
        Self((0..points as u32).collect())
    }

    pub(super) fn root(&mut self, mut point: u32) -> u32 {
        while self.0[point as usize] != point {
            self.0[point as usize] = self.0[self.0[point as usize] as usize];
            point = self.0[point as usize];
        }
        point
    }

    /// Joins the sets of two points; returns whether they were two sets.
    pub(super) fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
        a != b
    }
}
