//! Rows whose values lie together, and their distances: what the clusterings spend their time on.

use faer::{Mat, MatRef};

/// Rows of features, each in one piece.
pub(super) struct Rows {
    /// [features, samples].
    columns: Mat<f64>,
}

impl Rows {
    /// Those of `data`, [samples, features].
    pub(super) fn new(data: MatRef<'_, f64>) -> Self {
        Self { columns: data.transpose().to_owned() }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.ncols()
    }

    pub(super) fn row(&self, at: usize) -> &[f64] {
        self.columns
            .col(at)
            .try_as_col_major()
            .expect("columns of a Mat are in one piece")
            .as_slice()
    }

    /// All rows as columns, [features, samples].
    pub(super) fn columns(&self) -> MatRef<'_, f64> {
        self.columns.as_ref()
    }

    /// Squared Euclidean distance of two rows, the same both ways and 0 for equal ones.
    pub(super) fn squared_distance(&self, a: usize, b: usize) -> f64 {
        squared_distance(self.row(a), self.row(b))
    }
}

/// Squared Euclidean distance.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    // Four sums: one alone would wait for each addition.
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
