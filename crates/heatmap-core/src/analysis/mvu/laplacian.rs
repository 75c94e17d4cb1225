//! Sparse Cholesky factors L D L^T of a weighted graph Laplacian plus a diagonal.
//!
//! The order of elimination is by minimum degree (Tinney and Walker 1967, scheme 2). A graph of
//! neighbours on a surface has little fill-in; in many dimensions the last third or so of the
//! points ends in one dense block, whose columns have no gaps and are treated as plain slices.
//! Pivots are not exchanged: their signs count eigenvalues (Sylvester), and where the matrix is
//! positive they need not be.

use std::collections::BTreeSet;

/// The rest of the graph is taken for complete once every node in it has this share of the others
/// as neighbours.
const DENSE: f64 = 0.7;

/// A graph with the sparsity pattern of its factor, whose numbers [`Self::factor`] computes.
#[derive(Debug, Clone)]
pub(super) struct Laplacian {
    /// Node at each place of the elimination, and the place of each node.
    order: Vec<u32>,
    place: Vec<u32>,
    /// Columns of L below the diagonal: `rows[starts[j]..starts[j + 1]]`, ascending, all as places
    /// of the elimination.
    starts: Vec<usize>,
    rows: Vec<u32>,
    /// Where the entries of each row of L lie: (column, index into `rows`), by `row_starts`.
    row_starts: Vec<usize>,
    by_row: Vec<(u32, u32)>,
    /// Index into `rows` of each edge.
    edge_at: Vec<u32>,
    ends: Vec<(u32, u32)>,
    lower: Vec<f64>,
    pivots: Vec<f64>,
    work: Vec<f64>,
}

impl Laplacian {
    /// Computes the pattern for `nodes` nodes and the `ends` of edges (no loops, each pair once).
    pub(super) fn new(nodes: usize, ends: &[(u32, u32)]) -> Self {
        let (order, columns) = eliminate(nodes, ends);
        let mut place = vec![0_u32; nodes];
        for (at, &node) in order.iter().enumerate() {
            place[node as usize] = at as u32;
        }
        let (mut starts, mut rows) = (vec![0], Vec::new());
        for column in columns {
            let from = rows.len();
            rows.extend(column.into_iter().map(|node| place[node as usize]));
            rows[from..].sort_unstable();
            starts.push(rows.len());
        }
        let mut row_starts = vec![0_usize; nodes + 1];
        for &row in &rows {
            row_starts[row as usize + 1] += 1;
        }
        for row in 0..nodes {
            row_starts[row + 1] += row_starts[row];
        }
        let (mut by_row, mut next) = (vec![(0, 0); rows.len()], row_starts.clone());
        for column in 0..nodes {
            for at in starts[column]..starts[column + 1] {
                let slot = &mut next[rows[at] as usize];
                by_row[*slot] = (column as u32, at as u32);
                *slot += 1;
            }
        }
        let edge_at = ends
            .iter()
            .map(|&(a, b)| {
                let (a, b) = (place[a as usize], place[b as usize]);
                let column = starts[a.min(b) as usize]..starts[a.min(b) as usize + 1];
                let found = rows[column.clone()]
                    .binary_search(&a.max(b))
                    .expect("an edge is in the pattern");
                (column.start + found) as u32
            })
            .collect();
        let lower = vec![0.0; rows.len()];
        let (pivots, work) = (vec![0.0; nodes], vec![0.0; nodes]);
        let ends = ends.to_vec();
        Self { order, place, starts, rows, row_starts, by_row, edge_at, ends, lower, pivots, work }
    }

    /// Factors the Laplacian with these weights of the edges plus `diagonal` of the nodes. Returns
    /// the number of negative pivots, which is the number of negative eigenvalues.
    pub(super) fn factor(&mut self, weights: &[f64], diagonal: impl Fn(usize) -> f64) -> usize {
        self.lower.fill(0.0);
        for (pivot, &node) in self.pivots.iter_mut().zip(&self.order) {
            *pivot = diagonal(node as usize);
        }
        for ((&(a, b), &at), &weight) in self.ends.iter().zip(&self.edge_at).zip(weights) {
            self.pivots[self.place[a as usize] as usize] += weight;
            self.pivots[self.place[b as usize] as usize] += weight;
            self.lower[at as usize] -= weight;
        }
        for column in 0..self.pivots.len() {
            self.factor_column(column);
        }
        self.pivots.iter().filter(|&&pivot| pivot < 0.0).count()
    }

