//! [`LearnedScores`]: scores that come from outside the crate, such as those of networks.

use super::world::BenchmarkGrid;
use crate::Result;

/// Further scores of the banners of a grid.
pub trait LearnedScores {
    /// What they are called.
    fn names(&self) -> Vec<String>;

    /// One list of scores for each name.
    ///
    /// # Errors
    /// When features cannot be computed.
    fn scores(&mut self, grid: &BenchmarkGrid) -> Result<Vec<Vec<f64>>>;
}

/// None at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLearned;

impl LearnedScores for NoLearned {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn scores(&mut self, _grid: &BenchmarkGrid) -> Result<Vec<Vec<f64>>> {
        Ok(Vec::new())
    }
}
