//! [`Cells`]: bins of a heatmap pooled into coarser cells, for scores that compare shapes rather
//! than single bins.

use crate::{Error, Grid, Result};

/// Square cells of several bins each. The cells of the last row and column are narrower where the
/// cell size does not divide the number of bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cells {
    grid: Grid,
    cell_bins: usize,
}

impl Cells {
    /// Divides `grid` into cells of `cell_bins` x `cell_bins` bins.
    ///
    /// # Errors
    /// When `cell_bins` is 0 or `grid` has no bin.
    pub(super) fn new(grid: Grid, cell_bins: usize) -> Result<Self> {
        if cell_bins == 0 {
            return Err(Error::config("cell_bins", cell_bins, "must be positive"));
        }
        if grid.is_empty() {
            return Err(Error::Data(format!(
                "a grid of {} rows x {} columns has no cell",
                grid.rows, grid.columns
            )));
        }
        Ok(Self { grid, cell_bins })
    }

    /// Divides `grid` into cells of `cell_bins` x `cell_bins` bins, or into larger ones if there
    /// would be more than `most` cells.
    pub(super) fn of_at_most(grid: Grid, cell_bins: usize, most: usize) -> Result<Self> {
        Self::new(grid, if cell_bins == 0 { 0 } else { coarse_enough(grid, cell_bins, most) })
    }

    /// The rows and columns of bins that the cells pool.
    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    /// Number of cells.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        count(self.grid, self.cell_bins)
    }

    /// Sums `values` over the bins of each cell; the result is row-major.
    ///
    /// # Panics
    /// When there is not one value for each bin.
    pub(super) fn pooled<T: Copy + Into<f64>>(&self, values: &[T]) -> Vec<f64> {
        assert_eq!(values.len(), self.grid.len(), "one value for each bin");
        pooled(self.grid, self.cell_bins, values)
    }

    /// The centres of the rows of cells and of the columns of cells, in units of the banner's
    /// diagonal.
    pub(super) fn centres(&self) -> (Vec<f64>, Vec<f64>) {
        let diagonal = (self.grid.rows as f64).hypot(self.grid.columns as f64);
        let along = |bins: usize| {
            let middle =
                |start: usize| (start + (start + self.cell_bins).min(bins)) as f64 / 2.0 / diagonal;
            (0..bins).step_by(self.cell_bins).map(middle).collect()
        };
        (along(self.grid.rows), along(self.grid.columns))
    }
}

/// The side of a cell in bins: `cell_bins`, or the next larger size that gives at most `most`
/// cells.
pub(super) fn coarse_enough(grid: Grid, cell_bins: usize, most: usize) -> usize {
    (cell_bins.max(1)..).find(|&bins| count(grid, bins) <= most.max(1)).unwrap_or(cell_bins)
}

/// Number of cells of `cell_bins` x `cell_bins` bins that cover `grid`.
pub(super) fn count(grid: Grid, cell_bins: usize) -> usize {
    grid.rows.div_ceil(cell_bins) * grid.columns.div_ceil(cell_bins)
}

/// Sums over the bins of each cell of `cell_bins` x `cell_bins` bins of `grid`, row-major.
pub(super) fn pooled<T: Copy + Into<f64>>(grid: Grid, cell_bins: usize, values: &[T]) -> Vec<f64> {
    let columns = grid.columns.div_ceil(cell_bins);
    let mut cells = vec![0.0; count(grid, cell_bins)];
    for (row, line) in values.chunks_exact(grid.columns.max(1)).enumerate() {
        let cells = &mut cells[row / cell_bins * columns..][..columns];
        for (column, &value) in line.iter().enumerate() {
            cells[column / cell_bins] += value.into();
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { rows: 3, columns: 4, bin_size_px: 5.0 };

    #[test]
    fn cells_pool_their_bins_and_the_last_ones_are_narrower() {
        let cells = Cells::new(GRID, 3).unwrap();
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        // Columns 0 to 2 of all rows, and column 3.
        assert_eq!(cells.pooled(&values), [45.0, 21.0]);
        assert_eq!(cells.len(), 2);
        let (rows, columns) = cells.centres();
        // The diagonal of 3 x 4 bins is 5.
        assert_eq!((rows, columns), (vec![0.3], vec![0.3, 0.7]));
        assert_eq!(Cells::new(GRID, 1).unwrap().pooled(&[2.0; 12]), [2.0; 12]);
    }

    #[test]
    fn nothing_to_pool_is_an_error() {
        assert!(Cells::new(GRID, 0).unwrap_err().to_string().contains("cell_bins"));
        assert!(Cells::new(Grid { rows: 0, ..GRID }, 1).is_err());
    }
}