    fn factor_column(&mut self, column: usize) {
        let own = self.starts[column]..self.starts[column + 1];
        for at in own.clone() {
            self.work[self.rows[at] as usize] = self.lower[at];
        }
        let mut pivot = self.pivots[column];
        for &(earlier, at) in &self.by_row[self.row_starts[column]..self.row_starts[column + 1]] {
            let (earlier, at) = (earlier as usize, at as usize);
            let scaled = self.lower[at] * self.pivots[earlier];
            pivot -= self.lower[at] * scaled;
            let below = at + 1..self.starts[earlier + 1];
            let (rows, lower) = (&self.rows[below.clone()], &self.lower[below]);
            if let Some(first) = run(rows) {
                for (work, lower) in self.work[first..first + lower.len()].iter_mut().zip(lower) {
                    *work -= scaled * lower;
                }
            } else {
                for (&row, lower) in rows.iter().zip(lower) {
                    self.work[row as usize] -= scaled * lower;
                }
            }
        }
        // Division by a pivot that rounding took to zero would spread infinities.
        if pivot.abs() < f64::MIN_POSITIVE {
            pivot = f64::MIN_POSITIVE;
        }
        self.pivots[column] = pivot;
        for at in own {
            let row = self.rows[at] as usize;
            self.lower[at] = self.work[row] / pivot;
            self.work[row] = 0.0;
        }
    }

    /// Solves for R right-hand sides at once; `right`, `out` and `scratch` are all [nodes, R].
    #[inline(always)]
    pub(super) fn solve<const R: usize>(
        &self,
        right: &[[f64; R]],
        out: &mut [[f64; R]],
        scratch: &mut [[f64; R]],
    ) {
        for (to, &node) in scratch.iter_mut().zip(&self.order) {
            *to = right[node as usize];
        }
        for column in 0..scratch.len() {
            let value = scratch[column];
            let below = self.starts[column]..self.starts[column + 1];
            for (&row, &factor) in self.rows[below.clone()].iter().zip(&self.lower[below]) {
                let to = &mut scratch[row as usize];
                for c in 0..R {
                    to[c] -= factor * value[c];
                }
            }
        }
        for column in (0..scratch.len()).rev() {
            let inverse = 1.0 / self.pivots[column];
            let mut value = scratch[column].map(|v| v * inverse);
            let below = self.starts[column]..self.starts[column + 1];
            for (&row, &factor) in self.rows[below.clone()].iter().zip(&self.lower[below]) {
                let from = &scratch[row as usize];
                for c in 0..R {
                    value[c] -= factor * from[c];
                }
            }
            scratch[column] = value;
        }
        for (from, &node) in scratch.iter().zip(&self.order) {
            out[node as usize] = *from;
        }
    }
}

/// Returns the first of ascending rows if these have no gap.
fn run(rows: &[u32]) -> Option<usize> {
    let (&first, &last) = (rows.first()?, rows.last()?);
    ((last - first) as usize + 1 == rows.len()).then_some(first as usize)
}

/// Returns the order of elimination, and for each node those neighbours that are eliminated after
/// it.
fn eliminate(nodes: usize, ends: &[(u32, u32)]) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut neighbours = vec![Vec::new(); nodes];
    for &(a, b) in ends {
        neighbours[a as usize].push(b);
        neighbours[b as usize].push(a);
    }
    neighbours.iter_mut().for_each(|list| list.sort_unstable());
    let mut by_degree: BTreeSet<(usize, u32)> =
        (0..nodes).map(|node| (neighbours[node].len(), node as u32)).collect();
    let (mut order, mut columns) = (Vec::with_capacity(nodes), Vec::with_capacity(nodes));
    let mut merged = Vec::new();
    while let Some(&(degree, node)) = by_degree.first() {
        if degree as f64 >= DENSE * (by_degree.len() - 1) as f64 {
            break;
        }
        by_degree.pop_first();
        order.push(node);
        let later = std::mem::take(&mut neighbours[node as usize]);
        for &a in &later {
            let of_a = &mut neighbours[a as usize];
            by_degree.remove(&(of_a.len(), a));
            merge(of_a, &later, &mut merged);
            merged.retain(|&b| b != a && b != node);
            std::mem::swap(of_a, &mut merged);
            by_degree.insert((of_a.len(), a));
        }
        columns.push(later);
    }
    let rest: Vec<u32> = by_degree.into_iter().map(|(_, node)| node).collect();
    for (at, &node) in rest.iter().enumerate() {
        order.push(node);
        columns.push(rest[at + 1..].to_vec());
    }
    (order, columns)
}

