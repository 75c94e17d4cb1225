//! [`KnnDistance`]: the mean distance to the nearest of the fitted banners.

use faer::MatRef;

use super::Score;
use super::cosine_anchor::check_length;
use crate::{Error, Result};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnnDistanceConfig {
    /// Nearest banners whose distance counts.
    pub neighbors: usize,
    /// Leave out a fitted row that equals the one that is scored, once: for banners that are scored by a fit to themselves.
    pub without_itself: bool,
}

impl Default for KnnDistanceConfig {
    fn default() -> Self {
        Self { neighbors: 10, without_itself: true }
    }
}

/// The fitted rows.
#[derive(Debug, Clone)]
pub struct KnnDistance {
    config: KnnDistanceConfig,
    rows: Vec<Vec<f64>>,
}

impl KnnDistanceConfig {
    /// Keeps the rows. With fewer than `neighbors` all of them count.
    ///
    /// # Errors
    /// Without a row or a neighbour, or with values that are not finite.
    pub fn fit(&self, rows: MatRef<'_, f64>) -> Result<KnnDistance> {
        if self.neighbors == 0 {
            return Err(Error::config("neighbors", 0, "must be positive"));
        }
        if rows.nrows() == 0 {
            return Err(Error::Data("the nearest banners need a banner".to_owned()));
        }
        let rows: Vec<Vec<f64>> = (0..rows.nrows()).map(|i| rows.row(i).iter().copied().collect()).collect();
        rows.iter().try_for_each(|row| check_length(rows[0].len(), row))?;
        Ok(KnnDistance { config: *self, rows })
    }
}

impl Score<[f64]> for KnnDistance {
    fn name(&self) -> &'static str {
        "knn_distance"
    }

    /// Mean Euclidean distance; 0 when there is no other row.
    fn score(&self, features: &[f64]) -> Result<f64> {
        check_length(self.rows[0].len(), features)?;
        let squared = |row: &Vec<f64>| -> f64 { row.iter().zip(features).map(|(a, b)| (a - b).powi(2)).sum() };
        let mut distances: Vec<f64> = self.rows.iter().map(squared).collect();
        if self.config.without_itself
            && let Some(itself) = distances.iter().position(|d| *d == 0.0)
        {
            distances.swap_remove(itself);
        }
        let k = self.config.neighbors.min(distances.len());
        if k == 0 {
            return Ok(0.0);
        }
        distances.select_nth_unstable_by(k - 1, f64::total_cmp);
        // Summed in order, so that the sum does not depend on how the selection went.
        distances[..k].sort_by(f64::total_cmp);
        Ok(distances[..k].iter().map(|d| d.sqrt()).sum::<f64>() / k as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn the_nearest_count_and_a_row_is_not_its_own_neighbour() {
        let rows = mat![[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [0.0, 0.0]];
        let fit =
            |neighbors, without_itself| KnnDistanceConfig { neighbors, without_itself }.fit(rows.as_ref()).unwrap();
        assert_eq!(fit(1, true).score(&[0.0, 1.0]).unwrap(), 1.0);
        assert_eq!(fit(1, false).score(&[0.0, 1.0]).unwrap(), 0.0);
        // A duplicate of it is a neighbour.
        assert_eq!(fit(2, true).score(&[0.0, 0.0]).unwrap(), 0.5);
        assert_eq!(fit(9, false).score(&[0.0, 0.0]).unwrap(), (5.0 + 1.0) / 4.0);
        let single = KnnDistanceConfig::default().fit(mat![[1.0, 2.0]].as_ref()).unwrap();
        assert_eq!(single.score(&[1.0, 2.0]).unwrap(), 0.0);
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(KnnDistanceConfig { neighbors: 0, ..Default::default() }.fit(mat![[1.0]].as_ref()).is_err());
        assert!(KnnDistanceConfig::default().fit(faer::Mat::<f64>::zeros(0, 3).as_ref()).is_err());
        assert!(KnnDistanceConfig::default().fit(mat![[f64::NAN]].as_ref()).is_err());
        assert!(KnnDistanceConfig::default().fit(mat![[1.0]].as_ref()).unwrap().score(&[1.0, 2.0]).is_err());
    }
}
