//! [`LearnedScores`]: scores that come from outside the crate, such as those of networks.

use super::world::BenchmarkGrid;
use crate::Result;

/// Computes further scores for the banners of a grid, which the benchmark adds to its own.
pub trait LearnedScores {
    /// Returns the names of the scores.
    fn names(&self) -> Vec<String>;

    /// Returns one list of scores for each name, with one score for each banner of `grid`.
    ///
    /// # Errors
    /// When the features that the scores are based on cannot be computed.
    fn scores(&mut self, grid: &BenchmarkGrid) -> Result<Vec<Vec<f64>>>;
}

/// Adds no scores: the benchmark then runs its own methods alone.
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