/// Writes the union of two ascending lists to `out`.
fn merge(mut a: &[u32], mut b: &[u32], out: &mut Vec<u32>) {
    out.clear();
    while let (Some(&x), Some(&y)) = (a.first(), b.first()) {
        out.push(x.min(y));
        a = &a[usize::from(x <= y)..];
        b = &b[usize::from(y <= x)..];
    }
    out.extend_from_slice(a);
    out.extend_from_slice(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use faer::{Mat, Side};
    use rand::Rng;

    fn random_graph(nodes: usize, degree: usize) -> (Vec<(u32, u32)>, Vec<f64>) {
        let mut rng = sample_rng(5, nodes as u64);
        let mut below = |n: u64| rng.next_u64() % n;
        let mut ends = BTreeSet::new();
        for a in 1..nodes as u64 {
            for _ in 0..degree {
                ends.insert((below(a) as u32, a as u32));
            }
        }
        let weights = ends.iter().map(|_| 0.5 + below(1000) as f64 / 1000.0).collect();
        (ends.into_iter().collect(), weights)
    }

    fn dense(nodes: usize, ends: &[(u32, u32)], weights: &[f64], diagonal: f64) -> Mat<f64> {
        let mut matrix = Mat::zeros(nodes, nodes);
        for (&(a, b), &w) in ends.iter().zip(weights) {
            let (a, b) = (a as usize, b as usize);
            matrix[(a, a)] += w;
            matrix[(b, b)] += w;
            matrix[(a, b)] -= w;
            matrix[(b, a)] -= w;
        }
        for i in 0..nodes {
            matrix[(i, i)] += diagonal;
        }
        matrix
    }

    #[test]
    fn exact_factors_solve_the_system() {
        let (ends, weights) = random_graph(40, 2);
        let mut laplacian = Laplacian::new(40, &ends);
        assert_eq!(laplacian.factor(&weights, |_| 0.3), 0);
        let right: Vec<[f64; 2]> =
            (0..40).map(|i| [f64::from(i).sin(), f64::from(i).cos()]).collect();
        let (mut out, mut scratch) = (vec![[0.0; 2]; 40], vec![[0.0; 2]; 40]);
        laplacian.solve(&right, &mut out, &mut scratch);
        let back = dense(40, &ends, &weights, 0.3) * Mat::from_fn(40, 2, |i, c| out[i][c]);
        for i in 0..40 {
            assert!((0..2).all(|c| (back[(i, c)] - right[i][c]).abs() < 1e-12), "row {i}");
        }
    }

    #[test]
    fn negative_pivots_count_negative_eigenvalues() {
        let (ends, mut weights) = random_graph(60, 2);
        weights.iter_mut().step_by(3).for_each(|w| *w = -*w);
        let mut laplacian = Laplacian::new(60, &ends);
        for shift in [-3.0, -1.0, -0.2, 0.1, 0.7, 2.0, 5.0] {
            let values =
                dense(60, &ends, &weights, -shift).self_adjoint_eigenvalues(Side::Lower).unwrap();
            let negative = values.iter().filter(|&&v| v < 0.0).count();
            assert_eq!(laplacian.factor(&weights, |_| -shift), negative, "shift {shift}");
        }
    }

    #[test]
    fn sparse_graphs_fill_little_and_dense_ones_no_more_than_everything() {
        let path: Vec<(u32, u32)> = (1..100).map(|i| (i - 1, i)).collect();
        assert_eq!(Laplacian::new(100, &path).rows.len(), 99);
        let complete: Vec<(u32, u32)> = (0..30).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        assert_eq!(Laplacian::new(30, &complete).rows.len(), 30 * 29 / 2);
    }
}
