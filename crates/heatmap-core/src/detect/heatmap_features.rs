//! Feature vectors of heatmaps that need no network, and an adapter that applies scores of feature
//! vectors to heatmaps.

use faer::Mat;
use rayon::prelude::*;

use super::Score;
use super::cells;
use super::click_map::check_grid;
use crate::{Grid, Heatmap, Result};

/// Computes features of a heatmap: the square roots of the shares of clicks in cells of several
/// bins. Their Euclidean distance is the Hellinger distance of the two distributions (times the
/// square root of 2), and the noise of the counts is the same in every cell (Anscombe 1948).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledShares {
    grid: Grid,
    cell_bins: usize,
}

impl PooledShares {
    const MAX_CELLS: usize = 1_024;

    /// Makes features of cells of `cell_bins` x `cell_bins` bins, or of larger ones if there would
    /// be more than 1,024 cells, because some scores keep a matrix of cells squared. The cells of
    /// the last row and column may be narrower.
    ///
    /// # Panics
    /// When `cell_bins` is 0.
    pub fn new(grid: Grid, cell_bins: usize) -> Self {
        assert!(cell_bins > 0, "a cell needs a bin");
        Self { grid, cell_bins: cells::coarse_enough(grid, cell_bins, Self::MAX_CELLS) }
    }

    /// Returns the side of a cell in bins.
    pub fn cell_bins(&self) -> usize {
        self.cell_bins
    }

    /// Returns the number of features.
    pub fn len(&self) -> usize {
        cells::count(self.grid, self.cell_bins)
    }

    /// Returns whether there are no features, because there are no bins.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the features of one heatmap; zeros without a click.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins.
    pub fn of(&self, heatmap: &Heatmap) -> Result<Vec<f64>> {
        check_grid(self.grid, heatmap)?;
        let mut cells = cells::pooled(self.grid, self.cell_bins, heatmap.values());
        let total: f64 = cells.iter().sum();
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        cells.iter_mut().for_each(|cell| *cell = (*cell * scale).sqrt());
        Ok(cells)
    }

    /// Returns the features of many heatmaps, `[heatmaps, features]`.
    ///
    /// # Errors
    /// When a heatmap has other rows or columns of bins.
    pub fn table(&self, heatmaps: &[&Heatmap]) -> Result<Mat<f64>> {
        let rows: Vec<Vec<f64>> =
            heatmaps.par_iter().map(|heatmap| self.of(heatmap)).collect::<Result<_>>()?;
        Ok(Mat::from_fn(rows.len(), self.len(), |row, column| rows[row][column]))
    }
}

/// Applies a score of feature vectors to the features of a heatmap.
#[derive(Debug, Clone)]
pub struct OnFeatures<S> {
    features: PooledShares,
    score: S,
}

impl<S> OnFeatures<S> {
    /// Combines `features` with a `score` that was fitted to such features.
    pub fn new(features: PooledShares, score: S) -> Self {
        Self { features, score }
    }
}

impl<S: Score<[f64]>> Score<Heatmap> for OnFeatures<S> {
    fn name(&self) -> &'static str {
        self.score.name()
    }

    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        self.score.score(&self.features.of(heatmap)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_pool_their_bins_and_have_length_one() {
        let grid = Grid { rows: 3, columns: 5, bin_size_px: 5.0 };
        let values = (0..15).map(|v| v as f32).collect();
        let pooled = PooledShares::new(grid, 2);
        let features = pooled.of(&Heatmap::from_values(grid, values).unwrap()).unwrap();
        // Rows 0 and 1: (0 + 1 + 5 + 6), (2 + 3 + 7 + 8), (4 + 9); row 2: (10 + 11), (12 + 13), 14;
        // of 105.
        for (feature, sum) in features.iter().zip([12.0, 20.0, 13.0, 21.0, 25.0, 14.0_f64]) {
            assert!((feature - (sum / 105.0).sqrt()).abs() < 1e-15);
        }
        assert_eq!((pooled.len(), features.len()), (6, 6));
        assert_eq!(pooled.of(&Heatmap::zeros(grid)).unwrap(), [0.0; 6]);
    }
}
