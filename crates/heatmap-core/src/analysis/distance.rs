//! Rows of features that are contiguous in memory, and their distances, on which clustering spends
//! its time.

use faer::{Mat, MatRef};

/// Rows of features, each contiguous in memory.
pub(super) struct Rows {
    /// [features, samples].
    columns: Mat<f64>,
}

impl Rows {
    /// Copies the rows of `data`, [samples, features].
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

    /// Returns the squared Euclidean distance of two rows, which is symmetric and 0 for equal rows.
    pub(super) fn squared_distance(&self, a: usize, b: usize) -> f64 {
        squared_distance(self.row(a), self.row(b))
    }
}

/// Squared Euclidean distance.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, because a single one would have to wait for each addition.
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
